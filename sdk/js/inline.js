// The SDK with the WebAssembly module in it, for pages that can't load a file beside their scripts. Everything else is shared.

import { initialize as start } from "./index.js";

export * from "./index.js";

/** The module as base64. Building the package fills it in. */
const MODULE = "__MODULE__";

const bytes = () => Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0));

const filters = () => import("./filters-module.js").then((module) => module.bytes());
const segments = () => import("./segments-module.js").then((module) => module.bytes());

export function initialize(sdkKey, options) {
  if (typeof options !== "object" || options === null) return start(sdkKey, options);
  // Nothing is decoded before it is asked for, and what the page's options throw when they are read is dealt with there.
  return start(
    sdkKey,
    Object.create(options, {
      wasm: { get: () => options.wasm ?? bytes() },
      filtersWasm: { get: () => options.filtersWasm ?? filters },
      segmentsWasm: { get: () => options.segmentsWasm ?? segments },
    }),
  );
}
