// What was sent, and what came of it. Newest first.

import { byId, element } from "../element.js";
import { until } from "./clock.js";
import { drawList } from "./keyed-list.js";
import { duration, size } from "./units.js";

const ENTRIES_MAX = 50;

const PROBLEMS = {
  unreachable: "the server can't be reached",
  not_kindling: "the answer is not from a Kindling server",
  unknown_key: "the server does not know the SDK key",
  busy: "the server asks to wait",
  unreadable: "the server can't read it",
  queue_full: "the queue is full; its oldest record made room",
  sdk_authentication_failed: "the server does not take the user's signature",
};

export function startFlushLog() {
  /** Newest first. `version` counts what changed, so that only the changed entry is drawn anew. */
  let entries = [];

  function add(entry) {
    entries = [{ version: 0, ...entry }, ...entries].slice(0, ENTRIES_MAX);
  }

  function update(flush, change) {
    const entry = entries.find((candidate) => candidate.flush === flush);
    if (entry) Object.assign(entry, change, { version: entry.version + 1 });
  }

  return {
    onActivity(activity) {
      switch (activity.type) {
        case "flush_started":
          // The wait is over: a countdown of an earlier failure would be wrong.
          for (const entry of entries) if (entry.retryAt) update(entry.flush, { retryAt: null, isRetried: true });
          add({ ...activity, key: `flush ${activity.flush}`, state: "sending" });
          break;
        case "flush_succeeded":
          update(activity.flush, { ...activity, state: "ok" });
          break;
        case "flush_failed":
          update(activity.flush, {
            ...activity,
            state: "failed",
            retryAt: activity.retryInMs === null ? null : Date.now() + activity.retryInMs,
          });
          break;
        case "records_dropped":
          add({ ...activity, key: `drop ${activity.stream} ${activity.firstSeq}`, state: "dropped" });
          break;
      }
    },
    refresh() {
      byId("flush-empty").hidden = entries.length > 0;
      drawList(byId("flush-log"), entries, {
        key: (entry) => entry.key,
        version: (entry) => entry.version,
        draw: (entry) => (entry.state === "dropped" ? dropped(entry) : flushed(entry)),
      });
    },
  };
}

function flushed(entry) {
  return element(
    "li",
    { class: "flush", "data-testid": "flush-entry", "data-state": entry.state, "data-flush": String(entry.flush) },
    element("span", { class: "flush__state" }, entry.state),
    element(
      "span",
      { class: "flush__sent" },
      `${entry.records} ${entry.records === 1 ? "record" : "records"} · ${size(entry.bytes)}`,
      entry.state === "ok" && ` · ${duration(entry.durationMs)}`,
    ),
    element("span", { class: "flush__outcome" }, ...outcome(entry)),
    ...(entry.rejected ?? []).map(({ seq, code, detail }) =>
      element("span", { class: "flush__note" }, `#${seq} rejected: ${code}. ${detail}`),
    ),
  );
}

function outcome(entry) {
  switch (entry.state) {
    case "sending":
      return [`#${entry.firstSeq}–${entry.lastSeq}`];
    case "ok":
      return [`acked #${entry.acked}`, entry.messages !== null && ` · ${entry.messages} msg`];
    default:
      return [entry.status === null ? "" : `${entry.status} `, PROBLEMS[entry.reason], " · ", retry(entry)];
  }
}

function retry({ retryAt, isRetried }) {
  if (retryAt) return element("span", { class: "flush__retry" }, "retry ", until(retryAt));
  return isRetried ? "tried again" : "next start";
}

function dropped(entry) {
  return element(
    "li",
    { class: "flush", "data-testid": "dropped-entry", "data-state": "dropped" },
    element("span", { class: "flush__state" }, "dropped"),
    element("span", { class: "flush__sent" }, `#${entry.firstSeq}–${entry.lastSeq}`),
    element("span", { class: "flush__note" }, PROBLEMS[entry.reason]),
  );
}
