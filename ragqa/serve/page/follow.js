// Going on from an answer: a follow-up question, and questions that articles near it ask.
import * as api from "./api.js";
import { element, fill } from "./dom.js";

const RELATED = 5;

/** A box for a question that leans on this one; `follow(text)` asks it. */
export function followUp(follow) {
  const field = element("input", { id: "follow-up", type: "text", maxLength: 2000, autocomplete: "off", placeholder: "And in women?" });
  const onsubmit = (event) => {
    event.preventDefault();
    if (field.value.trim()) follow(field.value.trim());
    else field.focus();
  };
  return element(
    "form",
    { class: "follow", onsubmit },
    element("label", { for: "follow-up" }, "Ask a follow-up"),
    element("div", { class: "row" }, field, element("button", { type: "submit" }, "Follow up")),
  );
}

/** Questions near this one, once the server has told them; each link asks one. */
export function relatedQuestions(question, request) {
  const section = element("section", { class: "related follow", hidden: true });
  api.related(question, request.filter, request.index, RELATED).then(({ questions }) => {
    if (!questions.length) return;
    const address = (q) => `#${new URLSearchParams({ q, ...(request.index && { index: request.index }) })}`;
    const links = questions.map((one) => element("li", {}, element("a", { href: address(one.question) }, one.question)));
    fill(section, element("h3", {}, "Questions that nearby articles ask"), element("ul", { class: "plain" }, links));
    section.hidden = false;
  }, () => { /* the answer stands without them */ });
  return section;
}

/** How a follow-up was read, or null for a question that stood alone. */
export function readAs(answer, request) {
  if (!request.earlier?.length || answer.question.text === request.question) return null;
  return element("p", { class: "faint" }, `You asked “${request.question}”. It was read as the question above.`);
}
