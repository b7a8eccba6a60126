// All that was found for a question, cited or not: sorted, narrowed, page by page, with the sentence that fits best.
import * as api from "./api.js";
import { element, fill, plural } from "./dom.js";
import { saveButtons } from "./export.js";
import { Facets } from "./facets.js";
import { articleLines } from "./sources.js";
import { evidenceTable } from "./table.js";

const PER_PAGE = 20;
const ORDERS = [["rank", "best first"], ["newest", "newest first"], ["oldest", "oldest first"], ["level", "strongest evidence first"]];

/** A part that is loaded once it is opened; `open(id)` opens an article. */
export function resultsView(view, open) {
  const body = element("div", { class: "results-body" }, element("p", { class: "faint", role: "status" }, "One moment …"));
  const details = element("details", { class: "results" }, element("summary", {}, "All results"), body);
  let loaded = false;
  details.addEventListener("toggle", async () => {
    if (!details.open || loaded) return;
    loaded = true;
    try {
      fill(body, await results(view, open));
    } catch (problem) {
      loaded = false;
      const again = () => { details.open = false; details.open = true; };
      fill(body, element("p", { class: "box warning", role: "alert" }, problem.message), element("button", { type: "button", onclick: again }, "Try again"));
    }
  });
  return details;
}

async function results(view, open) {
  const { hits } = await view.found();
  if (!hits.length) return element("p", {}, "No article was found.");
  const records = await api.records(view.index, hits.map((hit) => hit.document_id), words(view));
  const rows = hits.map((hit) => ({ ...hit, record: records.get(hit.document_id), fate: view.total === undefined ? fate(view.answer, hit) : "" }));
  const list = element("ol", { class: "sources found" });
  const count = element("p", { role: "status", tabIndex: -1 });
  const pages = element("div", { class: "row" });
  const save = element("div");
  const table = element("div");
  const asTable = element("input", { type: "checkbox", onchange: () => show(0) });
  const facets = new Facets(rows, view.levels, () => show(0));
  const order = element("select", { onchange: () => show(0) }, ORDERS.map(([value, name]) => element("option", { value }, name)));
  const clear = element("button", { type: "button", class: "quiet", onclick: () => { facets.clear(); count.focus(); } }, "Show all again");

  function show(page) {
    const shown = facets.narrowed().sort(compare(order.value, view.levels));
    const from = page * PER_PAGE;
    const part = shown.slice(from, from + PER_PAGE);
    fill(list, !asTable.checked && part.map((row) => line(row, () => open(row.document_id, null))));
    fill(table, asTable.checked && studies(view, part, open));
    list.start = from + 1;
    list.style.setProperty("counter-reset", `source ${from}`);
    const whole = extent(rows.length, view);
    fill(count, facets.isNarrowed ? `${shown.length} of ${whole}` : whole[0].toUpperCase() + whole.slice(1), shown.length > PER_PAGE && `, ${from + 1} to ${from + part.length} shown`);
    clear.hidden = !facets.isNarrowed;
    const turn = (name, to, allowed) => element("button", { type: "button", disabled: !allowed, onclick: () => { show(to); count.focus(); count.scrollIntoView(); } }, name);
    fill(pages, shown.length > PER_PAGE && [turn("Previous", page - 1, page > 0), turn("Next", page + 1, from + PER_PAGE < shown.length)]);
    fill(save, shown.length > 0 && saveButtons("Save these", view.index, async () => shown.map((row) => row.document_id)));
  }

  show(0);
  return [
    element("div", { class: "row results-head" }, count, clear, element("span", { class: "push" }), element("label", {}, asTable, " as an evidence table"), element("label", {}, "Order ", order)),
    save,
    element("details", { class: "narrow" }, element("summary", {}, "Narrow by year, evidence, type, MeSH, journal"), facets.node),
    list,
    table,
    pages,
  ];
}

function studies({ index, levels, keeps }, part, open) {
  const csv = () => api.exported(index, part.map((row) => row.document_id), "evidence");
  const entries = part.map((row) => ({ source: row.source, study: row.record.study }));
  return evidenceTable(entries, { title: "Studies found", index, levels, keeps, open, csv });
}

function extent(n, { most, total }) {
  if (total > n) return `the first ${n} of ${total.toLocaleString("en")} articles found`;
  return n < most || total === n ? `${plural(n, "article")} found` : `the ${n} best articles`;
}

/** What is looked for in the sentences: of a query with fields its words. */
function words({ answer, total }) {
  return total === undefined ? answer.question.text : answer.question.text.replace(/\[[^\]]*\]|\b(?:AND|OR|NOT)\b/g, " ");
}

/** What became of an article that was found. */
function fate(answer, hit) {
  const id = hit.document_id;
  if (answer.sources.some((source) => source.document_id === id && source.cited)) return "cited";
  if (!answer.hits.some((one) => one.document_id === id)) return `not read: only the best ${answer.hits.length} are`;
  if (hit.source.retracted) return "read but not cited: retracted articles support nothing";
  return answer.abstained ? "read: no sentence of it suffices for an answer" : "read but not cited: no sentence of it answers better than those cited";
}

function line(row, open) {
  return element("li", {},
    articleLines(row.source, row.record, open),
    row.record?.sentence && element("p", { class: "fits" }, marked(row.record.sentence, new Set(row.record.words))),
    row.fate && element("span", { class: row.fate === "cited" ? "tag" : "faint" }, row.fate));
}

/** The sentence with the words that it shares with the question marked. */
function marked(sentence, words) {
  return sentence.split(/(\s+)/).map((piece) => {
    const bare = piece.replace(/^[.,;:()[\]"']+|[.,;:()[\]"']+$/g, "");
    return bare && words.has(bare) ? element("mark", {}, piece) : piece;
  });
}

function compare(order, levels) {
  const byRank = (a, b) => a.rank - b.rank;
  const year = (row) => row.source.year ?? (order === "oldest" ? Infinity : -Infinity);
  const level = (row) => (levels.includes(row.source.evidence_level) ? levels.indexOf(row.source.evidence_level) : levels.length);
  const keys = { rank: byRank, newest: (a, b) => year(b) - year(a), oldest: (a, b) => year(a) - year(b), level: (a, b) => level(a) - level(b) };
  return (a, b) => keys[order](a, b) || byRank(a, b); // NaN (two without a year) leaves the rank
}
