// The articles of an answer: authors, journal, year, addresses, and what must be known before one relies on them.
import { element, outsideLink, plural } from "./dom.js";

const AUTHORS_SHOWN = 3;

/** One article of a list; `record` is null while it is not known yet. */
export function articleLines(source, record, open) {
  return [
    element("button", { type: "button", class: "link", onclick: open }, source.title || source.document_id),
    element("span", { class: "faint" }, facts(source, record)),
    element("span", { class: "tags" },
      source.evidence_level && element("span", { class: "tag" }, source.evidence_level),
      record?.participants && element("span", { class: "tag" }, `n = ${record.participants.toLocaleString("en")}`),
      source.url && outsideLink(source.url, `PMID ${source.document_id}`),
      record?.doi_url && outsideLink(record.doi_url, "DOI"),
      record?.pmc_url && outsideLink(record.pmc_url, "Free text in PMC")),
    source.retracted && element("strong", { class: "banner danger" }, "Retracted. Do not rely on this article."),
    record?.concern && !source.retracted && element("strong", { class: "banner warning" }, "The journal published an expression of concern."),
  ];
}

function facts(source, record) {
  const parts = [authors(record?.authors ?? []), source.journal, record?.date || source.year, source.url ? "" : source.document_id];
  return parts.filter(Boolean).join(" · ");
}

function authors(names) {
  if (names.length <= AUTHORS_SHOWN) return names.join(", ");
  return `${names.slice(0, AUTHORS_SHOWN).join(", ")} and ${plural(names.length - AUTHORS_SHOWN, "other")}`;
}
