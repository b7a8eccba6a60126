// Asking for a key, where the server wants one.
import * as api from "./api.js";
import { byId } from "./dom.js";

let asking = null;

/** Ask for a key, saying why; whether one was given. Who asks meanwhile waits for the same one. */
export function askForKey(reason) {
  asking ??= ask(reason).finally(() => { asking = null; });
  return asking;
}

function ask(reason) {
  const dialog = byId("key");
  const field = byId("key-value");
  dialog.returnValue = "";
  field.value = "";
  say(reason);
  byId("key-cancel").onclick = () => dialog.close("");
  dialog.querySelector("form").onsubmit = (event) => {
    // Headers hold nothing else; a browser would refuse to send it.
    if (/^[\x21-\x7e]+$/.test(field.value.trim())) return;
    event.preventDefault();
    say("A key holds only unaccented letters, digits and signs, and no spaces. Copy it as it was given to you.");
    field.focus();
  };
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use";
      if (given) api.rememberKey(field.value.trim());
      field.value = "";
      resolve(given);
    }, { once: true });
  });
}

function say(words) {
  byId("key-problem").textContent = words;
  byId("key-problem").hidden = !words;
}
