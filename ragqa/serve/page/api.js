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

export function rememberKey(key) {
  sessionStorage.setItem(KEY, key);
}

export async function indexes() {
  return (await request("/v1/indexes")).json();
}

export async function article(index, id) {
  const path = `/v1/documents/${encodeURIComponent(id)}?index=${encodeURIComponent(index)}`;
  return (await request(path)).json();
}

/** The articles that fit a question best: as many as the server gives. */
export async function search(question, filter, index, k) {
  return (await post("/v1/search", { question, filter, k, ...(index && { index }) })).json();
}

/** Articles as a file for a reference manager: "ris", "nbib", "bibtex" or "csv". */
export async function exported(index, ids, format) {
  return (await post("/v1/export", { ids, format, ...(index && { index }) })).blob();
}

/** An answer as "markdown", "html" or "csv" (its quotes), written by the server, so that all texts in it are escaped. */
export async function rendered(answer, format) {
  const parts = ["verdict", "verdict_probabilities", "exact_answers", "statements", "sources", "abstained", "reason", "notices"];
  const kept = Object.fromEntries(parts.map((part) => [part, answer[part]]));
  return (await post("/v1/render", { ...kept, question: answer.question.text, format })).blob();
}

function post(path, body) {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** Ask, calling `on[kind](data)` for each server-sent event; ends when the answer is there. */
export async function ask(body, on, signal) {
  const response = await request("/v1/ask", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  let complete = false;
  for await (const { kind, data } of events(response.body)) {
    if (kind === "error") throw new Problem(data.status, data.detail, data.retry_after);
    complete ||= kind === "answer";
    on[kind]?.(data);
  }
  if (!complete) throw new Problem(0, "The connection ended before the answer was complete. Ask again.");
}

async function request(path, options = {}) {
  const headers = { ...options.headers };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached. Is it still running?");
  }
  if (response.ok) return response;
  let detail = `The server answered with status ${response.status}.`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch {
    // Whatever stands between here and the server need not send JSON.
  }
  throw new Problem(response.status, detail, Number(response.headers.get("retry-after")) || null);
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
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
