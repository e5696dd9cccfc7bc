/**
 * Kindling for the web: identify users, record what they do, and show them in-app messages.
 *
 * Every function is safe to call at any time and in any order: before {@link initialize}, and until the WebAssembly module is ready, a
 * call is kept and carried out in order, with the time at which it was made. A wrong argument logs a warning and returns `false`. No
 * function throws into the page.
 */

/** A value that an event property or a custom attribute may have. Dates keep their type; `undefined` members are left out. */
export type Json = null | boolean | number | string | Date | Json[] | { [key: string]: Json | undefined };

/** Properties of an event or a purchase. At most 50 KiB as JSON; names have at most 255 characters and no leading `$`. */
export type Properties = { [name: string]: Json | undefined };

export interface InitializationOptions {
  /** Address of the Kindling server, for example `https://engage.example.com`. A path is kept. Required. */
  baseUrl: string;
  /** Log what the SDK does to the console. Default `false`; also switched by {@link toggleLogging}. */
  enableLogging?: boolean;
  /** A session ends after this many seconds without activity. Default 1800, at least 1. */
  sessionTimeoutInSeconds?: number;
  /** At least this many seconds lie between two messages that a trigger shows. Default 30; 0 is allowed. */
  minimumIntervalBetweenTriggerActionsInSeconds?: number;
  /** Records wait at most this many seconds before they are sent. Default 10, at least 1. */
  flushIntervalInSeconds?: number;
  /**
   * Load, store and record nothing until {@link enableSDK} says that the visitor agreed. That is remembered. Default `false`.
   */
  requireConsent?: boolean;
  /** The same for visitors whose browser sends Global Privacy Control. Default `false`. */
  respectGlobalPrivacyControl?: boolean;
  /** Also start for programs that read pages and say so in their user agent. Default `false`. */
  allowCrawlerActivity?: boolean;
  /**
   * What the SDK may say of the device, of {@link DeviceProperties}. Default: all of it; `[]`: nothing. It is said when a session begins,
   * if it is new.
   */
  devicePropertyAllowlist?: readonly DeviceProperty[];
  /**
   * Send with what is recorded of a user what proves who they are: a JWT that your server signs, given to {@link changeUser}.
   * Default `false`.
   */
  enableSdkAuthentication?: boolean;
  /**
   * While the page is seen, hold a connection by which the server says that something of the user was recorded elsewhere, by another
   * device or by your servers: then a message that follows from it comes at once, not with the next flush. Default `false`.
   */
  enableLiveUpdates?: boolean;
  /** The version of your app, for segments. 1 to 255 characters. */
  appVersion?: string;
  /** The same as one to four numbers, like `"1.2.3.4"`; only with `appVersion`. */
  appVersionNumber?: string;
  /** The id of this device, a UUID in lower case, if you have one of your own for it. It is remembered. Default: a random one. */
  deviceId?: string;
  /** `"memory"`: nothing is left on the device, and what is queued ends with the page. Default `"local"`: localStorage. */
  storage?: "local" | "memory";
  /** Stacking order of a slide-up; dialogs are in the browser's top layer. Default 9001. */
  inAppMessageZIndex?: number;
  /** The colours of messages, for a site that is always light or always dark. Default `"auto"`: what the visitor's system likes. */
  inAppMessageColorScheme?: "auto" | "light" | "dark";
  /**
   * The nonce of your Content-Security-Policy, for the scripts and styles of HTML messages. Without one they run where the policy allows
   * inline scripts.
   */
  contentSecurityNonce?: string;
  /** What a click opens is always opened in a new tab. Default `false`. */
  openInAppMessagesInNewTab?: boolean;
  /** Neither the Escape key nor a click beside it closes a dialog; its buttons do. Default `false`. */
  requireExplicitInAppMessageDismissal?: boolean;
  /**
   * Where the WebAssembly module is, if not beside this file: an address, a response, its bytes, or the compiled module; or a promise of
   * one of these, or a function that gives one.
   */
  wasm?: WasmSource;
  /** The same for the module that tests properties, which is loaded when the first message comes that has such tests. */
  filtersWasm?: WasmSource;
  /** The same for the module that evaluates filters, which is loaded when the first message comes that has one. */
  segmentsWasm?: WasmSource;
}

type Wasm = string | URL | Request | Response | BufferSource | WebAssembly.Module;
export type WasmSource = Wasm | Promise<Wasm> | (() => Wasm | Promise<Wasm>);

/** What the SDK can say of a device. */
export const DeviceProperties: {
  readonly BROWSER: "browser";
  readonly BROWSER_VERSION: "browserVersion";
  readonly OS: "os";
  readonly RESOLUTION: "resolution";
  readonly LANGUAGE: "language";
  readonly TIME_ZONE: "timeZone";
  readonly USER_AGENT: "userAgent";
};
export type DeviceProperty = (typeof DeviceProperties)[keyof typeof DeviceProperties];

/**
 * Starts the SDK. Returns `false`, with a warning, when the key or `baseUrl` is missing. Further calls are ignored until
 * {@link destroy}. Loading goes on in the background; {@link ready} says when it is done, and so does the event
 * `kindling.initialized` on `window`.
 */
export function initialize(sdkKey: string, options: InitializationOptions): boolean;
/** Resolves to `true` when the SDK is ready, to `false` when it could not start (for example: WebAssembly is blocked). */
export function ready(): Promise<boolean>;
/** Whether the SDK is ready. */
export function isInitialized(): boolean;
/** Stops the SDK: removes its listeners, timers and any message on the page. What is queued stays stored for the next start. */
export function destroy(): void;

/**
 * Stops recording on this device until {@link enableSDK}, also after reloads. With `flush` what is queued is sent before; without it
 * that stays stored. {@link wipeData} removes it.
 */
export function disableSDK(options?: { flush?: boolean }): void;
/** Takes part (again): the visitor agreed. If {@link initialize} was called on this page, the SDK starts now. */
export function enableSDK(): void;
/** Whether nothing is recorded on this device: because of {@link disableSDK}, or because consent is needed and not given. */
export function isDisabled(): boolean;

/** Opens a session, or resumes the one of the last 30 minutes. A new one fires `session_start` triggers. */
export function openSession(): void;
/**
 * Signs a user in. The history of the anonymous visitor becomes part of this user's profile. Signing in as somebody else on
 * the same device starts fresh. The id has at most 997 bytes. `signature` proves who they are, see
 * {@link InitializationOptions.enableSdkAuthentication}; for the user who is signed in already, it replaces the one before.
 */
export function changeUser(externalId: string, signature?: string): void;
/**
 * Replaces the signature of the user who is signed in, and sends what the server refused for want of it. `false`: nobody is signed
 * in, the signature has more than 8192 bytes, or {@link InitializationOptions.enableSdkAuthentication} is not set.
 */
export function setSdkAuthenticationSignature(signature: string): boolean;
/**
 * Calls `subscriber` when the server does not take a user for proven, once for each signature. Until there is a new one, what is
 * recorded of that user waits on this device. Call it right after {@link initialize}. Returns an id for {@link removeSubscription}.
 */
export function subscribeToSdkAuthenticationFailures(subscriber: (failure: SdkAuthenticationFailure) => void): string | undefined;
/**
 * Signs the user out: from here on an unknown visitor uses this device. What was queued stays the user's and is sent; `success` is
 * called when it has been taken, `error` when it could not be sent yet.
 */
export function logout(success?: () => void, error?: () => void): void;
/** The user of this device. `undefined` where there is no page, and after {@link destroy}. */
export function getUser(): User | undefined;
/** The random id of this device, a UUID. `undefined` until the SDK is ready. */
export function getDeviceId(): string | undefined;

/** Records a custom event. `true`: it is stored and will reach the server exactly once. */
export function logCustomEvent(name: string, properties?: Properties): boolean;
/**
 * Records a purchase. `price` is for one piece and is rounded to two decimals; `currency` is an ISO 4217 code, default `"USD"`;
 * `quantity` is a whole number from 1 to 100, default 1.
 */
export function logPurchase(productId: string, price: number, currency?: string, quantity?: number, properties?: Properties): boolean;

/**
 * Records one of the recommended events of a shop, as a custom event of that name: a product was looked at, a cart changed, a checkout
 * began, an order was placed.
 */
export function logEcommerceEvent(event: EcommerceEvent): boolean;
export interface EcommerceEvent {
  name: "ecommerce.product_viewed" | "ecommerce.cart_updated" | "ecommerce.checkout_started" | "ecommerce.order_placed";
  properties: Properties;
}

/** Sends what is queued now. The callback gets `true` when the server has taken everything that was queued at the call. */
export function requestImmediateDataFlush(callback?: (success: boolean) => void): void;

/** Calls `subscriber` when a trigger fires a message. Returns an id for {@link removeSubscription}. */
export function subscribeToInAppMessage(subscriber: (message: InAppMessage) => void): string | undefined;
/** Shows each message as its trigger fires. Call it once, before {@link openSession}. */
export function automaticallyShowInAppMessages(): void;
/**
 * Shows a message, in `parent` or at the end of the page. An impression is recorded when it is there, and `onDisplay` is called; clicks and
 * dismissals are recorded too. Of a {@link ControlMessage} an impression is recorded, and nothing is shown. `false` when it can't be shown.
 */
export function showInAppMessage(message: InAppMessage, parent?: Element | null, onDisplay?: () => void): boolean;
/**
 * Shows a message as a campaign's definition has it (its `message`), for those who are writing one. Nothing is recorded, nothing leads
 * away from the page, and the SDK need not be started: what would happen is told to `onEvent`.
 */
export function previewInAppMessage(message: object, options?: PreviewOptions): Promise<{ close(): void } | undefined>;
export interface PreviewOptions {
  colorScheme?: "auto" | "light" | "dark";
  direction?: "ltr" | "rtl";
  /** One of the message's translations. */
  language?: string;
  /** Your server, for HTML messages where the SDK is not started: see {@link InitializationOptions.baseUrl}. */
  baseUrl?: string;
  parentElement?: Element;
  /** Gets the records that would be made, and `displayed`, `dismissed`, `open_url`, `request_push`. */
  onEvent?: (event: { type: string; [member: string]: unknown }) => void;
}
/**
 * Puts a message off: {@link getDeferredInAppMessage} gives it back, also on a later page. There is one at a time, and it is gone when its
 * campaign is, or when the user changes. On a later page a message that says something of its event says it without one.
 */
export function deferInAppMessage(message: InAppMessage): boolean;
/** The message that was put off, once. */
export function getDeferredInAppMessage(): InAppMessage | undefined;
/** Records that a message was seen, for pages that draw messages themselves. */
export function logInAppMessageImpression(message: InAppMessage): boolean;
/** Records that a message was clicked, for pages that draw messages themselves. */
export function logInAppMessageClick(message: InAppMessage): boolean;
/** Records that a button of a message was clicked, for pages that draw messages themselves. */
export function logInAppMessageButtonClick(button: InAppMessageButton, message: InAppMessage): boolean;
/** Records that an HTML message was clicked, or one of its buttons, for pages that draw messages themselves. */
export function logInAppMessageHtmlClick(message: InAppMessage, button?: string | null): boolean;
/** Records that a message was put away without a click, for pages that draw messages themselves. */
export function logInAppMessageDismissal(message: InAppMessage): boolean;
/** The messages that this device holds for the current user, ready to show without a network. */
export function getHeldInAppMessages(): HeldInAppMessage[];

/** Forgets everything on this device: id, user, session, messages and what is queued. The SDK goes on as a new visitor. */
export function wipeData(): void;

/** Says what this SDK came with, like `["npm"]` or `["google_tag_manager"]`: at most 16 words of 1 to 64 characters. */
export function addSdkMetadata(metadata: readonly string[]): void;

/** Turns logging to the console on or off. So does `?kindlingLogging=true` in the page's address. */
export function toggleLogging(): void;
/** Sends log lines to `logger` instead of the console, and turns logging on. */
export function setLogger(logger: (line: string) => void): void;

/** Calls `subscriber` with what the SDK does: see {@link Activity}. Returns an id for {@link removeSubscription}. */
export function subscribeToActivity(subscriber: (activity: Activity) => void): string | undefined;
/** The records that are stored on this device and not yet acknowledged by the server, oldest first. */
export function getQueuedRecords(): QueuedRecord[];
/** Ends a subscription. */
export function removeSubscription(id: string): void;
/** Ends all subscriptions. */
export function removeAllSubscriptions(): void;

/** The server does not take a user for proven. */
export interface SdkAuthenticationFailure {
  /** The reason as a number, which stays. */
  errorCode: number;
  /** The same as a word. */
  reason:
    | "no_expiry" | "malformed" | "wrong_subject" | "expired" | "not_yet_valid" | "wrong_algorithm" | "no_key" | "missing"
    | "bad_signature";
  userId: string;
  /** What the server did not take; `undefined`: there was none. */
  signature: string | undefined;
}

/** `opted_in`: they said yes, and confirmed it; `subscribed`: they did not say no. */
export type NotificationSubscriptionType = "opted_in" | "subscribed" | "unsubscribed";
export type Gender = "m" | "f" | "o" | "u" | "n" | "p";

/** The user of this device. Each setter returns whether the change was stored; `null` clears an attribute. */
export class User {
  private constructor();
  /** The external id, or `null` while the visitor is anonymous. `undefined` until the SDK is ready. */
  getUserId(): string | null | undefined;
  setEmail(email: string | null): boolean;
  setFirstName(firstName: string | null): boolean;
  setLastName(lastName: string | null): boolean;
  setPhoneNumber(phoneNumber: string | null): boolean;
  setGender(gender: Gender | null): boolean;
  /** `year` has four digits, `month` is 1 to 12, `day` is 1 to 31; all `null` clears it. */
  setDateOfBirth(year: number | null, month: number | null, day: number | null): boolean;
  /** An ISO 3166-1 alpha-2 code, for example `"DE"`. */
  setCountry(country: string | null): boolean;
  setHomeCity(homeCity: string | null): boolean;
  /** An ISO 639-1 code, for example `"de"`. */
  setLanguage(language: string | null): boolean;
  /**
   * Gives the user a further name, like `("4711", "loyalty_card")`, by which your systems know them. It belongs to one user:
   * one that is somebody else's is rejected by the server.
   */
  addAlias(alias: string, label: string): boolean;
  /** Whether the user wants e-mail. */
  setEmailNotificationSubscriptionType(state: NotificationSubscriptionType): boolean;
  /** Whether the user wants push notifications. */
  setPushNotificationSubscriptionType(state: NotificationSubscriptionType): boolean;
  addToSubscriptionGroup(group: string): boolean;
  removeFromSubscriptionGroup(group: string): boolean;
  /** Where the user is: degrees north and east; how far off that may be, and how high it is, in metres. */
  setLastKnownLocation(latitude: number, longitude: number, accuracy?: number | null, altitude?: number | null): boolean;
  /**
   * Sets a custom attribute; `null` removes it. With `merge` an object changes only the members that it names: `null` removes one
   * (RFC 7386).
   */
  setCustomUserAttribute(key: string, value: Json, merge?: boolean): boolean;
  /** Sets a custom attribute to a place, `{ latitude, longitude }`; both `null` removes it. */
  setCustomLocationAttribute(key: string, latitude: number | null, longitude: number | null): boolean;
  /** Adds `by` (default 1, may be negative) to a number; a missing attribute counts as 0. */
  incrementCustomUserAttribute(key: string, by?: number): boolean;
  /** Adds a string to an array, without repeating it; a missing attribute becomes an array. */
  addToCustomAttributeArray(key: string, value: string): boolean;
  /** Removes a string from an array. */
  removeFromCustomAttributeArray(key: string, value: string): boolean;
}

/** What clicking a message or a button does. */
export type ClickAction =
  | { type: "none" }
  | { type: "close" }
  | { type: "open_url"; url: string; newTab: boolean }
  | { type: "log_event"; name: string; properties?: Properties }
  | { type: "set_attributes"; attributes: { [name: string]: Json } }
  | { type: "request_push" }
  | { type: "all"; of: ClickAction[] };

/** What a visitor can click: a message, or a button of one. */
declare class Clickable {
  protected constructor();
  /** Calls `subscriber` with what was clicked. Of a message: beside its buttons. Returns an id for `removeSubscription`. */
  subscribeToClickedEvent(subscriber: (clicked: this) => void): string | undefined;
  /** Ends a subscription to this. */
  removeSubscription(id: string): void;
  /** Ends all subscriptions to this. */
  removeAllSubscriptions(): void;
}

export class InAppMessageButton extends Clickable {
  readonly id: string;
  readonly text: string;
  readonly clickAction: ClickAction;
}

/** What all messages have. */
export class InAppMessage extends Clickable {
  /** The id of the campaign that the message belongs to. */
  readonly id: string;
  readonly type: MessageType | "control";
  /** It is for comparison: it is not shown, see {@link ControlMessage}. */
  readonly isControl: boolean;
  /** The text. */
  readonly message: string;
  readonly header: string | null;
  readonly imageUrl: string | null;
  /** Describes the image to those who can't see it. */
  readonly altImageText: string | null;
  readonly buttons: readonly InAppMessageButton[];
  /** What a click on the message itself does. */
  readonly clickAction: ClickAction;
  /** Milliseconds until it goes by itself; `null`: it stays until it is dismissed. */
  readonly duration: number | null;
  /** Key-value pairs of the campaign, for the page's own use. */
  readonly extras: Readonly<Record<string, string>>;
  /** Calls `subscriber` when the message goes without a click. Returns an id for `removeSubscription`. */
  subscribeToDismissedEvent(subscriber: (message: this) => void): string | undefined;
  /** Takes the message from the page. */
  closeMessage(): void;
}
export type MessageType = "slide_up" | "modal" | "full_screen" | "html" | "survey";
/** A note that slides in at an edge of the page and does not block it. */
export class SlideUpMessage extends InAppMessage {
  readonly type: "slide_up";
  readonly slideFrom: "top" | "bottom";
}
/** A dialog in the middle of the page. */
export class ModalMessage extends InAppMessage {
  readonly type: "modal" | "full_screen";
}
/** A dialog that takes all of the window. */
export class FullScreenMessage extends ModalMessage {
  readonly type: "full_screen";
}
/** A page of its own, in a frame that can't reach the site. `message` says the same as text. */
export class HtmlMessage extends InAppMessage {
  readonly type: "html";
  readonly html: string;
}
/** A dialog that asks something. */
export class SurveyMessage extends InAppMessage {
  readonly type: "survey";
  readonly question:
    | { type: "choice"; options: { id: string; text: string }[] }
    | { type: "rating"; from: number; to: number; low?: string; high?: string }
    | { type: "text"; placeholder?: string };
  /** What becomes of the answer. */
  readonly answer: { event: string } | { attribute: string };
  /** What the button says that sends it. */
  readonly submit: string;
  readonly thanks: string | null;
}
/** What those get who are to see nothing, for comparison. Record its impression when you would have shown it. */
export class ControlMessage extends InAppMessage {
  readonly type: "control";
}

/** A message that this device holds. */
export interface HeldInAppMessage {
  id: string;
  type: MessageType | "control";
  header: string | null;
  message: string;
  priority: number;
  /** What shows it, for example `{ type: "custom_event", name: "checkout_started" }`. */
  trigger: { type: "session_start" | "custom_event" | "purchase" | "message_click" | "any"; [key: string]: unknown };
  /** When this device showed it last, in milliseconds since 1970; `null`: never. */
  lastShownAt: number | null;
}

/** A record as it waits on this device, and as it will be sent. */
export interface QueuedRecord {
  /** Its place in its stream: 1, 2, 3 … */
  seq: number;
  /** The stream (a UUID). */
  stream: string;
  /** When it happened, by the clock of this device, in milliseconds since 1970. */
  at: number;
  type:
    | "custom_event" | "purchase" | "attribute" | "custom_attribute" | "session_start" | "session_end"
    | "identified" | "message_impression" | "message_click" | "message_dismissal" | "subscription"
    | "subscription_group" | "location" | "alias" | "device";
  /** Further members by type, for example `name` and `properties` of a custom event. */
  [key: string]: unknown;
}

/** Why a flush failed, or records were dropped. */
export type FlushProblem =
  /** There was no answer. */
  | "unreachable"
  /** Something else than a Kindling server answered. */
  | "not_kindling"
  /** The server does not know the SDK key. */
  | "unknown_key"
  /** The server can't take anything now. */
  | "busy"
  /** The server can't read what was sent. */
  | "unreadable"
  /** The queue was full: its oldest records made room. */
  | "queue_full"
  /** The server does not take the user for proven. */
  | "sdk_authentication_failed";

/** What the SDK does, as it happens. */
export type Activity =
  /** A record was stored. */
  | { type: "record_queued"; record: QueuedRecord }
  /** A flush was sent. */
  | { type: "flush_started"; flush: number; stream: string; firstSeq: number; lastSeq: number; records: number; bytes: number }
  /** The server answered: it has `acked` and everything before it, for good. */
  | {
      type: "flush_succeeded"; flush: number; stream: string; acked: number; durationMs: number;
      rejected: { seq: number; code: string; detail: string }[];
      /** How many messages the answer carried; `null`: nothing new. */
      messages: number | null;
    }
  /** The flush did not get through; its records are kept. `retryInMs` is `null` when only the next start tries again. */
  | { type: "flush_failed"; flush: number; stream: string; status: number | null; reason: FlushProblem; retryInMs: number | null }
  /** Records that can never be taken were dropped: `reason` says why. */
  | { type: "records_dropped"; stream: string; firstSeq: number; lastSeq: number; reason: FlushProblem }
  /** The set of held messages changed. */
  | { type: "messages_changed"; held: number }
  /** A trigger fired this message. */
  | { type: "message_triggered"; id: string }
  /** The user changed; `null`: an anonymous visitor. */
  | { type: "user_changed"; externalId: string | null }
  /** A new session began. */
  | { type: "session_started"; session: string };

// Nothing is exported that does not say so.
export {};
