// A phone beside the shop: a page of its own in a frame of that size, in which a message is shown.

import { byId } from "../element.js";

let told = () => {};
let asked = null; // { message, options } for a phone that is not there yet

window.addEventListener("message", ({ source, data }) => {
  const frame = byId("phone-frame");
  if (source !== frame.contentWindow) return;
  if (data === "ready") hand();
  else told(data);
});
byId("phone").addEventListener("close", () => byId("phone-frame").removeAttribute("src"));

/** Shows a message in the phone. `onEvent` is called with what would happen. */
export function openPhone(message, options, onEvent) {
  told = onEvent;
  asked = { message, options };
  const phone = byId("phone");
  byId("phone-frame").src = "/preview.html";
  if (!phone.open) phone.showModal();
}

function hand() {
  byId("phone-frame").contentWindow.postMessage(asked, location.origin);
}
