// Talking to the server this page came from.

const KEY = "ragqa.key";

/** What the server says is wrong: its sentence, the status, and after how many seconds another try is worth it. */
export class Problem extends Error {
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

let keyAsker = null;
let key = keptKey();

/** Keep a key until the tab is closed; "" forgets it. */
export function rememberKey(given) {
  key = given;
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing asks again once the page is loaded anew.
  }
}

function keptKey() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** Who is asked for a key where one is wanted: gets the reason, promises whether there is one now. */
export function onKeyWanted(asker) {
  keyAsker = asker;
}

export async function indexes() {
  return (await request("/v1/indexes")).json();
}

export async function article(index, id) {
  const path = `/v1/documents/${encodeURIComponent(id)}?index=${encodeURIComponent(index)}`;
  return (await request(path)).json();
}

/** Names that a filter of a kind takes and that begin with a prefix, as `{ name, label }`. */
export async function filterNames(index, kind, prefix) {
  const values = new URLSearchParams({ kind, prefix, ...(index && { index }) });
  return (await (await request(`/v1/filters?${values}`)).json()).names;
}

/** The articles that fit a question best: as many as the server gives. */
export async function search(question, filter, index, k) {
  return (await post("/v1/search", { question, filter, k, ...(index && { index }) })).json();
}

/** The articles that a query as PubMed takes it finds: as many as the server gives, and `total`. */
export async function searchFielded(question, filter, index, k, signal) {
  const response = await post("/v1/search", { question, filter, k, fielded: true, ...(index && { index }) }, signal);
  return response.json();
}

/** Questions that the titles of the nearest articles ask: at most `n`. */
export async function related(question, filter, index, n) {
  return (await post("/v1/related", { question, filter, n, ...(index && { index }) })).json();
}

/** Articles with authors, addresses and participants, by id, and the sentence of each that fits the question. */
export async function records(index, ids, question) {
  const { records: all } = await (await post("/v1/records", { ids, question, ...(index && { index }) })).json();
  return new Map(all.map((record) => [record.source.document_id, record]));
}

/** Articles as a file for a reference manager: "ris", "nbib", "bibtex", "csv" or "evidence". */
export async function exported(index, ids, format) {
  return (await post("/v1/export", { ids, format, ...(index && { index }) })).blob();
}

/** An answer as "markdown", "html", "csv" (its quotes) or "evidence" (its studies), written by the server, so that all texts in it are escaped. */
export async function rendered(answer, format) {
  const parts = ["verdict", "verdict_probabilities", "exact_answers", "statements", "sources", "abstained", "reason", "notices", "studies"];
  const kept = Object.fromEntries(parts.map((part) => [part, answer[part]]));
  return (await post("/v1/render", { ...kept, question: answer.question.text, format })).blob();
}

function post(path, body, signal) {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
}

/** Have a question watched; what is watched; watch it no longer. */
export const watch = async (question, index) => (await post("/v1/watch", { question, index })).json();
export const watched = async () => (await (await request("/v1/watch")).json()).items;
export const unwatch = (id) => request(`/v1/watch/${encodeURIComponent(id)}`, { method: "DELETE" });

/** A checked text as "html" (a page of its own) or "csv". */
export async function renderedCheck(checked, format) {
  return (await post("/v1/check/render", { checked, format })).blob();
}

/** Ask, calling `on[kind](data)` for each server-sent event; ends when the answer is there. */
export function ask(body, on, signal) {
  return streamed("/v1/ask", body, on, "answer", signal);
}

/** Check a text, calling `on[kind](data)` for each claim and reference, and last for the whole. */
export function check(body, on, signal) {
  return streamed("/v1/check", body, on, "checked", signal);
}

async function streamed(path, body, on, last, signal) {
  const response = await request(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  let complete = false;
  for await (const { kind, data } of events(response.body)) {
    if (kind === "error") throw new Problem(data.status, data.detail, data.retry_after);
    complete ||= kind === last;
    on[kind]?.(data);
  }
  if (!complete) throw broken();
}

async function request(path, options = {}) {
  const headers = { ...options.headers };
  const sent = key;
  if (sent) headers.authorization = `Bearer ${sent}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached: it may be stopped, or the network down. Your question is kept.");
  }
  if (response.ok) return response;
  if (response.status === 401) return withAnotherKey(sent, path, options);
  let detail = `The server answered with status ${response.status}.`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch {
    // Whatever stands between here and the server need not send JSON.
  }
  throw new Problem(response.status, detail, Number(response.headers.get("retry-after")) || null);
}

async function withAnotherKey(refused, path, options) {
  if (key !== refused) return request(path, options); // another was given meanwhile
  rememberKey("");
  const reason = refused ? "That key was not accepted: it is wrong, or has expired. Check it, or ask for a new one." : "";
  if (await keyAsker?.(reason)) return request(path, options);
  throw new Problem(401, "This server answers only with a key, and none was given. Whoever runs the server makes keys. Your question is kept.");
}

function broken() {
  return new Problem(0, "The connection broke before the answer was complete.");
}

async function* events(stream) {
  // No pipe between: one that breaks drops what it holds.
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : broken();
    });
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const kind = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      if (kind && data.length) yield { kind, data: JSON.parse(data.join("\n")) };
    }
  }
}
