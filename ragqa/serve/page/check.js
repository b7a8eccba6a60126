// Checking a text: pasted or from a file; each claim and reference is shown as it is judged, and at last the text with marks.
import * as api from "./api.js";
import { checkedView, counts, note } from "./checked.js";
import { byId, element, fill, plural, sentence } from "./dom.js";

const FORMS = { txt: "text", text: "text", md: "markdown", markdown: "markdown", html: "html", htm: "html", docx: "docx", pdf: "pdf" };
const BINARY = ["docx", "pdf"];
const LARGEST_FILE_BYTES = 6_000_000;

let ready = false;
let running = null;

/** Make the form check; again, it does nothing. */
export function setUpCheck() {
  if (ready) return;
  ready = true;
  byId("check-form").addEventListener("submit", (event) => { event.preventDefault(); check(); });
  byId("check-stop").addEventListener("click", () => running?.abort());
  byId("check-file").addEventListener("change", () => { if (byId("check-file").files.length) byId("check-text").value = ""; });
  byId("check-text").addEventListener("input", () => { byId("check-file").value = ""; });
}

/** Stop what is being checked. */
export function leaveCheck() {
  running?.abort();
}

async function check() {
  hideProblem();
  let body;
  try {
    body = await request();
  } catch (problem) {
    showProblem(problem, check);
  }
  if (!body) return; // what is being checked goes on
  running?.abort();
  const own = new AbortController();
  running = own;
  begin();
  const found = { claims: [], references: [] };
  try {
    const told = (list) => (one) => { found[list].push(one); showSoFar(found); };
    await api.check(body, { claim: told("claims"), reference: told("references"), checked: show }, own.signal);
  } catch (problem) {
    if (running === own) failed(problem, found);
  } finally {
    if (running === own) end();
  }
}

/** What is to be checked; null where there is nothing, or where it cannot be. */
async function request() {
  const [file] = byId("check-file").files;
  const text = byId("check-text").value;
  const index = byId("index").value ? { index: byId("index").value } : {};
  if (!file && !text.trim()) return refuse("Paste a text or choose a file first.");
  if (!file) return { text, ...index };
  const form = FORMS[file.name.split(".").pop().toLowerCase()];
  if (!form) return refuse(`“${file.name}” is of a kind that cannot be read; choose a text, Markdown, HTML, DOCX or PDF file.`);
  if (file.size > LARGEST_FILE_BYTES) return refuse(`“${file.name}” has ${(file.size / 1e6).toFixed(1)} MB; at most ${LARGEST_FILE_BYTES / 1e6} MB can be checked. Split it.`);
  if (BINARY.includes(form)) return { file: await asBase64(file), form, ...index };
  return { text: await file.text(), form, ...index };
}

function refuse(words) {
  showProblem({ message: words }, null);
  byId("check-text").focus();
  return null;
}

function asBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new api.Problem(-1, `“${file.name}” cannot be read from this computer. Choose it again.`));
    reader.readAsDataURL(file);
  });
}

function begin() {
  byId("check-stop").hidden = false;
  byId("checked").hidden = true;
  say("Reading the text …");
}

function end() {
  running = null;
  byId("check-stop").hidden = true;
}

function showSoFar(found) {
  byId("checked").hidden = false;
  fill(byId("checked"), counts(found), element("div", {}, found.claims.map((claim, place) => note(claim, place, true)), found.references.map((one) => note(one, null, true))));
  say(`${plural(found.claims.length, "claim")} checked so far …`);
}

function show(checked) {
  byId("checked").hidden = false;
  fill(byId("checked"), checkedView(checked));
  say(`${plural(checked.claims.length, "claim")} and ${plural(checked.references.length, "reference")} checked.`);
  byId("checked").querySelector("h2").focus({ preventScroll: true });
}

function failed(problem, found) {
  const stopped = problem.name === "AbortError";
  say("");
  showProblem(stopped ? { message: "Stopped. Your text is kept." } : problem, check);
  if (found.claims.length + found.references.length) {
    byId("checked").prepend(element("p", { class: "box warning" }, element("strong", {}, "Incomplete. "), "What follows is a part of the text."));
  }
}

function say(words) {
  byId("check-status").textContent = words;
}

function showProblem(problem, retry) {
  const wait = problem.retryAfter ? ` Try again in about ${problem.retryAfter} s.` : "";
  const worthIt = retry && !(problem.status >= 400 && problem.status < 500 && problem.status !== 401 && problem.status !== 429);
  fill(byId("check-problem"), element("p", {}, sentence(problem.message).replace("Your question is kept.", "Your text is kept.") + wait),
    worthIt && element("div", { class: "row" }, element("button", { type: "button", onclick: retry }, problem.status === 401 ? "Enter a key" : "Check again")));
  byId("check-problem").hidden = false;
}

function hideProblem() {
  byId("check-problem").hidden = true;
}
