// The page: asks, shows the stages as they end, and then the answer. What is not needed to ask a question is fetched
// once one can be asked, so that a slow connection brings the form first.
import * as api from "./api.js";
import { byId, element, fill, plural } from "./dom.js";
import { hide, show, showProblem } from "./problem.js";
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
const THEMES = { auto: ["◐", "Auto", "as the system"], light: ["☀", "Light", "always"], dark: ["☾", "Dark", "always"] };

const MOST_EARLIER = 60; // as many as the server takes
const LATER = ["answer", "filters", "key", "check", "watch"];

const parts = {};
let looks = null;
let running = null;
let partial = null;
let served = { indexes: [], evidence_levels: [] };

async function start() {
  setUpTheme();
  byId("type").append(element("option", { value: "articles" }, "no answer: articles by a PubMed query")); // only scripts can
  byId("tabs").hidden = false;
  showTab();
  byId("ask").addEventListener("submit", submit);
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  byId("stop").addEventListener("click", stop);
  document.querySelector(".skip").addEventListener("click", skip);
  byId("forget").addEventListener("click", state.forget);
  byId("clear-filters").addEventListener("click", state.clearFilters);
  byId("filters").addEventListener("input", state.showFilterCount);
  byId("filters").addEventListener("toggle", () => part("filters").then(({ completeFilters }) => completeFilters()).catch(showProblem), { once: true });
  byId("index").addEventListener("change", showIndexFacts);
  byId("type").addEventListener("change", showQueryHelp);
  byId("article").addEventListener("click", (event) => {
    if (event.target === byId("article")) byId("article").close(); // on the backdrop
  });
  api.onKeyWanted(async (reason) => (await part("key")).askForKey(reason));
  window.addEventListener("popstate", askAddress);
  state.fillFrom(location.hash); // so that the question is there whatever happens
  performance.mark("ragqa.ready");
  if (await loadIndexes()) askAddress();
  for (const name of LATER) part(name).catch(() => { /* told when it is needed */ });
}

/** A part of the page, fetched when it is first needed. */
async function part(name) {
  try {
    await dressed();
    return (parts[name] ??= await import(`./${name}.js`));
  } catch {
    const words = "The server cannot be reached: it may be stopped, or the network down. Your question is kept. If trying again does not help, reload the page.";
    throw new api.Problem(0, words, null);
  }
}

/** Learn what is served; whether that was possible. */
async function loadIndexes() {
  try {
    served = await api.indexes();
  } catch (problem) {
    showProblem(problem, loadAgain);
    return false;
  }
  hide();
  const wanted = byId("index").value;
  const options = served.indexes.map((index) => element("option", { value: index.name, selected: index.name === wanted }, index.name));
  byId("index").replaceChildren(...options);
  byId("index").closest("label").hidden = options.length < 2;
  showIndexFacts();
  state.setUpHistory(served.history);
  if (served.watch) part("watch").then(({ showWatched }) => showWatched(true)).catch(showProblem);
  return true;
}

async function loadAgain() {
  const question = byId("question").value;
  if (!(await loadIndexes())) return;
  if (state.unknownIndex(location.hash)) askAddress();
  else if (question.trim()) submit();
  else showWelcome();
}

function askAddress() {
  byId("article").close();
  abandon();
  if (showTab() === "check") return;
  for (const id of ["stages", "answer", "problem"]) byId(id).hidden = true;
  const asks = state.fillFrom(location.hash);
  showQueryHelp();
  showIndexFacts();
  const unknown = state.unknownIndex(location.hash);
  const given = asks && state.givenAnswer(location.hash);
  if (given) showGiven(given);
  else if (asks && unknown) showUnknownIndex(unknown);
  else if (asks) run();
  else showWelcome();
}

/** Show the tab that the address names; its name. */
function showTab() {
  const tab = location.hash === "#check" ? "check" : "ask";
  for (const link of byId("tabs").children) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (tab === "check") showCheck();
  else byId("check").hidden = true;
  byId("ask").hidden = tab === "check";
  if (tab === "ask") byId("tabs").firstElementChild.setAttribute("href", location.hash || "#");
  if (tab === "ask") parts.check?.leaveCheck();
  else for (const id of ["stages", "answer", "problem", "welcome"]) byId(id).hidden = true;
  if (tab === "check") document.title = "Check a text · ragqa";
  return tab;
}

/** Once what the later parts look like has been fetched, or cannot be. */
function dressed() {
  return (looks ??= new Promise((resolve) => {
    document.head.append(element("link", { rel: "stylesheet", href: "/page/more.css", onload: resolve, onerror: resolve }));
  }));
}

async function showCheck() {
  try {
    (await part("check")).setUpCheck();
    byId("check").hidden = !byId("ask").hidden;
  } catch (problem) {
    showProblem(problem, null);
  }
}

function showUnknownIndex(name) {
  byId("welcome").hidden = true;
  const others = served.indexes.slice(0, 5).map((index) => [`Ask ${index.name}`, () => {
    byId("index").value = index.name;
    showIndexFacts();
    submit();
  }]);
  show([`The link asks the index “${name}”, which this server does not have. Nothing was asked.`, "Choose another index, or tell whoever sent the link."], others);
}

/** Show an answer that was given before. */
function showGiven({ answer, request }) {
  byId("welcome").hidden = true;
  document.title = `${request.question} · ragqa`;
  showAnswer(answer, request);
}

/** Ask what the form says; it is a follow-up only where it still is the one that the address asks. */
function submit(event) {
  event?.preventDefault();
  const question = state.readForm().question;
  const { asked, earlier } = state.conversationIn(location.hash);
  ask(question, question === asked ? earlier : []);
}

/** Ask a question that leans on the one that was answered. */
function follow(question) {
  const { asked, earlier } = state.conversationIn(location.hash);
  byId("question").value = question;
  ask(question, [...earlier, asked].slice(-MOST_EARLIER));
}

function ask(question, earlier) {
  if (!question) {
    show(["Write a question first."], []);
    byId("question").focus();
    return;
  }
  const address = state.addressOf(earlier);
  if (address !== location.hash) history.pushState(null, "", address);
  run();
}

/** Go to the form; by its address alone the link would ask something else: nothing. */
function skip(event) {
  event.preventDefault();
  byId(byId("ask").hidden ? "check-text" : "question").focus();
}

function stop() {
  running?.abort();
}

/** Stop what is running, and hear nothing of it any more. */
function abandon() {
  stop();
  running = null;
  byId("stop").hidden = true;
}

async function run() {
  abandon();
  if (!served.indexes.length) {
    if (!(await loadIndexes())) return;
    if (state.unknownIndex(location.hash)) return askAddress();
  }
  const own = new AbortController();
  running = own;
  const { earlier } = state.conversationIn(location.hash);
  const request = { ...state.readForm(), ...(earlier.length && { earlier }) };
  const address = location.hash;
  state.remember(earlier.length ? `${request.question} (after: ${earlier.at(-1)})` : request.question, state.addressOf(earlier));
  document.title = `${request.question} · ragqa`;
  begin();
  try {
    const { Partial } = await part("answer");
    if (running !== own) return;
    partial = new Partial(request.question, request.index ?? served.indexes[0]?.name);
    if (request.type === "articles") await showArticles(request, own);
    else await api.ask(request, { stage: showStage, statement: showStatement, answer: (answer) => { state.keepAnswer(address, answer, request); showAnswer(answer, request); } }, own.signal);
  } catch (problem) {
    if (running === own) failed(problem);
  } finally {
    if (running === own) end();
  }
}

/** Search by a query with fields; whoever went on to something else meanwhile is shown nothing. */
async function showArticles(request, own) {
  byId("stages").hidden = true;
  const name = request.index ?? served.indexes[0]?.name;
  const found = await api.searchFielded(request.question, request.filter, request.index, served.most_hits, own.signal);
  if (running !== own) return;
  fill(byId("answer"), parts.answer.articlesView(found, name, served, request));
  byId("answer").hidden = false;
  announce(`${plural(found.total, "article")} found.`);
  bringIntoView(byId("question").value.trim() === request.question);
}

function begin() {
  hide();
  partial = null;
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

function failed(problem) {
  const stopped = problem.name === "AbortError";
  if (stopped) show(["Stopped. Your question is kept."], [["Ask again", submit]]);
  else showProblem(problem, submit);
  if (stopped) announce("Stopped.");
  if (partial && !partial.empty) byId("answer").prepend(...partial.ending(stopped ? "You stopped it." : problem.message));
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
  byId("answer").append(partial.line(statement));
}

function showAnswer(answer, request) {
  const name = request.index ?? served.indexes[0]?.name;
  fill(byId("answer"), parts.answer.answerView(answer, name, served, request, follow));
  byId("answer").hidden = false;
  announce(parts.answer.spoken(answer));
  const untouched = byId("question").value.trim() === request.question;
  if (untouched) byId("question").value = answer.question.text; // a follow-up as it was read
  bringIntoView(untouched);
}

/** The answer is read next, unless the person went on to something else. */
function bringIntoView(untouched) {
  const busy = !untouched || document.activeElement?.closest("#answer, #filters, dialog");
  const heading = byId("answer").querySelector(".asked");
  if (!busy) heading.focus({ preventScroll: true });
  if (!busy && matchMedia("(max-width: 40rem)").matches) heading.scrollIntoView();
}

function showWelcome() {
  byId("welcome").hidden = served.indexes[0]?.name !== "sample";
  const links = EXAMPLES.map((question) => element("li", {}, element("a", { href: `#${new URLSearchParams({ q: question })}` }, question)));
  byId("welcome").querySelector("ul").replaceChildren(...links);
  document.title = "ragqa";
}

function showQueryHelp() {
  byId("query-help").hidden = byId("type").value !== "articles";
}

function showIndexFacts() {
  const index = served.indexes.find((one) => one.name === byId("index").value);
  byId("index-facts").textContent = index ? `${plural(index.documents, "article")}${index.reaches && `, the newest of ${index.reaches}`}. ${index.description.replace(/[^.]$/, "$&.")}` : "";
}

function announce(words) {
  byId("announcer").textContent = words;
}

function setUpTheme() {
  const names = Object.keys(THEMES);
  const button = byId("theme");
  button.hidden = false;
  const show = () => {
    const [sign, word, meaning] = THEMES[document.documentElement.dataset.theme ?? "auto"];
    button.replaceChildren(element("span", { "aria-hidden": "true" }, sign), " ", element("span", {}, word));
    button.setAttribute("aria-label", `Colours: ${word}, ${meaning}`);
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
