// A checked text: what stands in it, marked, and beside it what articles say to each claim and of each reference.
import * as api from "./api.js";
import { element, outsideLink, percent, plural, sentence, slice } from "./dom.js";
import { renderButtons } from "./export.js";
import { kindOfArticle } from "./verdict.js";

const VERDICTS = { supported: "Supported", contradicted: "Contradicted", mixed: "Articles disagree", not_found: "Nothing found" };
const STATUSES = {
  found: "Found", mismatch: "Does not match", retracted: "Retracted", concern: "Expression of concern", missing: "Not in the corpus",
  unknown: "Cannot be looked up",
};
const OF_REFERENCES = { ...STATUSES, mismatch: "That do not match", concern: "Under concern", unknown: "That cannot be looked up" };
const SAYS = { supports: "the article supports it", contradicts: "the article contradicts it", neither: "the abstract does not say so" };
const WEAK = 0.5;

/** The children of the section that shows a whole checked text. */
export function checkedView(checked) {
  return [
    element("h2", { tabIndex: -1 }, "The checked text"),
    counts(checked),
    element("p", { class: "faint" },
      `${plural(checked.summary.not_checked, "sentence was", "sentences were")} not checked (headings, questions, advice, fragments). “Nothing found” does not mean that a claim is wrong. ` +
      "Every judgement is a program's: read the words quoted before you rely on it."),
    renderButtons("Save:", [["html", "Page", "checked.html"], ["csv", "CSV", "checked.csv"]], (format) => api.renderedCheck(checked, format)),
    checked.blocks.map(([kind, text], place) => row(checked, kind, text, place)),
  ];
}

/** How many claims and references have which judgement. */
export function counts({ claims, references }) {
  const line = (list, names, key, before) => Object.entries(names).map(([value, name]) => {
    const n = list.filter((one) => one[key] === value).length;
    return n > 0 && element("li", { class: value }, `${before}${before ? name.toLowerCase() : name}: ${n}`);
  });
  return element("ul", { class: "counts", "aria-label": "Summary" }, line(claims, VERDICTS, "verdict", ""), line(references, OF_REFERENCES, "status", "References "));
}

/** What is told of a claim (with its place) or a reference (without); `quoted` repeats its words. */
export function note(one, place, quoted = false) {
  return place === null ? referenceNote(one, quoted) : claimNote(one, place, quoted);
}

function claimNote(claim, place, quoted) {
  const bare = (text) => text.replace(/\.+$/, "");
  return element("div", { class: `note ${claim.verdict}`, id: quoted ? "" : `claim-${place + 1}` },
    element("h3", {}, `${place + 1}. ${verdictName(claim)}`),
    quoted && element("p", {}, claim.text),
    bare(claim.read) !== bare(claim.text) && element("p", { class: "faint" }, `Read as: ${claim.read}`),
    citations("For it", claim.supporting),
    citations("Against it", claim.contradicting),
    claim.notes.map((text) => element("p", { class: "faint" }, text)));
}

function verdictName({ verdict, probability }) {
  const name = VERDICTS[verdict] ?? verdict;
  if (verdict === "not_found") return name;
  return `${probability < WEAK ? `Possibly ${name.toLowerCase()}` : name} (${percent(probability)})`;
}

function citations(heading, list) {
  if (!list.length) return null;
  const items = list.map((one) => {
    const facts = [one.journal, one.year, kindOfArticle(one.evidence_level)].filter(Boolean).join(", ");
    return element("li", {}, quoted(one), element("span", { class: "faint source" },
      outsideLink(one.url, one.title || one.document_id), ` ${facts}`, one.retracted && element("strong", { class: "tag danger" }, "retracted")));
  });
  return [element("h4", {}, heading), element("ul", {}, items)];
}

/** The words that are quoted of an article, the best sentence first. */
function quoted(one) {
  return [one.quote, ...(one.more ?? []).map((span) => span.quote)].map((words) => [element("q", {}, words), " "]);
}

function referenceNote(one, quoted) {
  const pubmed = /^\d+$/.test(one.document_id) ? `https://pubmed.ncbi.nlm.nih.gov/${one.document_id}/` : "";
  return element("div", { class: `note ${one.status}` },
    element("h3", {}, `Reference: ${(STATUSES[one.status] ?? one.status).toLowerCase()}`),
    quoted && element("p", {}, one.text),
    one.document_id && element("p", { class: "faint" }, outsideLink(pubmed, one.title || one.document_id)),
    one.problems.map((text) => element("p", {}, sentence(text))),
    one.supports.map(([claim, told]) => element("p", { class: "faint" }, `Claim ${claim + 1}, which cites it: ${SAYS[told] ?? told}`)));
}

function row(checked, kind, text, place) {
  const claims = checked.claims.map((one, number) => ({ ...one, number })).filter((one) => one.block === place);
  const references = checked.references.filter((one) => one.block === place);
  return element("section", { class: `checked-row ${kind === "item" && /^\W?\d/.test(text) ? "" : kind}` },
    element("div", { class: "words" }, marked(text, claims, references)),
    element("div", {}, claims.map((one) => note(one, one.number)), references.map((one) => note(one, null))));
}

/** The text with its claims marked, and references where they stand outside of claims. */
function marked(text, claims, references) {
  const outside = references.filter((one) => !claims.some((claim) => claim.begin < one.end && one.begin < claim.end));
  const spans = [...claims, ...outside].sort((a, b) => a.begin - b.begin || a.end - b.end);
  const pieces = [];
  let at = 0;
  for (const span of spans) {
    if (span.begin < at) continue;
    pieces.push(slice(text, at, span.begin), mark(slice(text, span.begin, span.end), span));
    at = span.end;
  }
  return [...pieces, slice(text, at)];
}

function mark(words, span) {
  if (span.number === undefined) return element("mark", { class: span.status }, words);
  const go = () => document.getElementById(`claim-${span.number + 1}`)?.scrollIntoView({ block: "center" });
  return [element("mark", { class: span.verdict }, words),
    element("button", { type: "button", class: "cite", "aria-label": `Claim ${span.number + 1}: ${verdictName(span)}`, onclick: go }, String(span.number + 1))];
}
