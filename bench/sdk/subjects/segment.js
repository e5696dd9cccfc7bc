// Ready: its promise, which waits for the settings of the source.
import { AnalyticsBrowser } from "@segment/analytics-next";

let analytics;

export async function init(base) {
  analytics = AnalyticsBrowser.load({ writeKey: "bench", cdnURL: base });
  await analytics;
}

export const track = (name, properties) => analytics.track(name, properties);
