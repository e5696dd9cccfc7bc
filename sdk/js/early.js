// Calls that come before the module is ready. They are kept in storage too, so that a page that is left first loses none: the next
// page makes them, with their times.

const PREFIX = "kindling.early.";

/** Without locks, a page that made no more of its calls for so long counts as gone. */
const GONE_MS = 60_000;

/** So long a page may take to leave. */
const LEAVING_MS = 200;

/** So long calls are kept: on a site where the module never loads nobody ever asks for them. */
const KEPT_MS = 7 * 86_400_000;

const page = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
let next = 1000; // as text, in their order
let release;

function remove(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // Storage is blocked: there is nothing.
  }
}

/** Keeps what the module is to be asked. Returns what forgets it again. */
export function keepEarly(key, at, ask) {
  const name = `${PREFIX}${page}.${next++}`;
  try {
    localStorage.setItem(name, JSON.stringify([key, at, ask]));
    hold();
  } catch {
    // It is in memory, and nowhere else: storage is full or blocked.
  }
  return () => remove(name);
}

/** As long as this page lives and has such calls, no other makes them. */
function hold() {
  if (release) return;
  // It may be over before the lock is granted.
  const until = new Promise((resolve) => (release = resolve));
  navigator.locks?.request(PREFIX + page, () => until).catch(() => {});
}

/** This page has none left. */
export function letGo() {
  release?.();
  release = undefined;
}

/** Does something while no page holds the lock, or not at all. A page that was left just now may take a moment to let go of it. */
async function whileFree(lock, act) {
  if (!navigator.locks) return act(GONE_MS);
  try {
    await navigator.locks.request(lock, { signal: AbortSignal.timeout(LEAVING_MS) }, () => act(0));
  } catch {
    // That page lives.
  }
}

/** What is damaged is nothing. */
function parse(text) {
  try {
    const [key, at, ask] = JSON.parse(text);
    return [key, at, [...ask]];
  } catch {
    return [];
  }
}

/** Makes the calls of a page, if they are so old, this page's own: another one finds none. */
function take(owner, key, age, left) {
  for (const name of namesOf(`${owner}.`)) {
    const text = localStorage.getItem(name);
    const [of, at, ask] = parse(text);
    if (!(Date.now() - at < KEPT_MS)) {
      remove(name);
    } else if (of === key && Date.now() - at >= age) {
      const own = `${PREFIX}${page}.${next++}`;
      localStorage.setItem(own, text);
      remove(name);
      hold();
      left.push({ name: "a call of the page before", at, ask, drop: () => remove(own) });
    }
  }
}

const namesOf = (prefix) => Object.keys(localStorage).filter((name) => name.startsWith(prefix)).sort();

/** What pages that are gone have left: times, what to ask the module, and what forgets it. */
export async function takeEarly(key) {
  const left = [];
  try {
    const owners = new Set(namesOf(PREFIX).map((name) => name.slice(0, name.lastIndexOf("."))));
    owners.delete(PREFIX + page);
    for (const owner of owners) await whileFree(owner, (age) => take(owner, key, age, left));
  } catch {
    // Storage can't be read or written.
  }
  return left.sort((a, b) => a.at - b.at);
}
