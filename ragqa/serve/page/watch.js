// Questions that the server asks again after each update.
import * as api from "./api.js";
import { byId, element, fill, sentence } from "./dom.js";

/** Has a question watched. */
export function watchButton(question, index) {
  const said = element("span", { class: "faint", role: "status" });
  const button = element("button", { type: "button", class: "quiet" }, "Watch");
  button.addEventListener("click", async () => {
    button.disabled = true;
    fill(said, "One moment …");
    try {
      await api.watch(question, index);
      fill(said, "Watched. You are told of changes in the way that whoever runs the server has set up.");
      showWatched(true);
    } catch (problem) {
      button.disabled = problem.status === 422;
      fill(said, sentence(problem.message));
    }
  });
  return [button, said];
}

/** Fills the list of what is watched, where the server allows watching. */
export async function showWatched(allowed) {
  const list = byId("watched").querySelector("ul");
  byId("watched").hidden = !allowed;
  if (!allowed) return;
  try {
    const items = await api.watched();
    fill(list, items.length ? items.map(line) : element("li", { class: "faint" }, "Nothing yet."));
  } catch (problem) {
    fill(list, element("li", { role: "alert" }, problem.message));
  }
}

function line(item) {
  const address = `#${new URLSearchParams({ q: item.title, index: item.index })}`;
  const told = [item.verdict && `answer: ${item.verdict.replaceAll("_", " ")}`, item.alerts ? `changed ${item.alerts} ×` : "no change yet", `watched since ${item.since.slice(0, 10)}`];
  const end = async () => {
    await api.unwatch(item.id).catch(() => { /* the list tells whether it is still there */ });
    await showWatched(true);
    byId("watched").querySelector("summary").focus(); // the button is gone
  };
  return element("li", {}, element("a", { href: address }, item.title), element("span", { class: "faint" }, ` ${told.filter(Boolean).join(" · ")} `),
    element("button", { type: "button", class: "quiet", "aria-label": `Watch no longer: ${item.title}`, onclick: end }, "End"));
}
