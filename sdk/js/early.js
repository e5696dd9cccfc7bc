// Calls that come before the module is ready. They are kept in storage too, so that a page that is left first loses none: the next
// page makes them, with their times.

const PREFIX = "kindling.early.";

const page = `${PREFIX}${Date.now().toString(36)}${Math.random().toString(36).slice(2)}.`;
let next = 1000; // as text, in their order
let release;

/** Keeps a text under a name of this page's. Returns what forgets it again. */
function keep(text) {
  const name = page + next++;
  localStorage.setItem(name, text);
  hold();
  return () => localStorage.removeItem(name);
}

/** Keeps what the module is to be asked. Returns what forgets it again, or nothing: storage is full or blocked, and it is in memory only. */
export function keepEarly(key, at, ask) {
  try {
    return keep(JSON.stringify([key, at, ask]));
  } catch {
    return undefined;
  }
}

/** As long as this page lives and has such calls, no other makes them. */
function hold() {
  if (release) return;
  // It may be over before the lock is granted.
  const until = new Promise((resolve) => (release = resolve));
  navigator.locks?.request(page, () => until).catch(() => {});
}

/** This page has none left. */
export function letGo() {
  release?.();
  release = undefined;
}

/** What pages that are gone have left: times, what to ask the module, and what forgets it. */
export async function takeEarly(key) {
  try {
    const others = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX) && !name.startsWith(page));
    if (others[0]) return (await import("./left.js")).take(others.sort(), key, keep);
  } catch {
    // Storage can't be read, or the script not be loaded: the next page looks again.
  }
  return [];
}
