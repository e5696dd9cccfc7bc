// The messages that pages get: what they say, read only, and what one can do with them.

import { isSafe } from "./address.js";
import { page } from "./page.js";

/** A message as the module sent it. */
export const RAW = Symbol("raw");

/** What those who listen to a message or a button know it by. */
export const KEY = Symbol("key");

let next = 1; // numbers what can be listened to

/** What can be clicked. */
class Clickable {
  [KEY] = `message-${next++}-`;
  subscribeToClickedEvent(subscriber) {
    return page.subscribe("subscribeToClickedEvent", `${this[KEY]}clicked`, subscriber);
  }
  removeSubscription(id) {
    if (`${id}`.startsWith(this[KEY])) page.removeSubscription(id);
  }
  removeAllSubscriptions() {
    for (const id of page.subscriptions()) this.removeSubscription(id);
  }
}

export class InAppMessageButton extends Clickable {
  constructor({ id, text, click_action }) {
    super();
    Object.assign(this, { id, text, clickAction: makeAction(click_action) });
  }
}

export class InAppMessage extends Clickable {
  constructor(raw) {
    super();
    const { content } = raw;
    this[RAW] = raw;
    this.id = raw.id;
    this.type = content.type;
    this.message = content.body ?? "";
    this.header = content.header ?? null;
    this.imageUrl = content.image_url ?? null;
    this.altImageText = content.image_alt ?? null;
    this.buttons = (content.buttons ?? []).map((button) => new InAppMessageButton(button));
    this.clickAction = makeAction(content.click_action);
    this.duration = content.duration_ms ?? null;
    this.extras = content.extras ?? {};
  }
  get isControl() {
    return this.type === "control";
  }
  subscribeToDismissedEvent(subscriber) {
    return page.subscribe("subscribeToDismissedEvent", `${this[KEY]}dismissed`, subscriber);
  }
  closeMessage() {
    page.close(this.id);
  }
}

export class SlideUpMessage extends InAppMessage {
  constructor(raw) {
    super(raw);
    this.slideFrom = raw.content.slide_from;
  }
}

export class ModalMessage extends InAppMessage {}

export class FullScreenMessage extends ModalMessage {}

export class HtmlMessage extends InAppMessage {
  constructor(raw) {
    super(raw);
    this.html = raw.content.html;
  }
}

export class SurveyMessage extends InAppMessage {
  constructor(raw) {
    super(raw);
    const { question, answer, submit, thanks = null } = raw.content;
    Object.assign(this, { question, answer, submit, thanks });
  }
}

export class ControlMessage extends InAppMessage {}

const TYPES = {
  slide_up: SlideUpMessage,
  modal: ModalMessage,
  full_screen: FullScreenMessage,
  html: HtmlMessage,
  survey: SurveyMessage,
  control: ControlMessage,
};

/** A message for the page, of one that the module has sent. */
export const makeMessage = (raw) => new TYPES[raw.content.type](raw);

function makeAction(action) {
  if (action?.type === "all") return { type: "all", of: action.of.map(makeAction) };
  if (action?.type !== "open_url") return action ?? { type: "none" };
  return isSafe(action.url) ? { type: "open_url", url: action.url, newTab: Boolean(action.new_tab) } : { type: "none" };
}
