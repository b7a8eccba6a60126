// The verdict as it is: how sure, from which studies, with how many participants, and what the probability means.
import { element, percent, plural } from "./dom.js";

const SURE = 0.9;
const WEAK = 0.7;
const KINDS = {
  "systematic review or meta-analysis": ["systematic review or meta-analysis", "systematic reviews or meta-analyses"],
  "randomised controlled trial": ["randomised controlled trial"],
  "other trial": ["other trial"],
  "cohort or case-control study": ["cohort or case-control study", "cohort or case-control studies"],
  "case report": ["case report"],
  "expert opinion or other": ["article of another kind", "articles of other kinds"],
  "animal or in vitro study": ["animal or in vitro study", "animal or in vitro studies"],
};

/** What an article of an evidence level is, in words. */
export function kindOfArticle(level) {
  return KINDS[level]?.[0] ?? level;
}

/** The verdict of an answer; `records` are its articles by id, as far as they are known already. */
export function verdictView(answer, levels, records) {
  const share = answer.verdict_probabilities[answer.verdict];
  const weak = share !== undefined && share < WEAK;
  return element(
    "div",
    { class: `verdict ${weak ? "weak" : answer.verdict}` },
    element("p", { class: "label" }, inWords(answer)),
    element("p", { class: "basis" }, `${weak ? "Weak: " : ""}${basis(answer, levels, records)}`),
    bar(answer, levels),
    disagreement(answer),
    meaning(answer),
  );
}

const withheld = (answer) => answer.notices.find((notice) => notice.kind === "verdict_withheld");

/** Whether the question asks for a verdict and none is certain enough to be told. */
export const isWithheld = (answer) => Boolean(withheld(answer));

/** What stands in the place of a verdict that is withheld; null where none is. */
export function withheldView(answer) {
  const notice = withheld(answer);
  return notice ? element("div", { class: "verdict weak" }, element("p", { class: "label" }, "No verdict"), element("p", {}, notice.message), meaning(answer)) : null;
}

/** "Probably yes": the certainty is part of the words. */
export function inWords(answer) {
  const share = answer.verdict_probabilities[answer.verdict] ?? 0;
  if (answer.verdict === "maybe" || share < WEAK) {
    return answer.verdict === "maybe" ? "Unclear" : `Unclear, leaning to ${answer.verdict}`;
  }
  return share < SURE ? `Probably ${answer.verdict}` : `${answer.verdict === "yes" ? "Yes" : "No"}, as far as these articles tell`;
}

/** "from 1 cohort or case-control study (n = 203)". */
function basis(answer, levels, records) {
  const parts = byLevel(answer, levels).map(([level, sources]) => {
    const [one, many] = KINDS[level] ?? [level];
    return `${plural(sources.length, one, many)}${people(sources, records)}`;
  });
  return `from ${listed(parts) || "no article"}`;
}

function people(sources, records) {
  const counts = sources.map((source) => records?.get(source.document_id)?.participants ?? null);
  if (!counts.length || counts.every((count) => count === null)) return "";
  const sum = counts.reduce((total, count) => total + (count ?? 0), 0);
  return counts.includes(null) ? ` (n ≥ ${sum.toLocaleString("en")})` : ` (n = ${sum.toLocaleString("en")})`;
}

function byLevel(answer, levels) {
  const cited = answer.sources.filter((source) => source.cited);
  const groups = levels.map((level) => [level, cited.filter((source) => source.evidence_level === level)]);
  return groups.filter(([, sources]) => sources.length);
}

/** A small bar: one part for each level of evidence, as long as it has articles, the strongest first. */
function bar(answer, levels) {
  const groups = byLevel(answer, levels);
  if (groups.length === 0) return null;
  const parts = groups.map(([level, sources]) => {
    const part = element("span", { class: "part", "data-level": String(levels.indexOf(level)), title: `${sources.length} × ${level}` }, String(sources.length));
    part.style.setProperty("flex-grow", sources.length);
    return part;
  });
  const label = `Cited articles by level of evidence, the strongest first: ${groups.map(([level, sources]) => `${sources.length} ${level}`).join(", ")}`;
  return element("div", { class: "levels", role: "img", "aria-label": label }, parts);
}

function disagreement(answer) {
  const conflict = answer.notices.some((notice) => notice.kind === "conflicting");
  if (!conflict) return null;
  return element("p", { class: "conflict" }, "⚡ The articles found disagree: some say yes and some say no.");
}

function meaning(answer) {
  const labels = ["yes", "maybe", "no"].filter((label) => label in answer.verdict_probabilities);
  const rows = labels.map((label) => {
    const value = answer.verdict_probabilities[label];
    const line = element("span", { class: "bar", "aria-hidden": "true" });
    line.style.setProperty("--share", value);
    return element("li", { class: label === answer.verdict ? "chosen" : "" }, label[0].toUpperCase() + label.slice(1), line, percent(value));
  });
  return element(
    "details",
    {},
    element("summary", {}, answer.verdict ? `Probability ${percent(answer.verdict_probabilities[answer.verdict] ?? 0)}: what it means` : "What the probabilities mean"),
    element("ul", { class: "plain", "aria-label": "Probabilities of the verdicts" }, rows),
    element("p", { class: "faint" },
      "How likely a person who reads these articles would give this verdict, as estimated by a model that was fitted on questions with known verdicts. " +
      "It is neither an effect size nor a grade of the evidence, and may be off for other kinds of questions. Read the cited words before you rely on it."),
    element("p", { class: "faint" }, "n is what the abstracts say of their participants, read by rule; check it in the article."),
  );
}

function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
