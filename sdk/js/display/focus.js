// The keyboard: where it is while a message is shown, and afterwards.

const REACHED = "button, input, textarea, a[href], iframe";

/**
 * Remembers where the focus is, keeps it inside a dialog as long as there is one, and gives what gives it back. A note at the edge of
 * the page does not take it; but who goes into one comes out where they were.
 */
export function keepFocus(host, frame) {
  const isDialog = Boolean(frame.showModal);
  let before = isDialog ? deepest() : undefined;
  if (isDialog) frame.addEventListener("keydown", goRound);
  else host.addEventListener("focusin", ({ relatedTarget }) => (before ??= relatedTarget), { capture: true });
  return () => {
    // Unless it is elsewhere by now.
    const isLost = !document.activeElement || document.activeElement === document.body;
    if (isLost && before?.isConnected) before.focus({ preventScroll: true });
  };
}

/** What has the focus, also inside the shadow roots of the site's own elements. */
function deepest() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element === document.body ? undefined : element;
}

/** Behind the last thing that the Tab key reaches comes the first. */
function goRound(event) {
  if (event.key !== "Tab") return;
  const frame = event.currentTarget;
  const reached = [...frame.querySelectorAll(REACHED)].filter((element) => !element.disabled);
  const edge = event.shiftKey ? reached[0] : reached.at(-1);
  const active = frame.getRootNode().activeElement;
  // Of a group of radio buttons the Tab key reaches one.
  const isEdge = active === edge || (active?.type === "radio" && active.name === edge?.name);
  if (!isEdge && !(event.shiftKey && active === frame)) return;
  event.preventDefault();
  (event.shiftKey ? reached.at(-1) : reached[0])?.focus();
}
