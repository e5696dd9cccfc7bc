// Ready: its `loaded` callback.
import mixpanel from "mixpanel-browser";

export const init = (base) => new Promise((loaded) => mixpanel.init("bench", { api_host: base, loaded }));

export const track = (name, properties) => mixpanel.track(name, properties);
