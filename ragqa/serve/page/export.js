// Taking an answer elsewhere: Markdown with references, a link, a file.
import { element } from "./dom.js";

export function copyButtons(view) {
  return element(
    "div",
    { class: "row tools" },
    copyButton("Copy as Markdown", () => markdown(view)),
    copyButton("Copy link", () => location.href),
  );
}

export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The answer with numbered references, titles and quotes escaped so that they stay text. */
export function markdown(view) {
  const { answer, numbers } = view;
  const cited = (spans) => {
    const found = [...new Set(spans.map((span) => numbers.get(span.document_id)))].sort((a, b) => a - b);
    return found.map((number) => `[${number}]`).join("");
  };
  const lines = [`## ${escaped(answer.question.text)}`, ""];
  if (answer.abstained) lines.push(`**No answer.** ${escaped(answer.reason)}`, "");
  if (answer.verdict) {
    const share = answer.verdict_probabilities[answer.verdict];
    lines.push(`**${answer.verdict}**${share === undefined ? "" : ` (probability ${share.toFixed(2)})`}`, "");
  }
  for (const exact of answer.exact_answers) lines.push(`- ${escaped(exact.text)} ${cited(exact.spans)}`);
  if (answer.exact_answers.length) lines.push("");
  if (answer.statements.length) {
    lines.push(answer.statements.map((statement) => `${escaped(statement.text)} ${cited(statement.spans)}`).join(" "), "");
  }
  for (const notice of answer.notices) lines.push(`> ${escaped(notice.message)}`, "");
  if (answer.sources.length) lines.push(answer.abstained ? "### Nearest papers" : "### References", "");
  answer.sources.forEach((source, place) => {
    const facts = [source.retracted && "RETRACTED", escaped(source.title), escaped(source.journal), source.year, source.evidence_level];
    const kept = facts.filter(Boolean).map((fact) => String(fact).replace(/\.$/, ""));
    const id = source.url ? `PMID [${source.document_id}](${source.url})` : escaped(source.document_id);
    lines.push(`${place + 1}. ${[...kept, id].join(". ")}`);
  });
  return `${lines.join("\n").trim()}\n`;
}

function escaped(text) {
  return String(text ?? "").replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|]/g, "\\$&");
}

function copyButton(name, text) {
  const button = element("button", { type: "button", class: "quiet" }, name);
  button.addEventListener("click", async () => {
    const done = await copy(text());
    button.textContent = done ? "Copied" : "Copying is not allowed here";
    setTimeout(() => { button.textContent = name; }, 2000);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP from another machine browsers have no clipboard; the old way may still work.
    const field = element("textarea", { value: text, class: "sr-only" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
