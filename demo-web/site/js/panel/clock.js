// Times that move on by themselves: "4 s ago", "in 3 s". All of them are brought up to date once a second.

import { byId, element } from "../element.js";
import { duration } from "./units.js";

export function startClock() {
  setInterval(() => {
    if (document.hidden) return;
    for (const time of byId("panel").querySelectorAll("[data-at]")) draw(time);
  }, 1000);
}

/** How long ago a moment was (in milliseconds since 1970). */
export function ago(at) {
  return moving({ class: "ago", "data-at": String(at), title: new Date(at).toLocaleString() });
}

/** How long it is until a moment. */
export function until(at) {
  return moving({ class: "until", "data-at": String(at), "data-ahead": true });
}

function moving(attributes) {
  const time = element("time", { ...attributes, datetime: new Date(Number(attributes["data-at"])).toISOString() });
  draw(time);
  return time;
}

function draw(time) {
  const at = Number(time.dataset.at);
  const isAhead = time.dataset.ahead !== undefined;
  const distance = isAhead ? at - Date.now() : Date.now() - at;
  if (distance < 1000) time.textContent = "now";
  else time.textContent = isAhead ? `in ${duration(distance)}` : `${duration(distance)} ago`;
}
