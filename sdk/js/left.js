// Takes over calls that pages left in storage before their module was ready. It is rarely needed, and loaded when there are some.

/** Without locks, a page that made no more of its calls for so long counts as gone. */
const GONE_MS = 60_000;

/** So long a page may take to leave. */
const LEAVING_MS = 200;

/** So long calls are kept: on a site where the module never loads nobody ever asks for them. */
const KEPT_MS = 7 * 86_400_000;

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

/**
 * Takes the calls of these names, in their order, that are for the workspace of `key`, of pages that are gone. `keep` keeps a text as this
 * page's own, and returns what forgets it.
 */
export async function take(names, key, keep) {
  const left = [];
  /** Those of one page, if they are so old, become this page's own: another one finds none. */
  const takeOf = (page, age) => {
    for (const name of names) {
      const text = name.startsWith(page) && localStorage.getItem(name);
      if (!text) continue;
      const [of, at, ask] = parse(text);
      if (!(Date.now() - at < KEPT_MS)) {
        localStorage.removeItem(name);
      } else if (of === key && Date.now() - at >= age) {
        const drop = keep(text);
        localStorage.removeItem(name);
        left.push({ name: "a call of the page before", at, ask, drop });
      }
    }
  };
  try {
    const pages = new Set(names.map((name) => name.slice(0, name.lastIndexOf(".") + 1)));
    for (const page of pages) await whileFree(page, (age) => takeOf(page, age));
  } catch {
    // Storage can't be written: what was taken is made, the rest stays.
  }
  return left.sort((a, b) => a.at - b.at);
}
