// Ready: the promise of telling it who the user is, without which, and without a token of theirs, it sends nothing.
import { getInAppMessages, initializeWithConfig, track as trackEvent } from "@iterable/web-sdk";

export { getInAppMessages };

/** A token of the right form, which expires in an hour. Nobody here looks at its signature. */
function token() {
  const claims = { email: "ada@example.com", exp: Math.trunc(Date.now() / 1000) + 3600 };
  return [{ alg: "HS256", typ: "JWT" }, claims].map((part) => btoa(JSON.stringify(part))).join(".") + ".c2lnbmF0dXJl";
}

export async function init(base) {
  const sdk = initializeWithConfig({ authToken: "bench", configOptions: { baseURL: base }, generateJWT: async () => token() });
  await sdk.setEmail("ada@example.com");
}

export const track = (eventName, dataFields) => trackEvent({ eventName, dataFields });
