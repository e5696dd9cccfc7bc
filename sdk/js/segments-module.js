// The module that evaluates filters on the device, for pages that can't load a file beside their scripts.

/** The module as base64. Building the package fills it in. */
const MODULE = "__SEGMENTS__";

export const bytes = () => Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0));
