// Ready: the promise of its init.
import * as amplitude from "@amplitude/analytics-browser";

export const init = (base) =>
  amplitude.init("bench", { serverUrl: `${base}/2/httpapi`, remoteConfig: { serverUrl: `${base}/config` } }).promise;

export const track = (name, properties) => amplitude.track(name, properties);
