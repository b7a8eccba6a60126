// The evidence table: one row for each study, sortable by every column, with own notes, and as a CSV file.
import { element } from "./dom.js";
import { downloadButton } from "./export.js";
import { keepBox, noteField, withNotes } from "./notes.js";

const COLUMNS = [
  ["number", "No."], ["title", "Article"], ["year", "Year"], ["design", "Design"], ["level", "Evidence"], ["n", "n"],
  ["population", "Population"], ["intervention", "Intervention"], ["comparator", "Comparator"], ["outcome", "Outcome"],
  ["direction", "Direction"], ["quote", "Quote"], ["notes", "My notes"],
];
const MEANING = "Read from the abstracts by rule, and blank where an abstract does not say it plainly: check the article. The direction is that of the quote.";

/**
 * The table over studies; null where there are none.
 * @param entries `{ source, study, span }` for each study; `span` is what opens in the article
 * @param shown `{ title, index, levels, keeps, open(id, span), csv() }`; `csv()` promises the table as the server writes it
 */
export function evidenceTable(entries, shown) {
  if (!entries.length) return null;
  const rows = entries.map((entry, place) => rowOf(entry, place, shown));
  const body = element("tbody");
  let order = { key: "number", down: false };
  const headers = COLUMNS.map(([key, name]) => header(name, () => sortBy(key)));

  function sortBy(key) {
    order = { key, down: order.key === key && !order.down };
    fill();
  }

  function fill() {
    const sorted = [...rows].sort((a, b) => compare(a, b, order.key, shown.levels, order.down));
    body.replaceChildren(...sorted.map((row) => line(row, shown)));
    headers.forEach((cell, place) => {
      const state = COLUMNS[place][0] === order.key ? (order.down ? "descending" : "ascending") : "none";
      cell.setAttribute("aria-sort", state);
    });
  }

  const csv = async () => withNotes(await (await shown.csv()).text(), rows);
  fill();
  return element(
    "section",
    { class: "evidence" },
    element("div", { class: "row" }, element("h3", {}, shown.title), element("span", { class: "push" }), downloadButton("Download CSV", "evidence.csv", csv)),
    element("p", { class: "faint" }, MEANING),
    element("div", { class: "scroll", role: "region", "aria-label": shown.title, tabIndex: 0 },
      element("table", {}, element("thead", {}, element("tr", {}, headers)), body)),
    shown.keeps && keepBox(),
  );
}

function rowOf({ source, study, span }, place, { index }) {
  const { design, population, intervention, comparator, outcome, direction } = study;
  return {
    number: place + 1, id: source.document_id, key: `${index} ${source.document_id}`, title: source.title || source.document_id, year: source.year,
    level: source.evidence_level, retracted: source.retracted, pmid: source.url ? source.document_id : "", n: study.participants,
    design, population, intervention, comparator, outcome, direction, quote: study.quote?.quote ?? "", span: span ?? study.quote,
  };
}

function header(name, sort) {
  const button = element("button", { type: "button", class: "sort", onclick: sort }, name);
  return element("th", { scope: "col", "aria-sort": "none" }, button);
}

function line(row, { open }) {
  const title = element("button", { type: "button", class: "link", onclick: () => open(row.id, row.span ?? null) }, row.title);
  const cells = {
    ...row,
    number: String(row.number),
    title: element("div", {}, title, row.pmid && element("span", { class: "faint" }, ` PMID ${row.pmid}`), row.retracted && element("span", { class: "tag danger" }, "retracted")),
    year: row.year === null ? "" : String(row.year),
    n: row.n === null ? "" : row.n.toLocaleString("en"),
    quote: row.quote && element("q", {}, row.quote),
    notes: noteField(row),
  };
  return element("tr", {}, COLUMNS.map(([key, name]) => element("td", { class: key, "data-label": name }, cells[key] || null)));
}

/** What is blank comes last, whichever way the rest is sorted. */
function compare(a, b, key, levels, down) {
  const value = (row) => (key === "level" ? levels.indexOf(row.level) : key === "notes" ? noteField.text(row) : row[key]);
  const [one, other] = [value(a), value(b)];
  const blank = (it) => it === "" || it === null || it === undefined;
  if (blank(one) || blank(other)) return blank(one) - blank(other) || a.number - b.number;
  const sign = typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en");
  return (down ? -sign : sign) || a.number - b.number;
}
