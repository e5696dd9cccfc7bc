// Loads the module that tests properties.

import * as glue from "./kindling_filters.js"; // Generated. It does nothing before it is asked to.
import { compile } from "./load.js";

/** Gives the function that says whether tests hold of properties. */
export async function load(source = new URL("./kindling_filters_bg.wasm", import.meta.url)) {
  glue.initSync({ module: await compile(source) });
  return glue.hold;
}
