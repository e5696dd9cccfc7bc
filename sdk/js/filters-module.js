// The module that tests properties, for pages that can't load a file beside their scripts.

/** The module as base64. Building the package fills it in. */
const MODULE = "__FILTERS__";

export const bytes = () => Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0));
