// What is asked: the form, the address (behind the #, so that no server ever logs it), and this browser's memory.
import { byId, element } from "./dom.js";

export const LISTS = ["publication_types", "mesh", "journals", "languages"];
const YEARS = ["year_from", "year_to"];
const CHECKS = ["has_abstract", "not_retracted"];
const FIELDS = ["index", "type", ...YEARS, ...LISTS, ...CHECKS];
const HISTORY = "ragqa.questions";
const NOTES = "ragqa.notes"; // which notes.js keeps
const WANTED = "ragqa.remember";
const REMEMBERED = 30;
const KEPT = 30;
const given = new Map();

/** The request that the form describes. */
export function readForm() {
  const filter = {};
  for (const name of YEARS) if (byId(name).value) filter[name] = Number(byId(name).value);
  for (const name of LISTS) {
    const values = byId(name).value.split(";").map((value) => value.trim()).filter(Boolean);
    if (values.length) filter[name] = values;
  }
  for (const name of CHECKS) if (byId(name).checked) filter[name] = true;
  const request = { question: byId("question").value.trim(), filter };
  if (byId("index").value) request.index = byId("index").value;
  if (byId("type").value) request.type = byId("type").value;
  return request;
}

/** The address that asks the same again, after the same `earlier` questions. */
export function addressOf(earlier = []) {
  const values = new URLSearchParams({ q: byId("question").value.trim() });
  for (const name of FIELDS) {
    const field = byId(name);
    const value = field.type === "checkbox" ? (field.checked ? "1" : "") : field.value.trim();
    if (value) values.set(name, value);
  }
  for (const question of earlier) values.append("earlier", question);
  return `#${values}`;
}

/** What an address asks, and the questions before it in the conversation, the oldest first. */
export function conversationIn(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  return { asked: values.get("q") ?? "", earlier: values.getAll("earlier") };
}

/** Fill the form from an address; whether it asks anything. */
export function fillFrom(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  if (!values.get("q")) return false;
  byId("question").value = values.get("q");
  const index = values.get("index");
  if (index && !byId("index").options.length) byId("index").append(element("option", { value: index }, index)); // until it is known what is served
  for (const name of FIELDS) {
    const field = byId(name);
    if (field.type === "checkbox") field.checked = values.get(name) === "1";
    else if (field.tagName !== "SELECT") field.value = values.get(name) ?? "";
    else if ([...field.options].some((option) => option.value === values.get(name))) field.value = values.get(name);
    else if (name === "type") field.value = "";
  }
  showFilterCount();
  byId("filters").open ||= Object.keys(readForm().filter).length > 0;
  return true;
}

/** The index that an address names though it is not served; "" where there is none. */
export function unknownIndex(hash) {
  const name = new URLSearchParams(hash.replace(/^#/, "")).get("index") ?? "";
  return [...byId("index").options].some((option) => option.value === name) ? "" : name;
}

export function clearFilters() {
  for (const name of [...YEARS, ...LISTS]) byId(name).value = "";
  for (const name of CHECKS) byId(name).checked = false;
  showFilterCount();
}

export function showFilterCount() {
  const n = Object.keys(readForm().filter).length;
  byId("filter-count").hidden = n === 0;
  byId("filter-count").textContent = n === 1 ? "1 set" : `${n} set`;
}

/** Questions are kept only for whoever asks for it, and where the server allows it; else none are, and none stay. */
export function setUpHistory(allowed) {
  const box = byId("remember");
  byId("history").hidden = !allowed;
  if (!allowed) put(WANTED, null);
  box.checked = allowed && get(WANTED) === "1";
  if (!box.checked) put(HISTORY, null);
  if (!allowed) put(NOTES, null);
  box.onchange = () => {
    put(WANTED, box.checked ? "1" : null);
    if (!box.checked) put(HISTORY, null);
    showHistory();
  };
  showHistory();
}

export function remember(question, address) {
  if (!byId("remember").checked) return;
  const questions = [{ question, address }, ...remembered().filter((one) => one.address !== address)];
  put(HISTORY, JSON.stringify(questions.slice(0, REMEMBERED)));
  showHistory();
}

export function forget() {
  put(HISTORY, null);
  showHistory();
}

export function showHistory() {
  const questions = remembered();
  byId("forget").hidden = questions.length === 0;
  const links = questions.map(({ question, address }) => element("li", {}, element("a", { href: address }, question)));
  byId("history").querySelector("ul").replaceChildren(...links);
}

function remembered() {
  try {
    const questions = JSON.parse(get(HISTORY)) ?? [];
    return questions.filter((one) => typeof one?.question === "string" && one.address?.startsWith("#"));
  } catch {
    return [];
  }
}

function get(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function put(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing has no history.
  }
}

/** Keep an answer in this tab, by its address, so that going back shows it without asking again. */
export function keepAnswer(address, answer, request) {
  given.delete(address);
  given.set(address, { answer, request });
  if (given.size > KEPT) given.delete(given.keys().next().value);
}

/** The answer that was given at an address with the request that it answers; undefined where there is none. */
export function givenAnswer(address) {
  return given.get(address);
}
