// What messages are made of: a frame with an image, text, buttons, and a cross that puts it away.

import { add, set } from "./element.js";
import { swipe } from "./swipe.js";

/** A screen reader notices what changes in a part of the page that it knows already. */
const ANNOUNCE_MS = 200;

/** A text of more characters is not centred. */
const LONG = 240;

/** Draws a message, and gives its frame, which is not on the page yet. */
export function draw(view) {
  const { root, image, options } = view;
  const { content } = view.message;
  const { type, header, body } = content;
  const isNote = type === "slide_up";
  const frame = add(root, isNote ? "section" : "dialog", `frame ${type}${image ? " pictured" : ""}`);
  const isAtTop = content.slide_from === "top";
  if (isNote) frame.classList.add(isAtTop ? "top" : "bottom");
  else if (body.length > LONG) frame.classList.add("long");

  if (type === "html") {
    frame.setAttribute("aria-label", header ?? body);
    view.forms.drawPage(view, frame, () => {
      frame.classList.replace("html", "modal");
      frame.removeAttribute("aria-label");
      drawCard(view, frame);
      frame.prepend(frame.lastChild);
    });
  } else {
    drawCard(view, frame);
  }
  if (isNote) {
    announce(view, frame, [header, body]);
    swipe(frame, isAtTop, () => view.dismiss());
  }

  const close = add(frame, "button", "close");
  set(close, { "aria-label": content.close_label ?? "Close" });
  close.addEventListener("click", () => view.dismiss());
  const isExplicit = options.requireExplicitInAppMessageDismissal && !isNote;
  frame.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    if (!isExplicit) view.dismiss();
  });
  if (!isNote) {
    // It takes the focus itself: what is read out is its name and text, and nothing is pressed by mistake.
    frame.tabIndex = -1;
    // Other ways to close a dialog, like the gesture for going back.
    frame.addEventListener("cancel", (event) => isExplicit && event.preventDefault());
    frame.addEventListener("close", () => view.dismiss());
    // A click beside it, which also began there: not the end of selecting text.
    let began;
    frame.addEventListener("pointerdown", ({ target }) => (began = target));
    frame.addEventListener("click", ({ target }) => {
      if (target === frame && began === frame && !isExplicit) view.dismiss();
    });
  }
  return frame;
}

/** Draws image, text and buttons into the frame. */
function drawCard(view, frame) {
  const { image } = view;
  const { type, header, body, buttons } = view.message.content;
  set(frame, { "aria-labelledby": header == null ? "body" : "header", "aria-describedby": header == null ? null : "body" });
  const card = add(frame, "div", "card");
  if (image) add(card, "div", "image").append(image);
  const text = add(card, "div", "text");
  if (header != null) add(text, "h2", "", header).id = "header";
  add(text, "p", "", body).id = "body";
  if (type === "survey") view.forms.drawSurvey(view, card, text, (row) => drawButtons(view, row));
  else if (buttons?.length) drawButtons(view, add(text, "div", "buttons"));
  drawClick(view, card);
}

/** A click on the message itself: a button that lies over everything that is no button, so that keyboards have it too. */
function drawClick(view, card) {
  const { click_action: action, header } = view.message.content;
  if (!action || action.type === "none") return;
  card.classList.add("clickable");
  const cover = set(add(card, "button", "cover"), { "aria-labelledby": header == null ? "body" : "header body" });
  cover.addEventListener("click", () => view.click(action));
}

function drawButtons(view, row) {
  (view.message.content.buttons ?? []).forEach(({ id, text, click_action }, place) => {
    const button = set(add(row, "button", "action", text), { type: "button", "data-button": place });
    button.addEventListener("click", () => view.click(click_action, id));
  });
}

/** Has a note read out when it appears, without taking the focus. */
function announce(view, frame, texts) {
  frame.setAttribute("role", "region");
  const status = set(add(view.root, "div", "unseen"), { role: "status" });
  setTimeout(() => view.isOn() && (status.textContent = texts.filter(Boolean).join(". ")), ANNOUNCE_MS);
}
