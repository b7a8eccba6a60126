// A reviewer's own notes on studies: in this tab, and in the browser only for whoever asks for it. No server sees them.
import { element } from "./dom.js";

const NOTES = "ragqa.notes";
const notes = new Map(Object.entries(read()));

/** Where the note on a row is written. */
export function noteField(row) {
  const label = `My notes on ${row.title}`;
  const oninput = (event) => {
    if (event.target.value) notes.set(row.key, event.target.value);
    else notes.delete(row.key);
    if (isKept()) keep();
  };
  return element("textarea", { rows: 1, placeholder: " ", "aria-label": label, value: notes.get(row.key) ?? "", oninput });
}
noteField.text = (row) => notes.get(row.key) ?? "";

/** Asks whether notes are kept; taking it back forgets them. */
export function keepBox() {
  const onchange = (event) => {
    if (event.target.checked) keep();
    else forget();
  };
  return element("label", { class: "faint keep" }, element("input", { type: "checkbox", checked: isKept(), onchange }), " Keep my notes in this browser (nowhere else)");
}

/** Forget what was kept, for example where the server does not allow keeping. */
export function forget() {
  try {
    localStorage.removeItem(NOTES);
  } catch {
    // A browser that keeps nothing has none.
  }
}

/** The server's table with the notes in its last column, which it leaves empty; `rows` are in the table's order. */
export function withNotes(csv, rows) {
  const [head, ...lines] = csv.split("\r\n");
  const cells = rows.map((row, place) => lines[place] + cell(notes.get(row.key) ?? ""));
  return new Blob(["\ufeff", [head.replace("\ufeff", ""), ...cells, ""].join("\r\n")], { type: "text/csv" });
}

/** A cell of CSV that no spreadsheet runs. */
function cell(text) {
  const plain = text.replace(/\s+/g, " ").trim();
  const safe = /^[=+\-@|]/.test(plain) ? `'${plain}` : plain;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function isKept() {
  try {
    return localStorage.getItem(NOTES) !== null;
  } catch {
    return false;
  }
}

function keep() {
  try {
    localStorage.setItem(NOTES, JSON.stringify(Object.fromEntries(notes)));
  } catch {
    // A browser that keeps nothing forgets them with the tab.
  }
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NOTES)) ?? {};
    return Object.fromEntries(Object.entries(kept).filter(([, text]) => typeof text === "string"));
  } catch {
    return {};
  }
}
