// The answer, complete or on its way: verdict, statements with numbered citations, warnings, sources, and the evidence table.
import { openArticle } from "./article.js";
import { element, percent, plural } from "./dom.js";
import * as api from "./api.js";
import { copyButtons, saveButtons } from "./export.js";
import { evidenceTable } from "./table.js";

/** The children of the answer's article. */
export function answerView(answer, index, served, filter) {
  const view = { answer, index, levels: served.evidence_levels, numbers: numbersOf(answer) };
  view.found = once(() => api.search(answer.question.text, filter, index, served.most_hits));
  const ids = async () => (await view.found()).hits.map((hit) => hit.document_id);
  return [
    element("h2", { class: "asked", tabIndex: -1 }, answer.question.text),
    answer.abstained ? abstention(answer) : verdict(answer),
    exactAnswers(view),
    statements(view),
    notices(answer),
    copyButtons(view),
    answer.hits.length > 0 && saveButtons("Save all found", index, ids),
    sources(view),
    evidenceTable(view, (id, current) => open(view, id, current)),
    element("p", { class: "faint" }, timing(answer)),
  ];
}

/** A function whose promise is made at the first call, and again after it failed. */
function once(work) {
  let made = null;
  return () => (made ??= work().catch((problem) => { made = null; throw problem; }));
}

/** The statements of an answer that is still being written, numbered in the order in which they cite. */
export class Partial {
  constructor(question, index) {
    this.view = { answer: { question: { text: question }, statements: [], exact_answers: [], sources: [] }, index, numbers: new Map() };
  }

  get empty() {
    return this.view.answer.statements.length === 0;
  }

  /** The line of one more statement. */
  line(statement) {
    this.view.answer.statements.push(statement);
    const { numbers } = this.view;
    for (const span of statement.spans) if (!numbers.has(span.document_id)) numbers.set(span.document_id, numbers.size + 1);
    return element("p", { class: "statement" }, statement.text, marks(this.view, statement.spans));
  }

  /** What stands above the lines once no more will come. */
  ending(why) {
    return [
      element("h2", { class: "asked", tabIndex: -1 }, this.view.answer.question.text),
      element("p", { class: "box warning", role: "alert" }, element("strong", {}, "Incomplete answer. "), why,
        " What follows was not checked as a whole, and has no verdict."),
    ];
  }
}

/** What a screen reader hears when the answer is there. */
export function spoken(answer) {
  if (answer.abstained) return `No answer. ${answer.reason}`;
  const label = answer.verdict ? `${capital(answer.verdict)}. ` : "";
  return `The answer is here. ${label}${plural(answer.statements.length, "statement")} from ${plural(answer.sources.length, "article")}.`;
}

export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** All spans of an answer that lie in one article. */
export function spansIn(answer, id) {
  const all = [...answer.statements, ...answer.exact_answers].flatMap((part) => part.spans);
  return all.filter((span) => span.document_id === id);
}

function numbersOf(answer) {
  return new Map(answer.sources.map((source, place) => [source.document_id, place + 1]));
}

function open(view, id, current) {
  openArticle(view.index, id, spansIn(view.answer, id), current ?? spansIn(view.answer, id)[0] ?? null);
}

function verdict(answer) {
  if (!answer.verdict) return null;
  const labels = ["yes", "maybe", "no"].filter((label) => label in answer.verdict_probabilities);
  const rows = labels.map((label) => {
    const value = answer.verdict_probabilities[label];
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", value);
    return element("li", { class: label === answer.verdict ? `chosen ${label}` : label }, capital(label), bar, percent(value));
  });
  return element(
    "div",
    { class: `verdict ${answer.verdict}` },
    element("p", { class: "label" }, capital(answer.verdict)),
    element("ul", { class: "plain", "aria-label": "Probabilities of the verdicts" }, rows),
  );
}

function abstention(answer) {
  return element(
    "div",
    { class: "box" },
    element("p", { class: "label" }, "No answer"),
    element("p", {}, answer.reason || "The evidence found does not suffice for an answer."),
  );
}

function exactAnswers(view) {
  const { answer } = view;
  if (!answer.exact_answers.length) return null;
  const items = answer.exact_answers.map((exact) =>
    element("li", {}, element("strong", {}, exact.text), " ", element("span", { class: "faint" }, percent(exact.score)), marks(view, exact.spans)),
  );
  return element("ul", { class: "exact", "aria-label": "Candidate answers" }, items);
}

function statements(view) {
  if (!view.answer.statements.length) return null;
  const lines = view.answer.statements.map((statement) =>
    element("p", { class: "statement" }, statement.text, marks(view, statement.spans)),
  );
  return element("section", { "aria-label": "Statements" }, lines);
}

/** One numbered button for each article that the spans lie in; it opens at its first span. */
function marks(view, spans) {
  const first = new Map();
  for (const span of spans) if (!first.has(span.document_id)) first.set(span.document_id, span);
  return [...first].map(([id, span]) => {
    const number = view.numbers.get(id);
    const title = view.answer.sources[number - 1]?.title ?? id;
    const onclick = () => open(view, id, span);
    return element(
      "button",
      { type: "button", class: "cite", title, "aria-label": `Citation ${number}: ${title}`, "data-quote": span.quote, onclick },
      String(number),
    );
  });
}

function notices(answer) {
  if (!answer.notices.length) return null;
  const lines = answer.notices.map((notice) =>
    element("li", {}, element("strong", {}, `${capital(notice.kind.replaceAll("_", " "))}: `), notice.message),
  );
  return element("ul", { class: "box warning notices", "aria-label": "Warnings" }, lines);
}

function sources(view) {
  const { answer } = view;
  if (!answer.sources.length) return null;
  const items = answer.sources.map((source) => {
    const onclick = () => open(view, source.document_id, null);
    const facts = [source.journal, source.year, source.document_id && (source.url ? `PMID ${source.document_id}` : source.document_id)];
    return element(
      "li",
      {},
      element("button", { type: "button", class: "link", onclick }, source.title || source.document_id),
      element("span", { class: "faint" }, facts.filter(Boolean).join(" · ")),
      source.evidence_level && element("span", { class: "tag" }, source.evidence_level),
      source.retracted && element("span", { class: "tag danger" }, "retracted"),
    );
  });
  const heading = answer.abstained ? "Nearest papers" : "Sources";
  return element("section", {}, element("h3", {}, heading), element("ol", { class: "sources" }, items));
}

function timing(answer) {
  const total = answer.timings_ms.total;
  const build = answer.manifest_hash.slice(0, 12);
  return `${total === undefined ? "" : `Answered in ${(total / 1000).toFixed(2)} s. `}Index build ${build}.`;
}
