// The filter fields: names of the index to choose from while one is typed, and open while any is set.
import { filterNames } from "./api.js";
import { byId, element } from "./dom.js";
import { LISTS, readForm } from "./state.js";

const PAUSE_MS = 150;

/** Let the fields offer names, and show the filters whenever a question is asked with some set. */
export function completeFilters() {
  for (const kind of LISTS) {
    let timer = 0;
    byId(kind).addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(offer, PAUSE_MS, kind);
    });
    byId(kind).addEventListener("focus", () => offer(kind));
  }
  byId("ask").addEventListener("submit", () => {
    byId("filters").open ||= Object.keys(readForm().filter).length > 0;
  });
}

/** Offer names for the value that is being typed, which is the last one; those before it are kept. */
async function offer(kind) {
  const field = byId(kind);
  const typed = field.value;
  const before = typed.slice(0, typed.lastIndexOf(";") + 1);
  const prefix = typed.slice(before.length).trim();
  let names = [];
  try {
    names = await filterNames(byId("index").value, kind, prefix);
  } catch {
    return; // Whatever is wrong with the server is told when a question is asked.
  }
  if (field.value !== typed) return;
  const start = before && `${before} `;
  const options = names.map(({ name, label }) => element("option", { value: start + name, label: label && `${label} (${name})` }));
  byId(`${kind}-names`).replaceChildren(...options);
}
