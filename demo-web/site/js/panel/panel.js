// The developer panel: what the integration does, while it does it. It uses the SDK's public functions and the shop's
// backend, nothing else.

import { byId } from "../element.js";
import { startClock } from "./clock.js";
import { startControls } from "./controls.js";
import { startFlushLog } from "./flush-log.js";
import { startFrame } from "./frame.js";
import { startGallery } from "./gallery.js";
import { startIdentity } from "./identity.js";
import { startMessages } from "./messages.js";
import { startProfile } from "./profile.js";
import { startQueue } from "./queue.js";
import { startRecords } from "./records.js";
import { startServerView } from "./server-view.js";

// What the panel shows of the device is read again this soon after something happened. Several things make one reading.
const READ_AFTER_MS = 50;

startFrame();
startClock();

/** Starts the panel. `sdk` is the loaded package or `null`; `onWipe` is called when the visitor has wiped the device. */
export function startPanel(sdk, { onWipe }) {
  startControls(sdk, { onWipe });
  if (sdk === null) {
    showStatus("absent", "not loaded");
    byId("profile-note").textContent = "The SDK is not loaded. The shop works without it.";
    return;
  }

  startGallery(sdk);
  const parts = [startIdentity(sdk), startQueue(sdk), startFlushLog(), startMessages(sdk)];
  const server = startServerView(sdk, [startProfile(), startRecords()]);

  let planned = false;
  const refresh = () => {
    planned = false;
    if (!sdk.isInitialized()) return;
    for (const part of parts) part.refresh?.();
  };
  const planRefresh = () => {
    if (planned) return;
    planned = true;
    setTimeout(refresh, READ_AFTER_MS);
  };

  sdk.subscribeToActivity((activity) => {
    for (const part of parts) part.onActivity?.(activity);
    server.onActivity(activity);
    planRefresh();
  });
  // Another tab of the shop shares the device.
  document.addEventListener("visibilitychange", planRefresh);

  sdk.ready().then((isReady) => {
    if (isReady) showStatus("live", "live");
    else showStatus("absent", "could not start");
    refresh();
    if (isReady) server.load();
  });
}

function showStatus(state, text) {
  const status = byId("panel-status");
  status.dataset.state = state;
  status.textContent = text;
}
