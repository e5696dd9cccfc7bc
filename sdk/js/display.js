// Draws messages: one at a time, in a shadow root, so that neither the page's styles nor the message's get at each other. Everything
// is made with the DOM's own methods: no markup is parsed, so no text of a message can become code; and no inline style is used but
// a variable, so that a strict Content-Security-Policy is content. Which message is shown, and what a click comes to, is decided in
// the module.

import { isSafe } from "./address.js";

/** Messages that wait to be drawn; more are left out. */
const MAX_WAITING = 100;

const CSS = `
:host {
  --surface: var(--kindling-surface, #fff);
  --text: var(--kindling-text, #1d1b19);
  --muted: var(--kindling-muted, #5b5650);
  --accent: var(--kindling-accent, #b3431e);
  --on-accent: var(--kindling-on-accent, #fff);
  --edge: var(--kindling-edge, rgb(29 27 25 / 12%));
  all: initial;
  color-scheme: light dark;
  font: 16px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :host {
    --surface: var(--kindling-surface, #262320);
    --text: var(--kindling-text, #f4efe9);
    --muted: var(--kindling-muted, #bcb3a9);
    --accent: var(--kindling-accent, #f0915f);
    --on-accent: var(--kindling-on-accent, #1d1b19);
    --edge: var(--kindling-edge, rgb(255 255 255 / 14%));
  }
}
* { box-sizing: border-box; margin: 0; }
.slide-up, .modal {
  background: var(--surface);
  border: 1px solid var(--edge);
  border-radius: 14px;
  box-shadow: 0 12px 40px rgb(0 0 0 / 22%);
  color: var(--text);
  font: inherit;
  overflow: hidden;
  padding: 0;
}
.slide-up {
  animation: slide .35s cubic-bezier(.2, .8, .2, 1);
  inset-inline: 0;
  margin: 16px auto;
  max-width: 460px;
  position: fixed;
  width: calc(100% - 32px);
  z-index: var(--kindling-z-index);
}
.bottom { --from: 120%; bottom: env(safe-area-inset-bottom, 0); }
.top { --from: -120%; top: env(safe-area-inset-top, 0); }
.modal {
  animation: rise .3s cubic-bezier(.2, .8, .2, 1);
  margin: auto;
  max-height: calc(100% - 32px);
  max-width: min(420px, 100% - 32px);
  overflow: auto;
  width: 100%;
}
.modal::backdrop { background: rgb(20 16 12 / 55%); }
.slide-up .card { align-items: center; display: flex; gap: 14px; padding: 16px; padding-inline-end: 56px; }
.slide-up img { border-radius: 10px; flex: none; height: 56px; object-fit: cover; width: 56px; }
.modal img { display: block; max-height: 240px; object-fit: cover; width: 100%; }
.modal .text { padding: 28px; text-align: center; }
.text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; font-weight: 650; line-height: 1.3; margin-bottom: 4px; }
.modal h2 { font-size: 1.375rem; margin-bottom: 8px; padding-inline: 24px; }
p { color: var(--muted); font-size: .9375rem; white-space: pre-line; }
.clickable { cursor: pointer; }
.buttons { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
.modal .buttons { justify-content: center; margin-top: 22px; }
button { border: 0; border-radius: 999px; cursor: pointer; font: inherit; min-height: 45px; }
.action { background: none; border: 1px solid var(--edge); color: var(--text); font-weight: 600; padding: 0 20px; }
.action:first-child { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.close { background: none; color: var(--muted); font-size: 1.375rem; inset-block-start: 4px; inset-inline-end: 4px; line-height: 1; min-width: 45px; position: absolute; }
.modal .close { background: var(--surface); block-size: 36px; border: 1px solid var(--edge); inset-block-start: 10px; inset-inline-end: 10px; min-block-size: 0; min-inline-size: 36px; }
.modal .close::after { content: ""; inset: -5px; position: absolute; }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@keyframes slide { from { transform: translateY(var(--from)); } }
@keyframes rise { from { opacity: 0; transform: translateY(16px) scale(.98); } }
@media (prefers-reduced-motion: reduce) { .slide-up, .modal { animation: none; } }
`;

/** Stacking order of slide-ups, as far as a browser can count. */
const zIndexOf = ({ inAppMessageZIndex: given }) =>
  typeof given === "number" && given >= 0 ? Math.min(Math.trunc(given), 2 ** 31 - 1) : 9001;

/**
 * Makes the place where messages are drawn, as the site's options have it. `record(type, message, button)` says what a visitor saw and
 * clicked.
 */
export function makeDisplay(options, record) {
  const waiting = [];
  let shown; // { id, host, timer }

  function remove() {
    clearTimeout(shown?.timer);
    shown?.host.remove();
    shown = undefined;
  }

  function next() {
    remove();
    const message = waiting.shift();
    if (message && document.body) draw(message);
  }

  function draw({ id, content }) {
    const { type, header, body, image_url, click_action, buttons = [], duration_ms } = content;
    const isModal = type === "modal";
    const host = document.createElement("kindling-message");
    const mine = (shown = { id, host });
    const root = host.attachShadow({ mode: "open" });
    const styles = new CSSStyleSheet();
    styles.replaceSync(CSS);
    root.adoptedStyleSheets = [styles];
    host.style.setProperty("--kindling-z-index", zIndexOf(options));

    const add = (parent, tag, className, text) => {
      const element = document.createElement(tag);
      if (className) element.className = className;
      if (text !== undefined) element.textContent = text;
      return parent.appendChild(element);
    };
    const on = (element, event, act) =>
      element.addEventListener(event, (event) => {
        event.stopPropagation();
        if (shown === mine) act();
      });
    const clicked = (action, button) => {
      record("message_click", id, button);
      if (shown === mine) next();
      if (action?.type === "open_url") open(action, options.openInAppMessagesInNewTab);
    };

    const frame = isModal
      ? add(root, "dialog", "modal")
      : add(root, "section", `slide-up ${content.slide_from === "top" ? "top" : "bottom"}`);
    frame.setAttribute("aria-label", header ?? body);
    // Read out when it appears, without taking the focus.
    if (!isModal) frame.setAttribute("role", "status");
    const card = add(frame, "div", "card");
    if (image_url != null) {
      const image = add(card, "img");
      image.src = image_url;
      image.alt = content.image_alt ?? "";
    }
    const text = add(card, "div", "text");
    if (header != null) add(text, "h2", "", header);
    add(text, "p", "", body);
    if (click_action && click_action.type !== "none") {
      card.classList.add("clickable");
      on(card, "click", () => clicked(click_action));
    }
    if (buttons.length > 0) {
      const row = add(text, "div", "buttons");
      for (const button of buttons) {
        on(add(row, "button", "action", button.text), "click", () => clicked(button.click_action, button.id));
      }
    }
    const close = add(frame, "button", "close", "\u00d7");
    close.setAttribute("aria-label", "Close");
    on(close, "click", next);
    // The Escape key closes a dialog by itself; that is a dismissal.
    on(frame, "close", next);
    if (options.requireExplicitInAppMessageDismissal) frame.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(host);
    // In the top layer: above everything, with the page behind it inert, and focus given back when it closes.
    if (isModal) frame.showModal();
    if (duration_ms != null) mine.timer = setTimeout(() => shown === mine && next(), duration_ms);
    record("message_impression", id);
  }

  return {
    /** Shows a message, now or when the one that is shown has gone. */
    show(message) {
      if (waiting.length < MAX_WAITING) waiting.push(message);
      if (!shown) next();
    },

    /** Takes the message of that id from the page, or out of the queue. */
    close(id) {
      for (let at = waiting.length; at--; ) if (waiting[at].id === id) waiting.splice(at, 1);
      if (shown?.id === id) next();
    },

    /** Takes everything from the page. */
    clear() {
      waiting.length = 0;
      remove();
    },
  };
}

function open({ url, new_tab }, always) {
  if (!isSafe(url)) return;
  try {
    if (new_tab || always) window.open(url, "_blank", "noopener");
    else location.assign(url);
  } catch {
    // Not an address after all.
  }
}
