// Loads the module that evaluates filters on the device.

import * as glue from "./kindling_segments.js"; // Generated. It does nothing before it is asked to.
import { compile } from "./load.js";

/** Gives the function that says whether a filter holds of the user. */
export async function load(source = new URL("./kindling_segments_bg.wasm", import.meta.url)) {
  glue.initSync({ module: await compile(source) });
  return glue.hold;
}
