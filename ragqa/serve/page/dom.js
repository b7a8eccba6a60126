// Building elements. Text only ever becomes text nodes: nothing here, and nothing on this page, parses markup.

/**
 * An element with properties and children.
 * `class`, `data-…`, `aria-…`, `role` and `for` are attributes, `on…` functions are listeners, anything else a property.
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (/^(class|role|for|scope|colspan|data-.*|aria-.*)$/.test(name)) node.setAttribute(name, value);
    else node[name] = value;
  }
  fill(node, children);
  return node;
}

/**
 * Replace what a node holds; lists are flattened, and null, undefined and false are left out.
 * Signs that turn the direction of writing are left out of texts: behind one, a text reads otherwise than it is.
 */
export function fill(node, ...children) {
  const kept = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  node.replaceChildren(...kept.map((child) => (typeof child === "string" ? child.replace(/[\u202A-\u202E\u2066-\u2069]/g, "") : child)));
}

export const byId = (id) => document.getElementById(id);

/** A link to another site; only http(s) addresses become links. */
export function outsideLink(address, text) {
  if (!/^https?:\/\//i.test(address)) return element("span", {}, text);
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** A slice of a text by code points, as the server counts them; JavaScript's own indices count UTF-16 units. */
export function slice(text, begin, end) {
  return Array.from(text).slice(begin, end).join("");
}

/** What the server says begins small where it is a part of a line elsewhere. */
export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

export const percent = (value) => `${Math.round(100 * value)} %`;

export function plural(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
