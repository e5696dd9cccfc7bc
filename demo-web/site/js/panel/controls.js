// The switch and the buttons: what a developer does to see the SDK at work.

import { byId } from "../element.js";
import { isNetworkOn, setNetwork } from "../network-switch.js";

const PINGS = 10;

/** `sdk` may be `null`: then only the switch works. */
export function startControls(sdk, { onWipe }) {
  const networkSwitch = byId("network-switch");
  networkSwitch.addEventListener("click", () => {
    setNetwork(!isNetworkOn());
    drawNetwork();
  });
  drawNetwork();
  if (sdk === null) return;

  const actions = {
    "flush-now": () => sdk.requestImmediateDataFlush(),
    "log-ten": () => {
      for (let n = 1; n <= PINGS; n += 1) sdk.logCustomEvent("demo_ping", { n });
    },
    wipe: () => {
      sdk.wipeData();
      onWipe();
    },
  };
  for (const [id, action] of Object.entries(actions)) {
    byId(id).disabled = false;
    byId(id).addEventListener("click", action);
  }
}

function drawNetwork() {
  const on = isNetworkOn();
  byId("network-switch").setAttribute("aria-checked", String(on));
  byId("network-state").textContent = on ? "on" : "off";
  document.documentElement.dataset.network = on ? "on" : "off";
}
