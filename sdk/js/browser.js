// What the module needs of the browser: requests, one timer, locks and the page's events. It decides nothing.

import { ASKS } from "./codes.js";

/** A request that takes longer counts as lost. */
const TIMEOUT_MS = 30_000;

/** A page holds the lock of this name, with the id of the stream that it writes: so others leave that stream alone. */
const LOCK = "kindling.stream.";

/** A larger body is compressed, where the browser can: below, it would hardly be smaller. */
const GZIP_FROM = 2_048;

/** The server knows by the first bytes. Without a type it stays a simple request, which needs no preflight. */
async function compressed(body) {
  if (body.length < GZIP_FROM || typeof CompressionStream === "undefined") return body;
  return new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

/** The streams that this page wrote. None but the present one is taken care of by somebody else. */
const own = new Set();

/** The longest that a timer can run. */
const LONGEST_MS = 2 ** 31 - 1;

/** Connects the module to the browser. `act(what, …)` asks the module, as long as it is alive. */
export function connect(act, url) {
  const listening = new AbortController();
  let timer;
  let stream; // the one that the module writes
  let held; // the stream whose lock this page holds
  let release;
  let gone = false; // the page has been left, and has not come back

  /** Asks for the lock of the stream. Nobody else ever wants it, so it is granted. */
  async function hold() {
    if (gone || stream === held) return;
    release?.();
    held = stream;
    own.add(stream);
    const until = new Promise((resolve) => (release = resolve));
    try {
      await navigator.locks.request(LOCK + stream, () => until);
    } catch {
      // Without locks everything works, only some records are sent by two pages and dropped once by the server.
    }
  }

  function letGo() {
    release?.();
    held = release = undefined;
  }

  /** Has the module take over what pages that are gone left behind. */
  async function adopt() {
    let live = [];
    try {
      const snapshot = await navigator.locks.query();
      // A lock that is being asked for belongs to a page that is just starting.
      const names = [...snapshot.held, ...snapshot.pending].map((lock) => lock.name);
      live = names.filter((name) => name.startsWith(LOCK)).map((name) => name.slice(LOCK.length));
      live = live.filter((id) => id === stream || !own.has(id));
    } catch {
      // No locks: nothing is known to be taken care of.
    }
    act(ASKS.adopt, live.map((id) => `${id}\n`).join(""));
  }

  const tick = () => act(ASKS.tick);

  /** The page is visible again: time to look for what other pages left. */
  function shown() {
    gone = false;
    adopt();
    tick();
    hold();
  }

  /**
   * The page is left. A browser may keep it for going back: its records are not taken care of until then, so others may. If it
   * comes back, it may send again what they sent, which does no harm.
   */
  function left() {
    gone = true;
    act(ASKS.hidden);
    letGo();
  }

  const on = (target, event, act) => target.addEventListener(event, act, { signal: listening.signal });
  on(document, "visibilitychange", () => (document.hidden ? act(ASKS.hidden) : shown()));
  on(window, "pagehide", left);
  on(window, "pageshow", shown);
  on(window, "online", () => {
    adopt();
    act(ASKS.online);
  });
  on(window, "storage", (event) => act(ASKS.storageChanged, event.key ?? ""));

  return {
    adopt,

    /** The body is text and there are no headers of our own: a simple request, which needs no preflight. */
    async send({ flush, keepalive }, body) {
      let answer = ["", flush, -1, -1];
      try {
        const signal = keepalive ? undefined : AbortSignal.timeout?.(TIMEOUT_MS);
        // A page that is being left has no time to compress.
        if (!keepalive) body = await compressed(body);
        const response = await fetch(url, { method: "POST", body, credentials: "omit", keepalive, signal });
        const wait = response.headers.get("retry-after")?.trim();
        answer = [await response.text(), flush, response.status, /^\d+$/.test(wait) ? Number(wait) : -1];
      } catch {
        // There was no answer.
      }
      act(ASKS.reply, ...answer);
    },

    /** Which stream is written from now on, and when the module has something to do. It says so again after each `tick`. */
    settled({ stream: written, at }) {
      stream = written;
      hold();
      clearTimeout(timer);
      if (at !== undefined) timer = setTimeout(tick, Math.min(Math.max(at - Date.now(), 0), LONGEST_MS));
    },

    stop() {
      listening.abort();
      clearTimeout(timer);
      letGo();
    },
  };
}
