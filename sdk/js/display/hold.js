// The page behind a dialog.

/** Keeps it from scrolling, and from moving because of that. Returns what lets it go. */
export function holdPage() {
  const page = document.documentElement;
  const { overflow, paddingRight } = page.style;
  // As wide as the scroll bar that goes, if that took room.
  const bar = innerWidth - page.clientWidth;
  if (bar > 0) page.style.paddingRight = `${parseFloat(getComputedStyle(page).paddingRight) + bar}px`;
  page.style.overflow = "hidden";
  return () => Object.assign(page.style, { overflow, paddingRight });
}
