// What went wrong, what to do about it, and buttons that do it. The question stays where it is.
import { byId, element, fill, sentence } from "./dom.js";

/**
 * Show a problem.
 * @param problem a Problem, or anything else that was thrown
 * @param retry does again what failed
 */
export function showProblem(problem, retry) {
  const worthIt = problem.status === 0 || problem.status === 401 || problem.status === 429 || problem.status >= 500;
  const label = problem.status === 401 ? "Enter a key" : "Try again";
  show([sentence(problem.message), waiting(problem)], worthIt && retry ? [[label, retry]] : []);
}

/** Show sentences with buttons: `actions` are pairs of a label and a function. */
export function show(sentences, actions) {
  const buttons = actions.map(([label, onclick]) => element("button", { type: "button", onclick }, label));
  fill(byId("problem"), element("p", {}, sentences.filter(Boolean).join(" ")), buttons.length > 0 && element("div", { class: "row" }, buttons));
  byId("problem").hidden = false;
  byId("stages").hidden = true;
}

export function hide() {
  byId("problem").hidden = true;
}

function waiting(problem) {
  return problem.retryAfter ? `Try again in about ${problem.retryAfter} s.` : "";
}
