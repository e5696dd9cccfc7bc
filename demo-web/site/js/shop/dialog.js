// Opening and closing the shop's dialogs.
//
// They are not opened with showModal(): that would lift them above everything, also above an in-app message that comes in
// while the basket is open, and the developer panel could not be used. Instead the page behind them is made inert.

import { byId } from "../element.js";

let opened = null;

/** Opens a dialog; one that is already open closes. */
export function openDialog(dialog) {
  if (opened === dialog) return;
  if (opened) closeDialog();
  opened = dialog;
  dialog.show();
  byId("page").inert = true;
  byId("scrim").dataset.visible = "true";
}

export function closeDialog() {
  if (!opened) return;
  const dialog = opened;
  opened = null;
  // First, or the focus could not go back to where it was.
  byId("page").inert = false;
  delete byId("scrim").dataset.visible;
  dialog.close();
}

byId("scrim").addEventListener("click", closeDialog);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !opened) return;
  // Not the one that closes an in-app message on top of the dialog.
  if (opened.contains(event.target) || event.target === document.body) closeDialog();
});
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("dialog [data-close]")) closeDialog();
});
