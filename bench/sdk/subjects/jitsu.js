// Ready: its init has returned. It tells nobody when it is.
import { jitsuAnalytics } from "@jitsu/js";

let analytics;

export async function init(base) {
  analytics = jitsuAnalytics({ host: base, writeKey: "bench" });
}

export const track = (name, properties) => analytics.track(name, properties);
