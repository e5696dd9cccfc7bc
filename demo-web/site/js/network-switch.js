// Takes the network away from the SDK, for the demo. Requests to the Kindling server fail as they do without a network; the
// shop's own requests go on. This module has to be evaluated before the SDK is loaded.

import { configuration } from "./configuration.js";

const STORAGE_KEY = "demo.network";

let on = readState();
// Until it is known, nothing can be sent to the server anyway: the SDK needs the same answer.
let server = null;
configuration.then(
  ({ baseUrl }) => (server = new URL(baseUrl)),
  () => {},
);

export function isNetworkOn() {
  return on;
}

/** Lasts until the tab is closed, so that a reload without a network can be tried too. */
export function setNetwork(isOn) {
  on = isOn;
  try {
    sessionStorage.setItem(STORAGE_KEY, isOn ? "on" : "off");
  } catch {
    // Storage is blocked: the switch lasts until the page is left.
  }
}

function readState() {
  try {
    return sessionStorage.getItem(STORAGE_KEY) !== "off";
  } catch {
    return true;
  }
}

function isCut(target) {
  if (on || server === null) return false;
  try {
    const url = new URL(target instanceof Request ? target.url : target, location.href);
    return url.origin === server.origin && url.pathname.startsWith(server.pathname);
  } catch {
    return false;
  }
}

const fetchWithNetwork = window.fetch;
window.fetch = function fetch(target, options) {
  if (isCut(target)) return Promise.reject(new TypeError("Failed to fetch"));
  return fetchWithNetwork.call(window, target, options);
};

const sendBeaconWithNetwork = navigator.sendBeacon;
navigator.sendBeacon = function sendBeacon(target, body) {
  // A browser says yes here and loses the request later, without a word. That is what happens without a network.
  if (isCut(target)) return true;
  return sendBeaconWithNetwork.call(navigator, target, body);
};
