// Ready: its promise. With the engine and the display of in-app messages, and all that the package exports: nothing is shaken off.
import * as kindling from "@kindling/web-sdk";
import wasm from "@kindling/web-sdk/kindling_bg.wasm";

export * from "@kindling/web-sdk";

export async function init(base) {
  kindling.initialize("pk_bench", { baseUrl: base, wasm });
  kindling.automaticallyShowInAppMessages();
  kindling.openSession();
  if (!(await kindling.ready())) throw new Error("not started");
}

export const flush = () => new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));

export const track = (name, properties) => kindling.logCustomEvent(name, properties);
