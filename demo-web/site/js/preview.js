// The page in the phone: it shows the message that the developer panel hands it, and says what would happen.

const PACKAGE = "/node_modules/@kindling/web-sdk/dist/index.js";

const sdk = import(PACKAGE);

window.addEventListener("message", async ({ source, origin, data }) => {
  if (source !== parent || origin !== location.origin) return;
  const { message, options } = data;
  const { previewInAppMessage } = await sdk;
  previewInAppMessage(message, { ...options, onEvent: (event) => parent.postMessage(event, location.origin) });
});
parent.postMessage("ready", location.origin);
