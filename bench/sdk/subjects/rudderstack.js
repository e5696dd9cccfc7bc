// Ready: its `ready` callback. The plugins that send are in the bundle: it would load them from the vendor's servers otherwise.
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const analytics = new RudderAnalytics();

export const init = (base) =>
  new Promise((ready) => {
    analytics.ready(ready);
    analytics.load("bench", base, { configUrl: base });
  });

export const track = (name, properties) => analytics.track(name, properties);
