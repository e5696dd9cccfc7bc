// Messages that ask something: a form of the browser's own fields, so that every keyboard and screen reader knows how.

import { add, set } from "./element.js";

/** A longer answer is cut off while it is typed. */
const MAX_CHARS = 1000;

/** So long thanks are shown. */
const THANKS_MS = 5_000;

/** Draws the question into the card of a survey. `drawButtons` draws the message's own buttons into a row. */
export function drawSurvey(view, card, text, drawButtons) {
  const { header, question, answer, submit, thanks } = view.message.content;
  const form = add(text, "form");
  const named = { "aria-labelledby": header == null ? "body" : "header" };
  const read = DRAW[question.type]?.(form, question, named);
  const row = add(form, "div", "buttons");
  set(add(row, "button", "action", submit), { type: "submit" });
  drawButtons(row);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = read?.();
    if (said == null || said === "") return;
    view.settle();
    view.click(undefined, "submit", thanks != null);
    record(view, answer, said);
    if (thanks == null || !view.isOn()) return;
    set(text, { role: "status" }).replaceChildren();
    card.classList.add("thanks");
    add(text, "p", "", thanks);
    const frame = card.parentElement;
    frame.removeAttribute("aria-describedby");
    frame.setAttribute("aria-labelledby", "thanks");
    text.firstChild.id = "thanks";
    frame.focus();
    view.goAfter(THANKS_MS);
  });
}

/** What becomes of the answer. */
function record({ message: { id, variant }, site }, { event, attribute }, value) {
  if (event != null) {
    site.record({ type: "custom_event", name: event, properties: { answer: value, message: id, variant } });
  } else {
    site.record({ type: "custom_attribute", name: attribute, op: "set", value });
  }
}

/** Draw what can be answered, and give what reads the answer. */
const DRAW = {
  choice(form, { options }, named) {
    const list = set(add(form, "div", "options"), { role: "radiogroup", ...named });
    for (const { id, text } of options) radio(list, "option", id, text);
    return () => list.querySelector(":checked")?.value;
  },

  rating(form, { from = 1, to = 5, low, high }, named) {
    const scale = set(add(form, "div", "scale"), { role: "radiogroup", ...named });
    const row = add(scale, "div", "numbers");
    const count = to - from + 1;
    // In two rows they are large enough for thumbs.
    row.style.setProperty("--columns", count > 7 ? Math.ceil(count / 2) : count);
    for (let number = from; number <= to; number += 1) radio(row, "number", number, `${number}`);
    if (low != null || high != null) {
      const ends = set(add(scale, "div", "ends"), { id: "ends" });
      add(ends, "span", "", low ?? "");
      add(ends, "span", "", high ?? "");
      scale.setAttribute("aria-describedby", "ends");
    }
    return () => {
      const checked = scale.querySelector(":checked");
      return checked && Number(checked.value);
    };
  },

  text(form, { placeholder }, named) {
    const field = add(form, "textarea");
    set(field, { rows: 4, maxlength: MAX_CHARS, placeholder, required: "", ...named });
    return () => field.value.trim();
  },
};

function radio(list, className, value, text) {
  const label = add(list, "label", className);
  set(add(label, "input"), { type: "radio", name: "answer", value, required: "" });
  add(label, "span", "", text);
}
