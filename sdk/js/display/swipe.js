// Putting a note away with a finger.

/** So far a finger has to go, in CSS pixels: less than there is below a note. */
const FAR = 32;

/** A finger takes the note along towards its edge of the window, and puts it away if it goes far enough. */
export function swipe(frame, isAtTop, dismiss) {
  const towards = isAtTop ? -1 : 1;
  let from;
  const way = (event) => Math.max(0, (event.clientY - from) * towards);
  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" && event.isPrimary) from = event.clientY;
  });
  frame.addEventListener("pointermove", (event) => {
    if (from !== undefined) frame.style.setProperty("translate", `0 ${way(event) * towards}px`);
  });
  const end = (event) => {
    if (from === undefined) return;
    const isFar = event.type === "pointerup" && way(event) > FAR;
    from = undefined;
    if (isFar) dismiss();
    else frame.style.removeProperty("translate");
  };
  frame.addEventListener("pointerup", end);
  frame.addEventListener("pointercancel", end);
}
