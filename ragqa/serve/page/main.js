// The page: asks, shows the stages as they end, and then the answer.
import { answerView, spoken, statementLine } from "./answer.js";
import * as api from "./api.js";
import { byId, element, fill, plural } from "./dom.js";
import * as state from "./state.js";

const STAGES = [
  ["retrieve", "Search", (stage) => `${plural(stage.n_documents, "article")} found`],
  ["rerank", "Rank", (stage) => `best ${stage.n_documents} chosen`],
  ["read", "Read", (stage) => (stage.n_documents ? `${plural(stage.n_documents, "article")} used` : "nothing to rest an answer on")],
];
const EXAMPLES = [
  "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?",
  "Which antipsychotic drug may be a risk factor for pathological gambling?",
  "How do patients with celiac disease fare on a gluten-free diet and without it?",
];
const THEMES = { auto: ["◐", "Auto", "as the system"], light: ["☀", "Light", "light"], dark: ["☾", "Dark", "dark"] };

let running = null;
let served = { indexes: [], evidence_levels: [] };

async function start() {
  setUpTheme();
  state.showHistory();
  byId("ask").addEventListener("submit", submit);
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  byId("stop").addEventListener("click", stop);
  byId("forget").addEventListener("click", state.forget);
  byId("clear-filters").addEventListener("click", state.clearFilters);
  byId("filters").addEventListener("input", state.showFilterCount);
  byId("index").addEventListener("change", showIndexFacts);
  byId("article").addEventListener("click", (event) => {
    if (event.target === byId("article")) byId("article").close(); // on the backdrop
  });
  window.addEventListener("popstate", askAddress);
  await loadIndexes();
  askAddress();
}

async function loadIndexes() {
  try {
    served = await api.indexes();
  } catch (problem) {
    if (problem.status === 401 && (await askForKey())) {
      await loadIndexes();
      return;
    }
    showProblem(problem);
  }
  const options = served.indexes.map((index) => element("option", { value: index.name }, index.name));
  byId("index").replaceChildren(...options);
  byId("index").closest("label").hidden = options.length < 2;
  showIndexFacts();
}

function askAddress() {
  byId("article").close();
  if (state.fillFrom(location.hash)) {
    run();
  } else {
    stop();
    for (const id of ["stages", "answer", "problem"]) byId(id).hidden = true;
    showWelcome();
  }
}

function submit(event) {
  event.preventDefault();
  if (!state.readForm().question) {
    showProblem(new api.Problem(422, "Write a question first."));
    byId("question").focus();
    return;
  }
  const address = state.addressOf();
  if (address !== location.hash) history.pushState(null, "", address);
  run();
}

function stop() {
  running?.abort();
}

async function run() {
  stop();
  const own = new AbortController();
  running = own;
  const request = state.readForm();
  state.remember(request.question, state.addressOf());
  document.title = `${request.question} · ragqa`;
  begin();
  try {
    await api.ask(request, { stage: showStage, statement: showStatement, answer: (answer) => showAnswer(answer, request) }, own.signal);
  } catch (problem) {
    if (running === own) await failed(problem);
  } finally {
    if (running === own) end();
  }
}

function begin() {
  byId("problem").hidden = true;
  byId("welcome").hidden = true;
  byId("answer").hidden = true;
  byId("answer").replaceChildren();
  byId("stop").hidden = false;
  byId("stages").hidden = false;
  const items = STAGES.map(([name, words]) => element("li", { "data-stage": name, class: "todo" }, element("strong", {}, words), element("span", {})));
  items[0].className = "doing";
  byId("stages").querySelector("ol").replaceChildren(...items);
  announce("Searching.");
}

function end() {
  running = null;
  byId("stop").hidden = true;
  for (const item of document.querySelectorAll("#stages .doing")) item.className = "todo";
}

async function failed(problem) {
  if (problem.name === "AbortError") {
    announce("Stopped.");
    byId("stages").hidden = true;
    return;
  }
  if (problem.status === 401 && (await askForKey())) {
    setTimeout(run);
    return;
  }
  showProblem(problem);
}

function showStage(stage) {
  const place = STAGES.findIndex(([name]) => name === stage.name);
  if (place < 0) return;
  const [, , words] = STAGES[place];
  const items = byId("stages").querySelectorAll("li");
  items[place].className = "done";
  items[place].querySelector("span").textContent = `${words(stage)}, ${Math.round(stage.ms)} ms`;
  if (items[place + 1]) items[place + 1].className = "doing";
  announce(`${STAGES[place][1]}: ${words(stage)}.`);
}

function showStatement(statement) {
  byId("answer").hidden = false;
  byId("answer").append(statementLine(statement));
}

function showAnswer(answer, request) {
  const name = request.index ?? served.indexes[0]?.name;
  fill(byId("answer"), answerView(answer, name, served, request.filter));
  byId("answer").hidden = false;
  announce(spoken(answer));
}

function showProblem(problem) {
  const retry = element("button", { type: "button", onclick: run }, "Try again");
  const worthIt = problem.status === 0 || problem.status >= 500;
  const when = problem.retryAfter ? ` It expects to be free in about ${problem.retryAfter} s.` : "";
  fill(byId("problem"), element("p", {}, problem.message + when), worthIt && byId("question").value && retry);
  byId("problem").hidden = false;
  byId("stages").hidden = true;
}

function showWelcome() {
  byId("welcome").hidden = served.indexes[0]?.name !== "sample";
  const links = EXAMPLES.map((question) => element("li", {}, element("a", { href: `#${new URLSearchParams({ q: question })}` }, question)));
  byId("welcome").querySelector("ul").replaceChildren(...links);
  document.title = "ragqa";
}

function showIndexFacts() {
  const index = served.indexes.find((one) => one.name === byId("index").value);
  byId("index-facts").textContent = index ? `${plural(index.documents, "article")}. ${index.description}` : "";
}

function announce(words) {
  byId("announcer").textContent = words;
}

/** Ask for a key; whether one was given. */
function askForKey() {
  const dialog = byId("key");
  dialog.returnValue = "";
  byId("key-value").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    byId("key-cancel").onclick = () => dialog.close("cancel");
    dialog.addEventListener("close", () => {
      const key = dialog.returnValue === "cancel" ? "" : byId("key-value").value.trim();
      if (key) api.rememberKey(key);
      resolve(Boolean(key));
    }, { once: true });
  });
}

function setUpTheme() {
  const names = Object.keys(THEMES);
  const button = byId("theme");
  const show = () => {
    const [sign, word, meaning] = THEMES[document.documentElement.dataset.theme ?? "auto"];
    button.replaceChildren(`${sign} `, element("span", {}, word));
    button.setAttribute("aria-label", `Colours: ${meaning}`);
  };
  button.addEventListener("click", () => {
    const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % names.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("ragqa.theme", next);
    } catch {
      // A browser that keeps nothing asks again next time.
    }
    show();
  });
  show();
}

start();
