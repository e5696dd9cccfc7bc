// Hears from the server that something of the user changed elsewhere: loaded where the site wants that. What changed comes with the next
// flush, which this asks for. A connection is held while the page is seen.

/** Pauses after failures, in milliseconds: from, up to. Nothing is lost meanwhile, flushes go on. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;

/** Listens at `url`, with what `head()` says as the body; `changed()` is called each time. Returns what can be done about it. */
export function listen(url, head, changed) {
  let connection; // an AbortController
  let of; // for which stream of records, so for which user

  async function hear(mine) {
    let failures = 0;
    for (;;) {
      let wait = 0; // seconds
      try {
        const response = await fetch(url, { method: "POST", body: head(), credentials: "omit", signal: mine.signal });
        wait = Number(response.headers.get("retry-after")) || 0;
        if (!response.ok) throw response.status;
        failures = 0;
        // What happened while nobody listened.
        changed();
        await read(response.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch {
        failures += 1;
      }
      if (mine.signal.aborted) return;
      const pause = Math.min(PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
      await sleep(Math.max(pause, wait * 1_000), mine.signal);
      if (mine.signal.aborted) return;
    }
  }

  /** Reads events until there are no more. They have nothing but `data`. */
  async function read(reader) {
    let text = "";
    for (let part; !(part = await reader.read()).done; ) {
      const events = (text + part.value).split("\n\n");
      text = events.pop();
      if (events.some((event) => event.startsWith("data:"))) changed();
    }
  }

  function start() {
    if (document.hidden || connection) return;
    connection = new AbortController();
    hear(connection);
  }

  function stop() {
    connection?.abort();
    connection = undefined;
  }

  /** Begins anew, where there may be something to hear. */
  function again() {
    stop();
    start();
  }

  const leaving = new AbortController();
  document.addEventListener("visibilitychange", again, leaving);
  window.addEventListener("online", again, leaving);

  return {
    /** Records are now written to this stream: with another one the user is another, too. */
    renew(stream) {
      if (of === stream) return;
      of = stream;
      again();
    },

    stop() {
      leaving.abort();
      stop();
    },
  };
}

/** Waits so many milliseconds, or until it is to stop. */
const sleep = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
