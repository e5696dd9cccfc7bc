/**
 * The loader is a classic script, for a `<script>` tag and not for an import. It makes `window.kindling` at once. Until the SDK is
 * loaded, calls are kept with their times: functions that return whether something was stored return `true`, and those that ask for
 * something return what there is then (`undefined`, `false`, an empty array). A wrong argument is told of when the call is made.
 * `ready()` resolves when all of them are made. To `false`, if the SDK could not be loaded: then further calls do nothing and return
 * `false`, and no callback is called.
 */
declare global {
  interface Window {
    readonly kindling: typeof import("./index.js");
  }
}

export {};
