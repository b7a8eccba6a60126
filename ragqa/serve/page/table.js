// The evidence table: one row for each quote, sortable by every column, and as a CSV file that the server writes.
import { element } from "./dom.js";
import { quotesButton } from "./export.js";

const COLUMNS = [
  { key: "number", name: "No." },
  { key: "title", name: "Article" },
  { key: "year", name: "Year" },
  { key: "type", name: "Type" },
  { key: "level", name: "Evidence" },
  { key: "support", name: "Support" },
  { key: "quote", name: "Quote" },
];

/** The table over the quotes of an answer, or over its nearest papers; null where it has neither. */
export function evidenceTable(view, open) {
  const rows = rowsOf(view);
  if (!rows.length) return null;
  const body = element("tbody");
  let order = { key: "number", down: false };
  // The nearest papers of an abstention have no quotes.
  const columns = COLUMNS.filter(({ key }) => rows.some((row) => row.span) || (key !== "support" && key !== "quote"));
  const headers = columns.map((column) => header(column, () => sortBy(column.key)));

  function sortBy(key) {
    order = { key, down: order.key === key && !order.down };
    fill();
  }

  function fill() {
    const sorted = [...rows].sort((a, b) => compare(a, b, order.key, view.levels) * (order.down ? -1 : 1));
    body.replaceChildren(...sorted.map((row) => line(row, columns, open)));
    headers.forEach((cell, place) => {
      const state = columns[place].key === order.key ? (order.down ? "descending" : "ascending") : "none";
      cell.setAttribute("aria-sort", state);
    });
  }

  fill();
  return element(
    "section",
    { class: "evidence" },
    element("div", { class: "row" }, element("h3", {}, view.answer.abstained ? "The papers at a glance" : "Evidence table"), element("span", { class: "push" }),
      quotesButton(view)),
    element("div", { class: "scroll", role: "region", "aria-label": "Evidence table", tabIndex: 0 },
      element("table", {}, element("thead", {}, element("tr", {}, headers)), body)),
  );
}

function rowsOf(view) {
  const { answer } = view;
  const quotes = answer.statements.flatMap((statement) =>
    statement.spans.map((span) => ({ span, support: statement.support })));
  return answer.sources.flatMap((source, place) => {
    const facts = {
      number: place + 1, id: source.document_id, title: source.title || source.document_id, journal: source.journal,
      year: source.year, type: source.publication_types.join("; "), level: source.evidence_level,
      retracted: source.retracted, url: source.url,
    };
    const own = quotes.filter(({ span }) => span.document_id === source.document_id);
    return own.length ? own.map(({ span, support }) => ({ ...facts, span, support, quote: span.quote })) : [{ ...facts, quote: "" }];
  });
}

function header(column, sort) {
  const button = element("button", { type: "button", class: "sort", onclick: sort }, column.name);
  return element("th", { scope: "col", "aria-sort": "none" }, button);
}

function line(row, columns, open) {
  const title = element("button", { type: "button", class: "link", onclick: () => open(row.id, row.span ?? null) }, row.title);
  const cells = {
    number: String(row.number),
    title: [title, row.retracted && element("span", { class: "tag danger" }, "retracted")],
    year: row.year === null ? "" : String(row.year),
    type: row.type,
    level: row.level,
    support: row.support === undefined ? "" : row.support.toFixed(2),
    quote: row.quote,
  };
  return element("tr", {}, columns.map(({ key, name }) => element("td", { "data-label": name }, cells[key])));
}

function compare(a, b, key, levels) {
  const value = (row) => (key === "level" ? levels.indexOf(row.level) : row[key]);
  const [one, other] = [value(a), value(b)];
  if (one === other || (one == null && other == null)) return a.number - b.number;
  if (one == null) return 1;
  if (other == null) return -1;
  return typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en");
}
