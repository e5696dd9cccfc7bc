// A short line at the bottom of the page that says what just happened, also to screen readers.

import { byId } from "../element.js";

const VISIBLE_MS = 2600;
let timer;

export function toast(text) {
  const line = byId("toast");
  line.textContent = text;
  line.dataset.visible = "true";
  clearTimeout(timer);
  timer = setTimeout(() => {
    delete line.dataset.visible;
  }, VISIBLE_MS);
}
