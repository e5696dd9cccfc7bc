// The page behind a dialog.

/** Keeps it from scrolling, and from moving because of that. Returns what lets it go. */
export function holdPage() {
  const { clientWidth, style } = document.documentElement;
  const { overflow, scrollbarGutter } = style;
  // A scroll bar that takes room leaves that room behind.
  if (innerWidth > clientWidth) style.scrollbarGutter = "stable";
  style.overflow = "hidden";
  return () => Object.assign(style, { overflow, scrollbarGutter });
}
