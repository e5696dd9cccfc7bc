// Draws messages: one at a time, in a shadow root, so that neither the page's styles nor the message's get at each other. Everything
// is made with the DOM's own methods: no markup is parsed, so no text of a message can become code; and no inline style is used but
// variables, so that a strict Content-Security-Policy is content. (HTML messages are pages of their own, in a frame: see html.js.)
// Which message is shown, and what a click comes to, is decided in the module.

import { carryOut } from "./display/actions.js";
import { draw } from "./display/draw.js";
import { keepFocus } from "./display/focus.js";
import { holdPage } from "./display/hold.js";
import { dress } from "./display/look.js";
import { fetchImages, preload } from "./display/image.js";
import STYLE from "./display/style.css";

/** Messages that wait to be drawn; more are left out. */
const MAX_WAITING = 100;

/** What draws them has a file of its own. */
const hasForm = ({ type }) => type === "html" || type === "survey";

let forms; // that file, once for all displays on this page

function loadForms() {
  forms ??= import("./forms.js");
  // A failure may be one of the network, which comes back.
  forms.catch(() => (forms = undefined));
  return forms;
}

/** Stacking order of slide-ups, as far as a browser can count. */
const zIndexOf = ({ inAppMessageZIndex: given }) =>
  typeof given === "number" && given >= 0 ? Math.min(Math.trunc(given), 2 ** 31 - 1) : 9001;

/**
 * Makes the place where messages are drawn, as the site's options have it. `site` is what messages do to the site: it has the functions
 * `record(record)`, `open(url, newTab)` and `askForPush()`.
 */
export function makeDisplay(options, site) {
  let waiting = [];
  let shown; // what is on the page, or about to be

  function remove() {
    const view = shown;
    shown = undefined;
    if (!view) return;
    clearTimeout(view.timer);
    view.undress?.();
    view.host?.remove();
    view.letGo?.();
    view.giveFocusBack?.();
  }

  function next() {
    remove();
    const entry = waiting.shift();
    if (entry && document.body) begin(entry);
  }

  function begin(entry) {
    const mine = (shown = { entry });
    const { content } = entry.message;
    const { image_url, image_alt } = content;
    // A message that is not as it should be must not keep others from being shown.
    const failed = (error) => {
      console.warn("[kindling]", error);
      if (shown === mine) next();
    };
    const drawn = ([image, forms] = []) => {
      try {
        if (shown === mine) put(mine, image, forms);
      } catch (error) {
        failed(error);
      }
    };
    if (image_url == null && !hasForm(content)) return drawn();
    // Nothing jumps when the image arrives, and nothing waits for one that doesn't.
    const image = image_url == null ? undefined : preload(image_url, image_alt);
    Promise.all([image, hasForm(content) && loadForms()]).then(drawn, failed);
  }

  function put(mine, image, forms) {
    const { message, parent = document.body, onDisplay, told } = mine.entry;
    const { content, id, variant } = message;
    const note = (type, button) => site.record({ type: `message_${type}`, message: id, variant, button });
    const host = (mine.host = document.createElement("kindling-message"));
    const root = host.attachShadow({ mode: "open" });
    const styles = new CSSStyleSheet();
    styles.replaceSync(STYLE + (forms?.FORM_STYLE ?? ""));
    root.adoptedStyleSheets = [styles];
    host.style.setProperty("--z-index", zIndexOf(options));
    // What is typed and clicked here is not for the site's shortcuts, nor for what it closes when something else is clicked.
    for (const type of ["click", "pointerdown", "mousedown", "keydown", "keypress", "keyup", "input"]) {
      root.addEventListener(type, (event) => event.stopPropagation());
    }
    const isOn = () => shown === mine;
    const view = {
      root,
      message,
      image,
      forms,
      options,
      site,
      isOn,
      /** A click, on the message or on a button, with what it does. */
      click(action, button, stay) {
        if (!isOn()) return;
        note("click", button);
        told?.("clicked", button);
        if (isOn() && !stay) next();
        carryOut(action, options, site);
      },
      /** The visitor puts it away. */
      dismiss() {
        if (!isOn()) return;
        if (!mine.answered) note("dismissal");
        told?.("dismissed");
        if (isOn()) next();
      },
      /** There is nothing left to dismiss. */
      settle: () => (mine.answered = true),
      /** It goes by itself. */
      goAfter(ms) {
        clearTimeout(mine.timer);
        mine.timer = setTimeout(() => {
          if (!isOn()) return;
          told?.("dismissed");
          if (isOn()) next();
        }, ms);
      },
    };
    const frame = draw(view);
    mine.undress = dress(host, frame, content, options);
    mine.giveFocusBack = keepFocus(host, frame);
    parent.append(host);
    // In the top layer: above everything, with the page behind it inert.
    if (frame.showModal) {
      mine.letGo = holdPage();
      frame.showModal();
      frame.focus({ preventScroll: true });
    }
    if (content.duration_ms != null) view.goAfter(content.duration_ms);
    note("impression");
    onDisplay?.();
  }

  return {
    /**
     * Shows a message, now or when the one that is shown has gone: `{ message, parent, onDisplay, told }`. `told(what, button)` is called
     * when it is clicked or dismissed.
     */
    show(entry) {
      if (waiting.length < MAX_WAITING) waiting.push(entry);
      if (!shown) next();
    },

    /** Makes ready for messages that may be shown. */
    expect(messages) {
      fetchImages(messages.map(({ content }) => content.image_url));
      // So that they are there when there is no network.
      if (messages.some(({ content }) => hasForm(content))) loadForms().catch(() => {});
    },

    /** Takes the message of that id from the page, or out of the queue. */
    close(id) {
      waiting = waiting.filter(({ message }) => message.id !== id);
      if (shown?.entry.message.id === id) {
        shown.entry.told?.("dismissed");
        if (shown?.entry.message.id === id) next();
      }
    },

    /** Takes everything from the page. */
    clear() {
      waiting = [];
      remove();
    },
  };
}
