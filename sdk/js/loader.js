// For sites without a bundler: a classic script that makes `window.kindling` at once and loads the SDK behind it. Calls that come
// before the SDK is there are kept with their times, and made then. It has to stay below 1 kB.

(() => {
  const { src, dataset } = globalThis.document?.currentScript ?? {};
  if (!src || window.kindling?.initialize) return;

  const calls = []; // time, whether a function of the user is meant, its name, arguments
  let sdk; // the module; `null` if it can't be loaded

  const call = (ofUser, name, args) => (ofUser ? sdk.getUser() : sdk)?.[name]?.(...args);

  const loaded = import(new URL("./index.js", src)).then(
    (module) => {
      sdk = module;
      for (const [time, ...kept] of calls) sdk.carryOut(time, () => call(...kept));
    },
    (error) => {
      sdk = null;
      console.warn("[kindling] could not load", error);
    },
  );

  function keep(ofUser, name, args) {
    if (name === "ready") return loaded.then(() => !!sdk && sdk.ready());
    // What asks for something is answered with what there is now: nothing.
    if (name === "getUser") return proxy(true);
    if (/^is/.test(name)) return false;
    if (/^get/.test(name)) return /s$/.test(name) ? [] : undefined;
    try {
      args = structuredClone(args); // The page may change an object after the call.
    } catch {
      // There is a function among them, or something else that does not change.
    }
    const kept = sdk !== null && calls.length < 1000 && !!calls.push([Date.now(), ofUser, name, args]);
    return /^sub/.test(name) ? undefined : kept;
  }

  // A proxy takes every call, so there is no list of functions to keep up with.
  const proxy = (ofUser) => {
    const get = (_, name) => {
      if (sdk && !ofUser) return sdk[name];
      if (typeof name !== "string" || name === "then") return undefined; // It is no promise, nor anything else that is special.
      return (...args) => (sdk ? call : keep)(ofUser, name, args);
    };
    return new Proxy({}, { get });
  };
  const { initialize, automaticallyShowInAppMessages, openSession } = (window.kindling = proxy(false));

  const { key, baseUrl = new URL("..", src).href } = dataset;
  if (key) {
    initialize(key, { baseUrl });
    automaticallyShowInAppMessages();
    openSession();
  }
})();
