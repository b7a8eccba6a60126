// The answer, complete or on its way: verdict, statements with numbered citations, warnings, sources, and the evidence table.
import { openArticle } from "./article.js";
import { element, fill, percent, plural, sentence } from "./dom.js";
import * as api from "./api.js";
import { copyButtons, saveButtons } from "./export.js";
import { followUp, readAs, relatedQuestions } from "./follow.js";
import { resultsView } from "./results.js";
import { articleLines } from "./sources.js";
import { evidenceTable } from "./table.js";
import { inWords, isWithheld, verdictView, withheldView } from "./verdict.js";
import { watchButton } from "./watch.js";

const WEAK_CANDIDATE = 0.3;
const MOST_WEAK = 5; // shown at once where there is no better one
const TOLD_ELSEWHERE = ["completed", "asked_back", "verdict_withheld"];
const FIRST = ["conflicting", "false_presupposition", "language", "partly_searched", "unknown_words", "unmentioned_names"]; // statements would be read wrongly without
const NOTICES = { conflicting: "Articles disagree", false_presupposition: "Mistaken premise", normalised: "Read as", unknown_words: "Not in the index", unmentioned_names: "Not in the articles found" };

/** The children of the answer's article; `follow(text)` asks a follow-up. */
export function answerView(answer, index, served, request, follow) {
  const view = { answer, index, levels: served.evidence_levels, most: served.most_hits, keeps: served.history, numbers: numbersOf(answer) };
  view.records = once(() => api.records(index, answer.sources.map((source) => source.document_id), answer.question.text));
  view.found = once(() => api.search(answer.question.text, request.filter, index, served.most_hits));
  const ids = async () => (await view.found()).hits.map((hit) => hit.document_id);
  return [
    element("h2", { class: "asked", tabIndex: -1 }, answer.question.text),
    readAs(answer, request),
    answer.abstained && abstention(answer),
    answer.verdict && filledTwice(view, element("div"), (records) => verdictView(answer, view.levels, records)),
    !answer.verdict && withheldView(answer),
    notices(view, (kind) => FIRST.includes(kind)),
    exactAnswers(view),
    statements(view),
    notices(view, (kind) => !FIRST.includes(kind)),
    followUp(follow),
    element("div", {}, copyButtons(view, served.watch && watchButton(answer.question.text, index)),
      answer.hits.length > 0 && saveButtons("Save all found", index, ids)),
    answer.sources.length > 0 && element("section", {}, element("h3", {}, answer.abstained ? "Nearest articles" : "Sources"),
      filledTwice(view, element("div"), (records) => sources(view, records))),
    evidence(view),
    answer.hits.length > 0 && resultsView(view, (id, current) => open(view, id, current)),
    relatedQuestions(answer.question.text, request),
    element("p", { class: "faint" }, reach(served, index), timing(answer)),
  ];
}

/** The children of the answer's article where only articles were searched for. */
export function articlesView(found, index, served, request) {
  const answer = { question: { text: request.question }, sources: [], hits: [], statements: [], exact_answers: [] };
  const view = { answer, index, levels: served.evidence_levels, most: served.most_hits, keeps: served.history, total: found.total };
  view.found = async () => found;
  const results = resultsView(view, (id, current) => open(view, id, current));
  results.open = true;
  return [element("h2", { class: "asked", tabIndex: -1 }, request.question), results];
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
  const label = answer.verdict ? `${inWords(answer)}. ` : isWithheld(answer) ? "No verdict. " : "";
  return `The answer is here. ${label}${plural(answer.statements.length, "statement")} from ${plural(answer.sources.length, "article")}.`;
}

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

function abstention(answer) {
  const asksBack = answer.notices.some((notice) => notice.kind === "asked_back");
  return element(
    "div",
    { class: "box" },
    element("p", { class: "label" }, asksBack ? "Which do you mean?" : "No answer"),
    element("p", {}, answer.reason || "The evidence found does not suffice for an answer."),
  );
}

function exactAnswers(view) {
  const { answer } = view;
  if (!answer.exact_answers.length) return null;
  const list = (weak) => answer.exact_answers.filter((exact) => exact.score < WEAK_CANDIDATE === weak).map((exact) =>
    element("li", { class: weak ? "weak" : "" }, element("strong", {}, exact.text), " ", element("span", { class: "faint" }, percent(exact.score)), marks(view, exact.spans)));
  const [good, weak] = [list(false), list(true)];
  return [
    good.length > 0 && element("ul", { class: "exact", "aria-label": "Candidate answers" }, good),
    weak.length > 0 && element("details", { open: !good.length && weak.length <= MOST_WEAK },
      element("summary", {}, plural(weak.length, "weak candidate")), element("ul", { class: "exact", "aria-label": "Weak candidates" }, weak)),
  ];
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

/** The notices of the kinds that are `wanted`; one on an article opens it. */
function notices(view, wanted) {
  const { answer } = view;
  const shown = answer.notices.filter(({ kind }) => wanted(kind) && !TOLD_ELSEWHERE.includes(kind) && (kind !== "conflicting" || !answer.verdict));
  const lines = shown.map(({ kind, message, document_id: id }) => element("li", {}, element("strong", {}, `${NOTICES[kind] ?? sentence(kind.replaceAll("_", " "))}: `), message,
    id && [" ", element("button", { type: "button", class: "link", onclick: () => open(view, id, null) }, titleOf(answer, id))]));
  return lines.length > 0 && element("ul", { class: "box warning notices", "aria-label": "Warnings" }, lines);
}

function titleOf(answer, id) {
  return answer.sources.find((source) => source.document_id === id)?.title || `Article ${id}`;
}

function sources(view, records) {
  const { answer } = view;
  if (!answer.sources.length) return null;
  const items = answer.sources.map((source) =>
    element("li", {}, articleLines(source, records?.get(source.document_id), () => open(view, source.document_id, null))),
  );
  return element("ol", { class: "sources" }, items);
}

function evidence(view) {
  const { answer, index, levels, keeps } = view;
  const entries = answer.sources.map((source, place) => ({ source, study: answer.studies[place] }));
  const title = answer.abstained ? "The articles at a glance" : "Evidence table";
  return evidenceTable(entries, { title, index, levels, keeps, open: (id, span) => open(view, id, span), csv: () => api.rendered(answer, "evidence") });
}

/** What the answer says of its articles, now as it knows them, and again once more is known. */
function filledTwice(view, node, children) {
  fill(node, children(null));
  view.records().then((records) => refill(node, children(records)), () => { /* what is known already stays */ });
  return node;
}

/** Fill a node anew; what was opened in it stays open, and what had the focus has it. */
function refill(node, children) {
  const opened = [...node.querySelectorAll("details")].map((one) => one.open);
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  fill(node, children);
  node.querySelectorAll("details").forEach((one, place) => { one.open = opened[place]; });
  if (focused) [...node.querySelectorAll(focused.tagName)].find((one) => one.textContent === focused.textContent)?.focus();
}

/** Up to when the articles reach that the answer is from. */
function reach(served, name) {
  const reaches = served.indexes.find((index) => index.name === name)?.reaches;
  return reaches ? `The newest article in this corpus is from ${reaches}; later ones were not searched. ` : "";
}

function timing(answer) {
  const total = answer.timings_ms.total;
  const build = answer.manifest_hash.slice(0, 12);
  return `${total === undefined ? "" : `Answered in ${(total / 1000).toFixed(2)} s. `}Index build ${build}.`;
}
