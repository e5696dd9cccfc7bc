// Ready: its promise, which waits for the settings of the source. In-app messages are a part of their own, for which these settings
// do not ask.
import { AnalyticsBrowser } from "@customerio/cdp-analytics-browser";

let analytics;

export async function init(base) {
  analytics = AnalyticsBrowser.load({ writeKey: "bench", cdnURL: base });
  await analytics;
}

export const track = (name, properties) => analytics.track(name, properties);
