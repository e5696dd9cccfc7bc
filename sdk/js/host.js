// What the module asks the browser while it works: random ids, what the clock shows, what JSON says, and conditions, which few messages
// have: tests of properties, and filters. The modules that know their language are loaded when the first message comes that has some.

import { warn } from "./warn.js";

/** Also where `randomUUID` is not: on pages without TLS. Of version 4, and of the 4 digits that its variant may have always the same. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");
}

/**
 * Makes the function that the module calls: with nothing for a random UUID, with an instant for the minute of the day that the clock shows
 * then, with JSON alone for what that says, and with a condition to hear whether tests hold of properties, or a filter of the user. As long
 * as that can't be told it says nothing; then `decide` is called. `filters` and `segments` are where the modules are for that, if not beside
 * this file.
 */
export function makeHost(filters, segments, decide) {
  const tests = loaded(() => import("./filters.js"), filters, decide);
  const users = loaded(() => import("./segments.js"), segments, decide);
  return (condition, of) => {
    if (condition === undefined) return uuid();
    if (typeof condition === "number") {
      const at = new Date(condition);
      return at.getHours() * 60 + at.getMinutes();
    }
    if (of === undefined) return JSON.parse(condition);
    // Tests are a list, a filter is an object.
    return (condition[0] === "[" ? tests : users)(condition, of);
  };
}

/** Makes a function that asks a module, which is loaded when it is first asked. */
function loaded(load, source, decide) {
  let hold; // once there is one
  let loading;
  return (condition, of) => {
    if (hold) return hold(JSON.parse(condition), of ? JSON.parse(of) : null);
    loading ??= load()
      .then((module) => module.load(source))
      .then(
        (ready) => (hold = ready),
        (error) => {
          warn("could not load what tells conditions", error);
          hold = () => false;
        },
      )
      .then(decide);
  };
}
