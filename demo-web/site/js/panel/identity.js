// Device, user and session.

import { byId, element } from "../element.js";
import { load, save } from "../shop/saved.js";

// A session that goes on after a reload is not announced again, so its id is kept here.
const SESSION_KEY = "demo.session";

export function startIdentity(sdk) {
  const cell = (name) => byId("panel-identity").querySelector(`[data-testid="${name}"]`);
  let session = load(SESSION_KEY);
  let isResumed = true;

  return {
    onActivity(activity) {
      if (activity.type !== "session_started") return;
      session = activity.session;
      isResumed = false;
      save(SESSION_KEY, session);
    },
    refresh() {
      cell("panel-device-id").textContent = sdk.getDeviceId() ?? "–";
      const user = sdk.getUser()?.getUserId();
      cell("panel-user").textContent = user === undefined ? "–" : (user ?? "anonymous");
      cell("panel-user").dataset.anonymous = String(user === null);
      if (session) {
        cell("panel-session").title = session;
        cell("panel-session").replaceChildren(`${session.slice(0, 8)}… `, element("i", {}, isResumed ? "resumed" : "new"));
      }
    },
  };
}
