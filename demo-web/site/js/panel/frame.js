// Opening and closing the panel: a column beside the shop on a wide window, a sheet at the bottom on a narrow one.

import { byId } from "../element.js";

const wide = matchMedia("(min-width: 1100px)");

/** Whether the visitor opened or closed it; until then it is open where there is room. */
let chosen = null;

export function startFrame() {
  byId("panel-toggle").addEventListener("click", () => {
    chosen = !isOpen();
    draw();
  });
  wide.addEventListener("change", () => {
    chosen = null;
    draw();
  });
  draw();
}

function isOpen() {
  return chosen ?? wide.matches;
}

function draw() {
  const open = isOpen();
  document.documentElement.dataset.panel = open ? "open" : "closed";
  byId("panel-toggle").setAttribute("aria-expanded", String(open));
  byId("panel-toggle-label").textContent = open ? "Hide" : "Developer panel";
}
