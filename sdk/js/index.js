// The public face of the SDK. It loads the WebAssembly module, keeps calls that come too early, keeps the page's callbacks,
// and lets nothing throw into the page. What the SDK does is decided in WebAssembly.

import { open } from "./address.js";
import { connect } from "./browser.js";
import { ASKS, REASONS } from "./codes.js";
import { isCrawler, isRefused, setConsent } from "./consent.js";
import { agent, describe } from "./device.js";
import { keepEarly, letGo, takeEarly } from "./early.js";
import { makeHost } from "./host.js";
import { toJson } from "./json.js";
import * as glue from "./kindling.js"; // Generated. It does nothing before it is asked to.
import { compile } from "./load.js";
import { InAppMessage, KEY, makeMessage, RAW } from "./messages.js";
import { page } from "./page.js";
import { user } from "./user.js";
import { warn } from "./warn.js";

export { DeviceProperties } from "./device.js";
export {
  ControlMessage,
  FullScreenMessage,
  HtmlMessage,
  InAppMessage,
  InAppMessageButton,
  ModalMessage,
  SlideUpMessage,
  SurveyMessage,
} from "./messages.js";
export { User } from "./user.js";

const VERSION = "__VERSION__";

/** Calls that came before the module was ready wait here; more than this are refused. */
const MAX_EARLY_CALLS = 1000;

/** Messages that wait for what draws them; more are refused. */
const MAX_UNDRAWN = 100;

let state = null; // { up, early, ready, … } from initialize() to destroy()
let before = typeof window === "undefined" ? null : []; // calls that came before the first initialize()
let asked = []; // what initialize() was last asked, for enableSDK()
let log = null; // a function while logging is on
let keptAt; // when the call was made that is carried out, if the loader kept it
let next = 1; // numbers subscriptions and those who wait for a flush
const subscribers = new Map();
const waiters = new Map();
const origins = []; // what addSdkMetadata() was told

const say = (text) => log?.(`[kindling] ${text}`);

/** Logs what is wrong with a call, which therefore comes to nothing. */
function refuse(name, wrong) {
  (log ?? console.warn)(`[kindling] ${name}(): ${wrong}`);
  return false;
}

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

/** Has the module do something: now, or in order as soon as it is ready. Says whether it was done, as far as that can be said. */
function run(name, ...ask) {
  if (!state && !before) return refuse(name, "there is no SDK to call: it was not started, or it was stopped");
  if (state?.failed || state?.closing) return false;
  if (state?.up) return keptAt ? at(keptAt, () => perform(name, ask)) : perform(name, ask);
  const early = state ? state.early : before;
  if (early.length >= MAX_EARLY_CALLS) return refuse(name, "too many calls before the SDK was ready");
  early.push(keep({ name, at: keptAt ?? Date.now(), ask }));
  return true;
}

/** Keeps an early call in storage too, as soon as it is known for which workspace, and that it may be. */
function keep(call) {
  if (state && !state.inMemory) call.drop = keepEarly(state.asked[0], call.at, call.ask);
  return call;
}

/** For `loader.js` only: makes a call that it kept, with the time at which it came. */
export function carryOut(time, call) {
  keptAt = time;
  callPage(call);
  keptAt = undefined;
}

/** Setters are answered with nothing, or with the number of what is wrong. */
function perform(name, ask) {
  const wrong = act(...ask);
  if (!wrong) return wrong === "";
  import("./wrongs.js").then(
    ({ WRONGS }) => refuse(name, WRONGS[wrong]),
    () => refuse(name, `it is wrong, by number ${wrong}`),
  );
  return false;
}

/**
 * Asks the module for something, by its number in `ASKS`, and does what follows from it. Gives the answer, a text; nothing if there is no
 * module, or if it has come to its end.
 */
function act(what, text = "", x = 0, y = 0, z = 0) {
  if (!state?.up || state.failed) return undefined;
  let said;
  try {
    said = glue.act(what, text, x, y, z, Date.now());
  } catch (error) {
    return void recover(error);
  }
  for (let place = 1; place < said.length; place += 2) {
    try {
      receive(JSON.parse(said[place]), said[place + 1]);
    } catch (error) {
      // A message that is not as it should be must not end the rest.
      warn("", error);
    }
  }
  return said[0];
}

/**
 * After a trap the module's memory can't be trusted. It is made anew once, from what is stored; after a second one the SDK is silent
 * until the next page. What is stored is safe either way.
 */
function recover(error) {
  const mine = state;
  if (!mine) return;
  halt(mine);
  if (mine.recovered) return fail("stopped by an error", error);
  mine.recovered = true;
  warn("starts anew after an error", error);
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
  if (state) state.failed = true;
  warn(text, error);
  return false;
}

/** Takes everything of the SDK from the page, and tells those who wait for a flush that nothing comes any more. */
function halt(mine) {
  mine.browser?.stop();
  mine.live?.stop();
  mine.live = undefined;
  clearDisplay(mine);
  mine.up = false;
  const callbacks = [...waiters.values()];
  waiters.clear();
  for (const callback of callbacks) callPage(callback, false);
}

const isText = (value) => typeof value === "string";

export function initialize(sdkKey, options) {
  try {
    return typeof window !== "undefined" && start(sdkKey, options);
  } catch (error) {
    return refuse("initialize", error);
  }
}

function start(sdkKey, options) {
  if (state) {
    refuse("initialize", "it was called before, and is ignored");
    return true;
  }
  if (!isText(sdkKey) || !sdkKey) return refuse("initialize", "a key is needed");
  if (!isText(options?.baseUrl)) return refuse("initialize", "options.baseUrl is needed");
  if (!log && (options.enableLogging || /[?&]kindlingLogging=true\b/.test(location.search))) toggleLogging();
  const early = before ?? [];
  before = null;
  if (!options.allowCrawlerActivity && isCrawler()) return say("not started: a program reads this page"), false;
  asked = [sdkKey, options];
  if (isRefused(options)) return say("not started: the visitor does not take part"), false;
  const mine = (state = { early, asked, inMemory: options.storage === "memory", undrawn: [], completed: new Map() });
  for (const call of early) keep(call);
  mine.ready = load(options.wasm)
    .then(() => (mine.inMemory ? [] : takeEarly(sdkKey)))
    .then((left) => state === mine && begin(mine, left))
    .catch((error) => {
      for (const call of early) call.drop?.();
      mine.failed = true;
      warn("could not start", error);
      return false;
    });
  return true;
}

/** A length of time that the page may set, in milliseconds. */
const ms = (given, least, otherwise) => Math.round((typeof given === "number" && given >= least ? given : otherwise) * 1000);

/** A browser may block localStorage; touching it throws then. */
function isBlocked() {
  try {
    localStorage.getItem("");
    return false;
  } catch {
    return refuse("initialize", "storage is blocked: records are kept in memory only"), true;
  }
}

/** Makes the module's side of the SDK, and does what waited for it. */
function begin(mine, left = []) {
  const [key, options] = mine.asked;
  const { deviceId: device, devicePropertyAllowlist: allowed, minimumIntervalBetweenTriggerActionsInSeconds: interval } = options;
  const started = {
    key,
    sdk: `web/${VERSION}`,
    device,
    session: ms(options.sessionTimeoutInSeconds, 1, 1800),
    interval: ms(interval, 0, 30),
    // A visitor who wants to save data is sent for less often, and for more at a time.
    flush: ms(options.flushIntervalInSeconds, 1, 10) * (navigator.connection?.saveData ? 6 : 1),
    authentication: options.enableSdkAuthentication || undefined,
    memory: mine.inMemory || isBlocked() || undefined,
    agent: agent(allowed),
  };
  const own = (...ask) => state === mine && act(...ask);
  glue.start(toJson(started), makeHost(options.filtersWasm, options.segmentsWasm, () => own(ASKS.canTest)));
  mine.up = true;
  const url = (mine.url = `${options.baseUrl.replace(/\/+$/, "")}/sdk/v1/`);
  mine.browser = connect(own, `${url}flush`);
  if (options.enableLiveUpdates) listen(mine, own);
  updateInterests();
  tellDevice();
  act(ASKS.begin);
  mine.browser?.adopt();
  // In order, each with the clock at the time of its call: first those that pages before this one had no time for.
  mine.early.unshift(...left);
  for (let call; mine.up && (call = mine.early.shift()); ) {
    at(call.at, () => perform(call.name, call.ask));
    call.drop?.();
  }
  letGo();
  say("ready");
  window.dispatchEvent(new CustomEvent("kindling.initialized"));
  return isInitialized();
}

/** Hears of what happens elsewhere, as long as the module is there. */
function listen(mine, own) {
  import("./live.js").then(
    (live) => {
      // Another start may have come between.
      if (state !== mine || !mine.up || mine.live) return;
      mine.live = live.listen(`${mine.url}live`, () => own(ASKS.head), () => own(ASKS.flush));
      mine.live.renew(mine.stream);
    },
    (error) => warn("could not load live.js", error),
  );
}

/** Does something as of the time at which the page called for it. */
function at(time, make) {
  act(ASKS.recordTime, "", time);
  const made = make();
  act(ASKS.recordTime);
  return made;
}

let loading; // the module, once for all starts on this page

function load(source = new URL("./kindling_bg.wasm", import.meta.url)) {
  loading ??= compile(source).then((module) => glue.initSync({ module }));
  loading.catch(() => (loading = undefined));
  return loading;
}

export function ready() {
  return state ? state.ready : Promise.resolve(false);
}

export function isInitialized() {
  return Boolean(state?.up) && !state.failed;
}

export function destroy() {
  const mine = state;
  if (!mine) return;
  act(ASKS.end);
  state = null;
  subscribers.clear();
  halt(mine);
}

export function disableSDK({ flush = false } = {}) {
  setConsent(false);
  before = null;
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
function receive(value, body) {
  if (!state) return;
  const { type } = value;
  if (type === "show") {
    if (value.message.render) complete(state, value);
    else tell("message", makeMessage(value.message));
  } else if (type === "send" || type === "settled") {
    if (value.held) state.holds = true;
    if (value.renders) loadRender(state);
    prepareDisplay();
    state.browser[type](value, body);
    if (value.stream) (state.stream = value.stream), state.live?.renew(value.stream);
  } else if (type === "auth") {
    delete value.type;
    tell(type, value);
  } else if (type === "flushed") {
    const callback = waiters.get(value.token);
    waiters.delete(value.token);
    if (callback) callPage(callback, value.taken);
  } else {
    if ("reason" in value) value.reason = REASONS[value.reason];
    if (log) say(`${type} ${JSON.stringify(value)}`);
    tell("activity", value);
  }
}

function tell(kind, value) {
  for (const subscriber of [...subscribers.values()]) {
    if (subscriber.kind === kind) callPage(subscriber.callback, value);
  }
}

function subscribe(name, kind, callback) {
  if (typeof callback !== "function") return refuse(name, "a function is needed"), undefined;
  const id = `${kind}-${next++}`;
  subscribers.set(id, { kind, callback });
  updateInterests();
  return id;
}

const has = (kind) => [...subscribers.values()].some((subscriber) => subscriber.kind === kind);

/** The module is told whether anybody listens: a trigger that nobody would show uses up no message. */
function updateInterests() {
  prepareDisplay();
  act(ASKS.interests, "", Number(has("message")), Number(has("activity") || log !== null));
}

export function removeSubscription(id) {
  if (subscribers.delete(id)) updateInterests();
}

export function removeAllSubscriptions() {
  subscribers.clear();
  updateInterests();
}

export function openSession() {
  run("openSession", ASKS.openSession);
}

export function changeUser(externalId, signature) {
  if (!isText(externalId)) return refuse("changeUser", "the id must be a string"), undefined;
  if (!isText(signature ?? "")) refuse("changeUser", "the signature must be a string"), (signature = "");
  run("changeUser", ASKS.changeUser, toJson({ id: externalId, signature }));
}

export function setSdkAuthenticationSignature(signature) {
  if (!isText(signature)) return refuse("setSdkAuthenticationSignature", "the signature must be a string");
  return run("setSdkAuthenticationSignature", ASKS.setSignature, signature);
}

export function subscribeToSdkAuthenticationFailures(subscriber) {
  return subscribe("subscribeToSdkAuthenticationFailures", "auth", subscriber);
}

export function logout(success, error) {
  const done = (taken) => {
    const callback = taken ? success : error;
    if (typeof callback === "function") callPage(callback);
  };
  clearDisplay(state);
  // Before the identity changes: the target is what this user did.
  if (run("logout", ASKS.logOut)) requestImmediateDataFlush(done);
  else done(false);
}

export function getUser() {
  return state || before ? user : undefined;
}

export function getDeviceId() {
  return act(ASKS.deviceId);
}

export function addSdkMetadata(metadata) {
  if (!Array.isArray(metadata)) return refuse("addSdkMetadata", "a list is needed"), undefined;
  origins.push(...metadata);
  tellDevice();
}

function tellDevice() {
  if (state) act(ASKS.describe, toJson(describe(state.asked[1], origins)));
}

/** Has the module record something: an object in the form of a record, or what makes one. */
function record(name, call) {
  let json;
  try {
    json = toJson(typeof call === "function" ? call() : call);
  } catch (error) {
    return refuse(name, error.message ?? error);
  }
  return run(name, ASKS.log, json);
}

export function logCustomEvent(name, properties) {
  return record("logCustomEvent", { type: "custom_event", name, properties });
}

export function logPurchase(product_id, price, currency = "USD", quantity = 1, properties) {
  const amount = () => ({ price, currency: `${currency}`, quantity: Number(quantity) });
  return record("logPurchase", () => ({ type: "purchase", product_id, ...amount(), properties }));
}

export function logEcommerceEvent(event) {
  const { name, properties } = event ?? {};
  if (!/^ecommerce\.(product_viewed|cart_updated|checkout_started|order_placed)$/.test(name)) {
    return refuse("logEcommerceEvent", "there is no such event");
  }
  return record("logEcommerceEvent", { type: "custom_event", name, properties });
}

export function requestImmediateDataFlush(callback) {
  const token = next++;
  if (typeof callback === "function") waiters.set(token, callback);
  if (!run("requestImmediateDataFlush", ASKS.flush, "", token) && waiters.delete(token)) callPage(callback, false);
}

export function subscribeToInAppMessage(subscriber) {
  return subscribe("subscribeToInAppMessage", "message", subscriber);
}

/** What draws messages is loaded as soon as the device holds one that somebody would show, to be there when there is no network. */
function prepareDisplay() {
  if (state?.holds && has("message")) loadDisplay(state);
}

function loadDisplay(mine) {
  mine.loading ??= import("./display.js")
    .then(
      ({ makeDisplay }) => {
        const keep = (what) => state === mine && record("a message", what);
        mine.display = makeDisplay(mine.asked[1], { open, askForPush, record: keep });
        for (const entry of mine.undrawn.splice(0)) mine.display.show(entry);
        mine.display.expect(list(ASKS.heldMessages).map(({ message }) => message));
      },
      (error) => {
        warn("could not load display.js", error);
        mine.loading = undefined;
        window.addEventListener("online", () => state === mine && loadDisplay(mine), { once: true });
      },
    )
    .catch((error) => warn("", error));
}

/** What completes messages is loaded as soon as the device holds one that needs it, to be there when there is no network. */
function loadRender(mine) {
  mine.render ??= import("./render.js").then((render) => (mine.renderer = render));
  mine.render.catch((error) => {
    warn("could not load render.js", error);
    mine.render = undefined;
  });
  return mine.render;
}

/** Shows a message when what its event says has been put into it. If that can't be, it was not shown, and its next trigger tries again. */
function complete(mine, { message, event = {} }) {
  loadRender(mine)
    .then(({ complete }) => complete(message, event, `${mine.url}render`, () => act(ASKS.head)))
    .then(
      (whole) => {
        if (state !== mine) return;
        mine.completed.set(message.id, whole);
        tell("message", makeMessage(whole));
      },
      (error) => {
        if (state !== mine) return;
        act(ASKS.notShown, message.id);
        say(`${message.id} could not be completed: ${error}`);
      },
    );
}

/** Takes every message from the page. */
function clearDisplay(mine) {
  if (!mine) return;
  mine.undrawn.length = 0;
  mine.display?.clear();
}

/** Takes the message of that id from the page, or out of the queue. */
function close(id) {
  if (!state) return;
  state.undrawn = state.undrawn.filter(({ message }) => message.id !== id);
  state.display?.close(id);
}

/** Asks the visitor whether the site may send push notifications. */
async function askForPush() {
  const said = await globalThis.Notification?.requestPermission();
  if (said === "granted") user.setPushNotificationSubscriptionType("opted_in");
}

const show = (message) => showInAppMessage(message);

export function automaticallyShowInAppMessages() {
  for (const { callback } of subscribers.values()) if (callback === show) return;
  subscribe("automaticallyShowInAppMessages", "message", show);
}

const isMessage = (name, message) => message instanceof InAppMessage || refuse(name, "an in-app message is needed");

export function showInAppMessage(message, parent, onDisplay) {
  const name = "showInAppMessage";
  if (!isMessage(name, message) || !run(name, ASKS.checkMessage, toJson(message[RAW])) || !state) return false;
  if (message.isControl) return logInAppMessageImpression(message);
  const entry = {
    message: message[RAW],
    parent: parent instanceof Node ? parent : undefined,
    onDisplay: typeof onDisplay === "function" ? () => callPage(onDisplay) : undefined,
    told(what, id) {
      const clicked = message.buttons.find((button) => button.id === id) ?? message;
      tell(clicked[KEY] + what, clicked);
    },
  };
  if (state.display) return state.display.show(entry), true;
  if (state.undrawn.length >= MAX_UNDRAWN) return refuse(name, "too many messages wait for what draws them");
  state.undrawn.push(entry);
  loadDisplay(state);
  return true;
}

export async function previewInAppMessage(content, options) {
  try {
    return (await import("./preview.js")).preview(content, { baseUrl: asked[1]?.baseUrl, ...options });
  } catch (error) {
    return refuse("previewInAppMessage", error), undefined;
  }
}

export function deferInAppMessage(message) {
  return isMessage("deferInAppMessage", message) && run("deferInAppMessage", ASKS.defer, message.id);
}

export function getDeferredInAppMessage() {
  const json = act(ASKS.takeDeferred);
  let raw = json && JSON.parse(json);
  // As it was shown; on another page, which knows of no event, as it is without one.
  if (raw?.render) raw = state.completed.get(raw.id) ?? state.renderer?.fill(raw, {});
  return raw ? makeMessage(raw) : undefined;
}

const logMessage = (name, type, message, button) =>
  isMessage(name, message) &&
  record(name, { type: `message_${type}`, message: message.id, variant: message[RAW].variant, button });

export const logInAppMessageImpression = (message) => logMessage("logInAppMessageImpression", "impression", message);

export const logInAppMessageClick = (message) => logMessage("logInAppMessageClick", "click", message);

export const logInAppMessageButtonClick = (button, message) =>
  logMessage("logInAppMessageButtonClick", "click", message, `${button?.id}`);

export const logInAppMessageHtmlClick = (message, button) =>
  logMessage("logInAppMessageHtmlClick", "click", message, button == null ? undefined : `${button}`);

export const logInAppMessageDismissal = (message) => logMessage("logInAppMessageDismissal", "dismissal", message);

const list = (what) => JSON.parse(act(what) || "[]");

export function getHeldInAppMessages() {
  return list(ASKS.heldMessages).map(({ message: { id, priority = 0, trigger, content }, shown: lastShownAt = null }) => {
    const { type, header = null, body: message = "" } = content;
    return { id, type, header, message, priority, trigger, lastShownAt };
  });
}

export function getQueuedRecords() {
  return list(ASKS.queuedRecords);
}

export function subscribeToActivity(subscriber) {
  return subscribe("subscribeToActivity", "activity", subscriber);
}

export function wipeData() {
  clearDisplay(state);
  run("wipeData", ASKS.wipe);
}

export function toggleLogging() {
  log = log ? null : (line) => console.log(line);
  updateInterests();
}

export function setLogger(logger) {
  if (typeof logger !== "function") return refuse("setLogger", "a function is needed"), undefined;
  log = (line) => callPage(logger, line);
  updateInterests();
}

const subscriptions = () => [...subscribers.keys()];
const externalId = () => act(ASKS.externalId);
Object.assign(page, { record, refuse, externalId, subscribe, removeSubscription, subscriptions, close });
