// Taking an answer elsewhere: copied, as a link, as files. The server writes them, so that there is one way of escaping.
import * as api from "./api.js";
import { element, fill } from "./dom.js";

const FORMATS = [["ris", "RIS", "ris"], ["nbib", "NBIB", "nbib"], ["bibtex", "BibTeX", "bib"], ["csv", "CSV", "csv"]];

/** Copies the answer or a link to it; `more` are further buttons. */
export function copyButtons(view, more) {
  return element(
    "div",
    { class: "row tools" },
    copyButton("Copy as Markdown", () => api.rendered(view.answer, "markdown").then((blob) => blob.text()).then(copy)),
    copyButton("Copy formatted", () => copyFormatted(view.answer)),
    copyButton("Copy link", () => copy(location.href)),
    more,
  );
}

/** Saves all articles found as a file for a reference manager or a spreadsheet; `ids()` promises their ids. */
export function saveButtons(label, index, ids) {
  const said = element("span", { class: "faint", "aria-live": "polite" });
  const buttons = FORMATS.map(([format, name, ending]) => {
    const onclick = attempt(said, async () => download(`articles.${ending}`, await api.exported(index, await ids(), format)));
    return element("button", { type: "button", class: "quiet", onclick, "aria-label": `${label} as ${name}` }, name);
  });
  return element("div", { class: "row tools save" }, element("span", {}, `${label}:`), buttons, said);
}

/** Saves something that the server writes in several formats, given as `[format, name, file]`. */
export function renderButtons(label, formats, work) {
  const said = element("span", { class: "faint", "aria-live": "polite" });
  const buttons = formats.map(([format, name, file]) =>
    element("button", { type: "button", class: "quiet", onclick: attempt(said, async () => download(file, await work(format))) }, name));
  return element("div", { class: "row tools save" }, element("span", {}, label), buttons, said);
}

/** Saves what `work()` promises under a name. */
export function downloadButton(label, name, work) {
  const said = element("span", { class: "faint", "aria-live": "polite" });
  const onclick = attempt(said, async () => download(name, await work()));
  return [said, element("button", { type: "button", class: "quiet", onclick }, label)];
}

function attempt(said, work) {
  return async () => {
    fill(said, "One moment …");
    try {
      await work();
      fill(said);
    } catch (problem) {
      fill(said, problem.message);
    }
  };
}

function download(name, blob) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function copyButton(name, work) {
  const button = element("button", { type: "button", class: "quiet" }, name);
  button.addEventListener("click", async () => {
    try {
      button.textContent = (await work()) ? "Copied" : "Copying is not allowed here";
    } catch (problem) {
      button.textContent = problem.message;
    }
    setTimeout(() => { button.textContent = name; }, 2500);
  });
  return button;
}

/** The answer for a word processor; where that is not possible, as Markdown. */
async function copyFormatted(answer) {
  const [html, markdown] = await Promise.all([api.rendered(answer, "html"), api.rendered(answer, "markdown")]);
  const typed = async (blob, type) => new Blob([await blob.text()], { type });
  try {
    const kinds = { "text/html": await typed(html, "text/html"), "text/plain": await typed(markdown, "text/plain") };
    await navigator.clipboard.write([new ClipboardItem(kinds)]);
    return true;
  } catch {
    return copy(await markdown.text());
  }
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
