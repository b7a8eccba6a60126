// The article behind a citation: its abstract with the quoted words marked, and what kind of evidence it is.
import * as api from "./api.js";
import { byId, element, fill, outsideLink, slice } from "./dom.js";

let opened = 0; // how many times an article was opened: what comes late for an earlier one is not shown

/**
 * Open an article.
 * @param index the index that it is in
 * @param id its id
 * @param spans all spans of the answer that lie in it
 * @param current the span that was clicked, or null
 */
export async function openArticle(index, id, spans, current) {
  const dialog = byId("article");
  const own = ++opened;
  fill(dialog, frame("Loading …"), element("p", { class: "faint", role: "status" }, "One moment."));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  let shown;
  try {
    shown = await api.article(index, id);
  } catch (problem) {
    if (own === opened) fill(dialog, frame("The article cannot be shown"), element("p", { role: "alert" }, problem.message));
    return;
  }
  if (own !== opened) return;
  const { document: article, source } = shown;
  fill(
    dialog,
    frame(source.title || id),
    warning(article),
    facts(article, source),
    article.sections.filter((section) => section.name !== "title").map((section) => text(section, spans, current)),
  );
  const titleSpans = spans.filter((span) => span.section === "title");
  if (titleSpans.length) markTitle(article, titleSpans, current);
  dialog.querySelector(".close").focus({ preventScroll: true });
  dialog.querySelector("mark.current")?.scrollIntoView({ block: "center" });
}

function frame(title) {
  const close = () => byId("article").close();
  return [
    element("button", { type: "button", class: "quiet close", "aria-label": "Close the article", onclick: close }, "✕"),
    element("h2", { id: "article-title" }, title),
  ];
}

function warning(article) {
  const concern = article.links.some((link) => link.kind === "ExpressionOfConcernIn");
  if (!article.retracted && !concern) return null;
  const words = article.retracted
    ? "This article was retracted. Do not rely on it."
    : "The journal published an expression of concern about this article.";
  return element("p", { class: article.retracted ? "box danger" : "box warning", role: "alert" }, words);
}

function facts(article, source) {
  const rows = [
    ["Journal", article.journal],
    ["Published", article.date || article.year],
    ["Authors", shortened(article.authors)],
    ["Type", source.publication_types.join(", ")],
    ["Evidence", source.evidence_level],
    ["PMID", source.url ? outsideLink(source.url, source.document_id) : null],
    ["Id", source.url ? null : source.document_id],
    ["DOI", article.doi ? outsideLink(`https://doi.org/${encodeURI(article.doi)}`, article.doi) : null],
  ];
  const kept = rows.filter(([, value]) => value);
  return element("dl", { class: "facts" }, kept.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function shortened(authors) {
  return authors.length > 6 ? `${authors.slice(0, 6).join(", ")} and ${authors.length - 6} more` : authors.join(", ");
}

function text(section, spans, current) {
  const heading = section.label ? element("h3", {}, section.label) : null;
  const inside = spans.filter((span) => span.section === section.name);
  return element("section", {}, heading, element("p", { class: "abstract" }, marked(section.text, inside, current)));
}

function markTitle(article, spans, current) {
  const title = article.sections.find((section) => section.name === "title");
  fill(byId("article-title"), marked(title.text, spans, current));
}

/** The text with its spans marked: the current one whole, others where they do not run into one before. */
function marked(whole, spans, current) {
  const chosen = [];
  const isCurrent = (span) => current && same(span, current);
  for (const span of [...spans].sort((a, b) => isCurrent(b) - isCurrent(a) || a.begin - b.begin)) {
    if (chosen.every((other) => span.end <= other.begin || other.end <= span.begin)) chosen.push(span);
  }
  chosen.sort((a, b) => a.begin - b.begin);
  const pieces = [];
  let place = 0;
  for (const span of chosen) {
    pieces.push(slice(whole, place, span.begin));
    pieces.push(element("mark", { class: isCurrent(span) ? "current" : "other" }, slice(whole, span.begin, span.end)));
    place = span.end;
  }
  pieces.push(slice(whole, place));
  return pieces;
}

function same(one, other) {
  return one.section === other.section && one.begin === other.begin && one.end === other.end;
}
