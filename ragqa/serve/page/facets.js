// Narrowing a list of articles: by year, level of evidence, type, MeSH heading, journal, and whether they are retracted.
import { element, fill, plural } from "./dom.js";

const MOST_BARS = 12;
const MOST_VALUES = 8;

/** What is told of an article: the values that it has in each facet. */
const FACETS = [
  { key: "year", name: "Year", values: (row) => (row.source.year === null ? [] : [row.source.year]) },
  { key: "level", name: "Evidence", values: (row) => [row.source.evidence_level].filter(Boolean) },
  { key: "type", name: "Type", values: (row) => row.source.publication_types },
  { key: "mesh", name: "MeSH", values: (row) => row.record?.mesh ?? [] },
  { key: "journal", name: "Journal", values: (row) => [row.source.journal].filter(Boolean) },
  { key: "retracted", name: "Retracted", values: (row) => [row.source.retracted ? "retracted" : "not retracted"] },
];

export class Facets {
  /** Facets of rows `{ source, record }`; `changed()` is called when others are chosen. */
  constructor(rows, levels, changed) {
    this.rows = rows;
    this.levels = levels;
    this.changed = changed;
    this.chosen = new Map(FACETS.map(({ key }) => [key, new Set()]));
    this.bins = binsOf(rows);
    this.node = element("div", { class: "facets" });
    this.show();
  }

  /** The rows that have a chosen value in every facet where one is chosen. */
  narrowed(except = "") {
    return this.rows.filter((row) => FACETS.every((facet) => facet.key === except || this.#allows(facet, row)));
  }

  get isNarrowed() {
    return [...this.chosen.values()].some((values) => values.size);
  }

  clear() {
    for (const values of this.chosen.values()) values.clear();
    this.#again();
  }

  show() {
    const lists = FACETS.filter(({ key }) => key !== "year").map((facet) => this.#list(facet));
    fill(this.node, this.#histogram(), lists);
  }

  #allows({ key, values }, row) {
    const chosen = this.chosen.get(key);
    if (!chosen.size) return true;
    if (key === "year") return [...chosen].some((place) => inBin(this.bins[place], row));
    return values(row).some((value) => chosen.has(value));
  }

  #toggle(key, value) {
    const chosen = this.chosen.get(key);
    if (!chosen.delete(value)) chosen.add(value);
    this.#again(`${key}:${value}`);
  }

  #again(focused) {
    this.show();
    this.changed();
    [...this.node.querySelectorAll("[data-value]")].find((node) => node.dataset.value === focused)?.focus();
  }

  #histogram() {
    if (this.bins.length < 2) return null;
    const counts = this.bins.map((bin) => this.narrowed("year").filter((row) => inBin(bin, row)).length);
    const most = Math.max(1, ...counts);
    const bars = this.bins.map(({ from, to }, place) => {
      const pressed = String(this.chosen.get("year").has(place));
      const label = `${from === to ? from : `${from} to ${to}`}: ${plural(counts[place], "article")}`;
      const bar = element("button", { type: "button", class: "year", title: label, "aria-label": label, "aria-pressed": pressed, "data-value": `year:${place}`, onclick: () => this.#toggle("year", place) }, element("span", {}));
      bar.style.setProperty("--height", counts[place] / most);
      return bar;
    });
    const ends = element("div", { class: "ends faint", "aria-hidden": "true" }, element("span", {}, String(this.bins[0].from)), element("span", {}, String(this.bins.at(-1).to)));
    return element("fieldset", { class: "histogram" }, element("legend", {}, "Year"), element("div", { class: "bars" }, bars), ends);
  }

  #list(facet) {
    const counts = new Map();
    for (const row of this.narrowed(facet.key)) for (const value of new Set(facet.values(row))) counts.set(value, (counts.get(value) ?? 0) + 1);
    const chosen = this.chosen.get(facet.key);
    for (const value of chosen) if (!counts.has(value)) counts.set(value, 0);
    if (counts.size < 2 && !chosen.size) return null;
    const order = ([one, n], [other, m]) => (facet.key === "level" ? this.levels.indexOf(one) - this.levels.indexOf(other) : m - n || one.localeCompare(other, "en"));
    const sorted = [...counts].sort(order);
    const shown = sorted.filter(([value], place) => place < MOST_VALUES || chosen.has(value));
    const lines = shown.map(([value, n]) => element("label", {},
      element("input", { type: "checkbox", checked: chosen.has(value), "data-value": `${facet.key}:${value}`, onchange: () => this.#toggle(facet.key, value) }), " ", value, " ",
      element("span", { class: "faint" }, String(n))));
    const more = sorted.length - shown.length;
    return element("fieldset", {}, element("legend", {}, facet.name), lines, more > 0 && element("p", { class: "faint" }, `and ${plural(more, "rarer one", "rarer ones")}`));
  }
}

function inBin({ from, to }, row) {
  return row.source.year !== null && from <= row.source.year && row.source.year <= to;
}

function binsOf(rows) {
  const years = rows.map((row) => row.source.year).filter((year) => year !== null);
  if (!years.length) return [];
  const [first, last] = [Math.min(...years), Math.max(...years)];
  const width = Math.ceil((last - first + 1) / MOST_BARS);
  const bins = [];
  for (let from = first; from <= last; from += width) bins.push({ from, to: Math.min(from + width - 1, last) });
  return bins;
}
