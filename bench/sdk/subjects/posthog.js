// Ready: its `loaded` callback.
import posthog from "posthog-js";

export const init = (base) => new Promise((loaded) => posthog.init("phc_bench", { api_host: base, loaded }));

export const track = (name, properties) => posthog.capture(name, properties);
