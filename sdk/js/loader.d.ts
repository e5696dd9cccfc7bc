/**
 * The loader is a classic script, for a `<script>` tag and not for an import. It makes `window.kindling` at once. Until the SDK is
 * loaded, calls are kept with their times: functions that return whether something was stored return `true`, and those that ask for
 * something return what there is then (`undefined`, `false`, an empty array). {@link ready} resolves when all of them are made.
 */
declare global {
  interface Window {
    readonly kindling: typeof import("./index.js");
  }
}

export {};
