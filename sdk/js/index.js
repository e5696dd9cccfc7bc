// The public face of the SDK. It loads the WebAssembly module, keeps calls that come too early, keeps the page's callbacks,
// and lets nothing throw into the page. What the SDK does is decided in WebAssembly.

import { connect } from "./browser.js";
import { QUESTIONS, REASONS, SIGNALS, WRONGS } from "./codes.js";
import { isCrawler, isRefused, setConsent } from "./consent.js";
import { describe } from "./device.js";
import { makeDisplay } from "./display.js";
import { keepEarly, letGo, takeEarly } from "./early.js";
import * as glue from "./kindling.js"; // Generated. It does nothing before it is asked to.

export { DeviceProperties } from "./device.js";

const VERSION = "__VERSION__";

/** Calls that came before the module was ready wait here; more than this are refused. */
const MAX_EARLY_CALLS = 1000;

let state = null; // { sdk, early, ready, user, … } from initialize() to destroy()
let asked = []; // what initialize() was last asked, for enableSDK()
let log = null; // a function while logging is on
let keptAt; // when the call was made that is carried out, if the loader kept it

const say = (text) => log?.(`[kindling] ${text}`);
const warn = (text) => (log ?? console.warn)(`[kindling] ${text}`);

/** Calls a function of the page; what it throws is the page's affair, not ours. */
function callPage(callback, ...args) {
  try {
    callback(...args);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

/** Runs `act` with the module: now, or in order as soon as it is ready. Setters return nothing, 0 or the number of what is wrong. */
function run(name, act) {
  if (!state) {
    warn(`${name}() was called before initialize(), and ignored`);
    return false;
  }
  if (state.failed || state.closing) return false;
  if (!state.sdk) {
    if (state.early.length >= MAX_EARLY_CALLS) {
      warn(`${name}() was ignored: too many calls before the SDK was ready`);
      return false;
    }
    const at = keptAt ?? Date.now();
    state.early.push({ name, act, at, drop: keepEarly(state.asked[0], at, act) });
    return true;
  }
  return keptAt ? at(keptAt, () => perform(name, act)) : perform(name, act);
}

/** For `loader.js` only: makes a call that it kept, with the time at which it came. */
export function carryOut(time, call) {
  keptAt = time;
  callPage(call);
  keptAt = undefined;
}

function perform(name, act) {
  try {
    const wrong = act(state.sdk);
    if (wrong) {
      warn(`${name}(): ${WRONGS[wrong]}`);
      return false;
    }
    return true;
  } catch (error) {
    return survive(name, error, false);
  }
}

/** Reads something from the module. */
function ask(act, otherwise) {
  if (!state?.sdk || state.failed) return otherwise;
  try {
    return act(state.sdk);
  } catch (error) {
    return survive("the SDK", error, otherwise);
  }
}

/** What an argument throws when it is read (a getter, a proxy) ends the call; only a trap ends the module. */
function survive(name, error, result) {
  if (error instanceof WebAssembly.RuntimeError) recover(name, error);
  else warn(`${name}: ${error}`);
  return result;
}

/**
 * After a trap the module's memory can't be trusted. It is made anew once, from what is stored; after a second one the SDK is silent
 * until the next page. What is stored is safe either way.
 */
function recover(name, error) {
  const mine = state;
  mine.browser?.stop();
  mine.display?.clear();
  mine.sdk = null;
  dismiss(mine);
  if (mine.recovered) return fail(`stopped by an error in ${name}`, error);
  mine.recovered = true;
  console.warn(`[kindling] starts anew after an error in ${name}`, error);
  // Not while the page's call is still under way.
  mine.ready = Promise.resolve()
    .then(() => {
      if (state !== mine) return false;
      glue.__wbg_reset_state();
      return begin(mine);
    })
    .catch((cause) => fail("could not start anew", cause));
}

function fail(text, error) {
  state.failed = true;
  console.warn(`[kindling] ${text}`, error);
  return false;
}

const isText = (value) => typeof value === "string";

export function initialize(sdkKey, options) {
  try {
    return typeof window !== "undefined" && start(sdkKey, options);
  } catch (error) {
    warn(`initialize(): ${error}`);
    return false;
  }
}

function start(sdkKey, options) {
  if (state) {
    warn("initialize() was called again, and ignored");
    return true;
  }
  const wrong =
    !isText(sdkKey) || sdkKey === "" ? "a key is needed" : !isText(options?.baseUrl) ? "options.baseUrl is needed" : null;
  if (wrong) {
    warn(`initialize(): ${wrong}`);
    return false;
  }
  if (options.enableLogging && !log) toggleLogging();
  if (!options.allowCrawlerActivity && isCrawler()) {
    say("not started: a program reads this page");
    return false;
  }
  asked = [sdkKey, options];
  if (isRefused(options)) {
    say("not started: the visitor does not take part");
    return false;
  }
  const mine = { sdk: null, early: [], failed: false, subscribers: new Map(), waiters: new Map(), next: 1, user: new User(OWN), asked };
  state = mine;
  mine.ready = load(options.wasm)
    .then(() => takeEarly(sdkKey))
    .then((left) => state === mine && begin(mine, left))
    .catch((error) => {
      mine.failed = true;
      for (const call of mine.early) call.drop();
      console.warn("[kindling] could not start", error);
      return false;
    });
  return true;
}

/** A length of time that the page may set. */
const seconds = (given, least, otherwise) => (typeof given === "number" && given >= least ? given : otherwise);

/** Makes the module's side of the SDK, and does what waited for it. */
function begin(mine, left = []) {
  const [sdkKey, options] = mine.asked;
  const url = `${options.baseUrl.replace(/\/+$/, "")}/sdk/v1/flush`;
  mine.sdk = new glue.Sdk(
    sdkKey,
    `web/${VERSION}`,
    seconds(options.sessionTimeoutInSeconds, 1, 1800),
    seconds(options.minimumIntervalBetweenTriggerActionsInSeconds, 0, 30),
    // A visitor who wants to save data is sent for less often, and for more at a time.
    seconds(options.flushIntervalInSeconds, 1, 10) * (navigator.connection?.saveData ? 6 : 1),
    Boolean(options.enableSdkAuthentication),
    receive,
  );
  mine.browser = connect((act) => state === mine && ask(act), url);
  mine.display = makeDisplay(zIndex(options), (type, message, button) =>
    state === mine && ask((sdk) => sdk.log({ type, message, button })),
  );
  updateInterests();
  mine.sdk.describe(describe(options.devicePropertyAllowlist));
  mine.sdk.signal(SIGNALS.begin);
  mine.browser.adopt();
  // In order, each with the clock at the time of its call: first those that pages before this one had no time for.
  const missed = left.map(({ calls, ...call }) => ({
    ...call,
    name: "a call of the page before",
    act: (sdk) => calls.forEach(([method, args]) => sdk[method](...args)),
  }));
  mine.early.unshift(...missed);
  for (let call; mine.sdk && (call = mine.early.shift()); ) {
    at(call.at, () => perform(call.name, call.act));
    call.drop();
  }
  letGo();
  say("ready");
  window.dispatchEvent(new CustomEvent("kindling.initialized"));
  return isInitialized();
}

/** Carries out a call that came early, with the time at which it came. */
function at(time, act) {
  state.sdk.set_record_time(time);
  try {
    return act();
  } finally {
    state?.sdk?.set_record_time(undefined);
  }
}

const load = (source) => glue.default({ module_or_path: source ?? new URL("./kindling_bg.wasm", import.meta.url) });

const zIndex = ({ inAppMessageZIndex: given }) =>
  typeof given === "number" && given >= 0 ? Math.min(Math.trunc(given), 2 ** 31 - 1) : 9001;

export function ready() {
  return state ? state.ready : Promise.resolve(false);
}

export function isInitialized() {
  return Boolean(state?.sdk) && !state.failed;
}

export function destroy() {
  if (!state) return;
  const mine = state;
  state = null;
  mine.browser?.stop();
  mine.display?.clear();
  dismiss(mine);
}

/** Tells those who wait for a flush that nothing comes any more. */
function dismiss({ waiters }) {
  const callbacks = [...waiters.values()];
  waiters.clear();
  for (const callback of callbacks) callPage(callback, false);
}

export function disableSDK({ flush = false } = {}) {
  setConsent(false);
  if (!state) return;
  if (flush) requestImmediateDataFlush(destroy);
  else destroy();
  // What is on its way is the last there is.
  if (state) state.closing = true;
}

export function enableSDK() {
  setConsent(true);
  const [sdkKey, options] = asked;
  if (options && (!state || state.closing)) {
    destroy();
    initialize(sdkKey, options);
  }
}

export function isDisabled() {
  return typeof window !== "undefined" && isRefused(asked[1]);
}

/** What the module has to tell. */
function receive([name, json, body]) {
  if (!state) return;
  const value = JSON.parse(json);
  if (name === "show") {
    tell("message", makeMessage(value.message));
  } else if (name === "send" || name === "settled") {
    state.browser[name](value, body);
  } else if (name === "auth") {
    tell("auth", value);
  } else if (name === "activity") {
    if ("reason" in value) value.reason = REASONS[value.reason];
    if (log) say(`${value.type} ${JSON.stringify(value)}`);
    tell("activity", value);
  } else if (name === "flushed") {
    const callback = state.waiters.get(value.token);
    state.waiters.delete(value.token);
    if (callback) callPage(callback, value.taken);
  } else {
    warn("storage is blocked: records are kept in memory only");
  }
}

function tell(kind, value) {
  for (const subscriber of [...state.subscribers.values()]) {
    if (subscriber.kind === kind) callPage(subscriber.callback, value);
  }
}

function subscribe(name, kind, callback) {
  if (!state || typeof callback !== "function") {
    warn(state ? `${name}(): a function is needed` : `${name}() was called before initialize(), and ignored`);
    return undefined;
  }
  const id = `${kind}-${state.next++}`;
  state.subscribers.set(id, { kind, callback });
  updateInterests();
  return id;
}

/** The module is told whether anybody listens: a trigger that nobody would show uses up no message. */
function updateInterests() {
  const kinds = new Set([...state.subscribers.values()].map((subscriber) => subscriber.kind));
  ask((sdk) => {
    sdk.set_interests(kinds.has("message"), kinds.has("activity") || log !== null);
  });
}

export function removeSubscription(id) {
  if (state?.subscribers.delete(id)) updateInterests();
}

export function removeAllSubscriptions() {
  if (!state) return;
  state.subscribers.clear();
  updateInterests();
}

export function openSession() {
  run("openSession", (sdk) => sdk.signal(SIGNALS.openSession));
}

export function changeUser(externalId, signature) {
  if (!isText(externalId)) return warn("changeUser(): the id must be a string");
  if (!isText(signature ?? "")) warn("changeUser(): the signature must be a string"), (signature = undefined);
  run("changeUser", (sdk) => sdk.change_user(externalId, signature));
}

export function setSdkAuthenticationSignature(signature) {
  if (!isText(signature)) return warn("setSdkAuthenticationSignature(): the signature must be a string"), false;
  return run("setSdkAuthenticationSignature", (sdk) => sdk.set_signature(signature));
}

export function subscribeToSdkAuthenticationFailures(subscriber) {
  return subscribe("subscribeToSdkAuthenticationFailures", "auth", subscriber);
}

export function logout(success, error) {
  const done = (taken) => {
    const callback = taken ? success : error;
    if (typeof callback === "function") callPage(callback);
  };
  // Before the identity changes: the target is what this user did.
  if (run("logout", (sdk) => (state.display?.clear(), sdk.signal(SIGNALS.logOut)))) requestImmediateDataFlush(done);
  else done(false);
}

export function getUser() {
  return state?.user;
}

export function getDeviceId() {
  return ask((sdk) => sdk.ask(QUESTIONS.deviceId));
}

export function logCustomEvent(name, properties) {
  if (!isText(name)) return warn("logCustomEvent(): the name must be a string"), false;
  const kept = keep(properties);
  return run("logCustomEvent", (sdk) => sdk.log({ type: "custom_event", name, properties: kept() }));
}

export function logPurchase(productId, price, currency = "USD", quantity = 1, properties) {
  if (!isText(productId)) return warn("logPurchase(): the product id must be a string"), false;
  if (typeof price !== "number") return warn("logPurchase(): the price must be a number"), false;
  const kept = keep(properties);
  const bought = () => ({ product_id: productId, price, currency: `${currency}`, quantity: Number(quantity) });
  return run("logPurchase", (sdk) => sdk.log({ type: "purchase", ...bought(), properties: kept() }));
}

/** The page may change an object after the call: while the call has to wait, a copy is kept. */
function keep(value) {
  if (state?.sdk || typeof value !== "object" || value === null) return () => value;
  try {
    const copy = structuredClone(value);
    return () => copy;
  } catch {
    return () => value; // Not a plain value; the module will say so.
  }
}

export function requestImmediateDataFlush(callback) {
  const token = state ? state.next++ : 0;
  if (state && typeof callback === "function") state.waiters.set(token, callback);
  if (!run("requestImmediateDataFlush", (sdk) => sdk.flush(token)) && typeof callback === "function") {
    state?.waiters.delete(token);
    callPage(callback, false);
  }
}

export function subscribeToInAppMessage(subscriber) {
  return subscribe("subscribeToInAppMessage", "message", subscriber);
}

export function automaticallyShowInAppMessages() {
  if (state?.automatic && state.subscribers.has(state.automatic)) return;
  const id = subscribe("automaticallyShowInAppMessages", "message", (message) => showInAppMessage(message));
  if (state) state.automatic = id;
}

const isMessage = (name, message) =>
  message instanceof InAppMessage || (warn(`${name}(): an in-app message is needed`), false);

export function showInAppMessage(message) {
  return isMessage("showInAppMessage", message) && run("showInAppMessage", (sdk) => sdk.check_message(message[RAW]) || state.display.show(message[RAW]));
}

function logMessage(name, type, message, button) {
  return isMessage(name, message) && run(name, (sdk) => sdk.log({ type: `message_${type}`, message: message.id, button }));
}

export const logInAppMessageImpression = (message) => logMessage("logInAppMessageImpression", "impression", message);

export const logInAppMessageClick = (message) => logMessage("logInAppMessageClick", "click", message);

export const logInAppMessageButtonClick = (button, message) =>
  logMessage("logInAppMessageButtonClick", "click", message, `${button?.id}`);

export const logInAppMessageDismissal = (message) => logMessage("logInAppMessageDismissal", "dismissal", message);

export function getHeldInAppMessages() {
  const held = ask((sdk) => JSON.parse(sdk.ask(QUESTIONS.heldMessages)), []);
  return held.map(({ message: { id, priority = 0, trigger, content }, shown: lastShownAt = null }) => {
    const { type, header = null, body: message } = content;
    return { id, type, header, message, priority, trigger, lastShownAt };
  });
}

export function getQueuedRecords() {
  return ask((sdk) => JSON.parse(sdk.ask(QUESTIONS.queuedRecords)), []);
}

export function subscribeToActivity(subscriber) {
  return subscribe("subscribeToActivity", "activity", subscriber);
}

export function wipeData() {
  run("wipeData", (sdk) => {
    state.display?.clear();
    sdk.signal(SIGNALS.wipe);
  });
}

export function toggleLogging() {
  log = log ? null : (line) => console.log(line);
  if (state) updateInterests();
}

export function setLogger(logger) {
  if (typeof logger !== "function") return warn("setLogger(): a function is needed");
  log = (line) => callPage(logger, line);
  if (state) updateInterests();
}

const OWN = Symbol("own"); // Only this module makes users and messages.
const RAW = Symbol("raw"); // A message as the module sent it.

export class User {
  constructor(own) {
    if (own !== OWN) throw new TypeError("use getUser()");
  }
  getUserId() {
    return ask((sdk) => sdk.ask(QUESTIONS.externalId) ?? null);
  }
  setDateOfBirth(year, month, day) {
    const clear = year === null && month === null && day === null;
    const digits = (number, length) => String(number).padStart(length, "0");
    const date = clear ? null : `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
    return setAttribute("setDateOfBirth", "date_of_birth", date);
  }
  setCountry(country) {
    return setAttribute("setCountry", "country", isText(country) ? country.toUpperCase() : country);
  }
  setLanguage(language) {
    return setAttribute("setLanguage", "language", isText(language) ? language.toLowerCase() : language);
  }
  addAlias(alias, label) {
    if (!isText(alias) || !isText(label)) return warn("addAlias(): the alias and its label must be strings"), false;
    return run("addAlias", (sdk) => sdk.log({ type: "alias", label, name: alias }));
  }
  setEmailNotificationSubscriptionType(state) {
    return subscribeTo("setEmailNotificationSubscriptionType", "email", state);
  }
  setPushNotificationSubscriptionType(state) {
    return subscribeTo("setPushNotificationSubscriptionType", "push", state);
  }
  addToSubscriptionGroup(group) {
    return joinGroup("addToSubscriptionGroup", group, "subscribed");
  }
  removeFromSubscriptionGroup(group) {
    return joinGroup("removeFromSubscriptionGroup", group, "unsubscribed");
  }
  setLastKnownLocation(latitude, longitude, accuracy, altitude) {
    const location = { type: "location", latitude, longitude, accuracy: accuracy ?? undefined, altitude: altitude ?? undefined };
    return run("setLastKnownLocation", (sdk) => sdk.log(location));
  }
  setCustomUserAttribute(key, value, merge = false) {
    const kept = keep(value);
    const op = merge && typeof value === "object" && value !== null ? "merge" : "set";
    return change("setCustomUserAttribute", key, () => ({ op, value: kept() ?? null }));
  }
  setCustomLocationAttribute(key, latitude, longitude) {
    const clear = latitude === null && longitude === null;
    return change("setCustomLocationAttribute", key, () =>
      clear ? { op: "set", value: null } : { op: "set_location", latitude, longitude },
    );
  }
  incrementCustomUserAttribute(key, by = 1) {
    return change("incrementCustomUserAttribute", key, () => ({ op: "increment", by: Number(by) }));
  }
  addToCustomAttributeArray(key, value) {
    return change("addToCustomAttributeArray", key, () => ({ op: "add", value: `${value}` }));
  }
  removeFromCustomAttributeArray(key, value) {
    return change("removeFromCustomAttributeArray", key, () => ({ op: "remove", value: `${value}` }));
  }
}

/** Setters that take the value as it is. */
const PLAIN = {
  setEmail: "email",
  setFirstName: "first_name",
  setLastName: "last_name",
  setPhoneNumber: "phone_number",
  setGender: "gender",
  setHomeCity: "home_city",
};
for (const name in PLAIN) User.prototype[name] = (value) => setAttribute(name, PLAIN[name], value);

function setAttribute(name, attribute, value) {
  if (value === undefined) return warn(`${name}(): a value is needed; null clears`), false;
  return run(name, (sdk) => sdk.log({ type: "attribute", name: attribute, value }));
}

function subscribeTo(name, channel, state) {
  return run(name, (sdk) => sdk.log({ type: "subscription", channel, state }));
}

function joinGroup(name, group, state) {
  if (!isText(group)) return warn(`${name}(): the group must be a string`), false;
  return run(name, (sdk) => sdk.log({ type: "subscription_group", group, state }));
}

function change(name, key, make) {
  if (!isText(key)) return warn(`${name}(): the key must be a string`), false;
  return run(name, (sdk) => sdk.log({ type: "custom_attribute", name: key, ...make() }));
}

export class InAppMessage {
  constructor(own, raw) {
    if (own !== OWN) throw new TypeError("messages come from subscribeToInAppMessage()");
    const { content } = raw;
    this[RAW] = raw;
    this.id = raw.id;
    this.type = content.type;
    this.message = content.body;
    this.header = content.header ?? null;
    this.imageUrl = content.image_url ?? null;
    this.altImageText = content.image_alt ?? null;
    this.buttons = (content.buttons ?? []).map(({ id, text, click_action }) => ({
      id,
      text,
      clickAction: makeAction(click_action),
    }));
    this.clickAction = makeAction(content.click_action);
    this.duration = content.duration_ms ?? null;
    this.extras = content.extras ?? {};
  }
  closeMessage() {
    run("closeMessage", () => state.display.close(this.id));
  }
}

export class SlideUpMessage extends InAppMessage {
  constructor(own, raw) {
    super(own, raw);
    this.slideFrom = raw.content.slide_from;
  }
}

export class ModalMessage extends InAppMessage {}

function makeMessage(raw) {
  const Type = raw.content.type === "slide_up" ? SlideUpMessage : ModalMessage;
  return new Type(OWN, raw);
}

const makeAction = (action) =>
  action?.type === "open_url" ? { type: "open_url", url: action.url, newTab: action.new_tab } : (action ?? { type: "none" });
