// Ready: its init has returned. It tells nobody when it is.
import { newTracker, trackSelfDescribingEvent } from "@snowplow/browser-tracker";

export async function init(base) {
  newTracker("bench", base, { appId: "bench" });
}

/** Its events have a schema instead of a name. */
export const track = (name, properties) =>
  trackSelfDescribingEvent({ event: { schema: `iglu:com.example/${name}/jsonschema/1-0-0`, data: properties } });
