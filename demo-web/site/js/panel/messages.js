// The messages that this device holds, and those that a trigger has fired in this visit.

import { byId, element } from "../element.js";
import { ago } from "./clock.js";
import { drawList } from "./keyed-list.js";

const TRIGGERED_MAX = 20;

export function startMessages(sdk) {
  let triggered = [];
  let fired = 0;

  return {
    onActivity(activity) {
      if (activity.type !== "message_triggered") return;
      fired += 1;
      const entry = { key: fired, id: activity.id, at: Date.now() };
      triggered = [entry, ...triggered].slice(0, TRIGGERED_MAX);
    },
    refresh() {
      const held = sdk.getHeldInAppMessages().toSorted((a, b) => b.priority - a.priority);
      byId("held-count").textContent = String(held.length);
      byId("held-empty").hidden = held.length > 0;
      drawList(byId("held-messages"), held, {
        key: (message) => message.id,
        version: (message) => JSON.stringify(message),
        draw: heldMessage,
      });
      byId("shown-empty").hidden = triggered.length > 0;
      drawList(byId("shown-messages"), triggered, {
        key: (entry) => entry.key,
        draw: (entry) =>
          element(
            "li",
            { class: "row", "data-testid": "triggered-message", "data-message": entry.id },
            element("span", { class: "row__number" }, "→"),
            element("span", { class: "row__subject" }, element("b", {}, entry.id)),
            element("span", { class: "row__end" }, ago(entry.at)),
          ),
      });
    },
  };
}

function heldMessage({ id, type, header, message, priority, trigger, lastShownAt }) {
  return element(
    "li",
    { class: "held", "data-testid": "held-message", "data-message": id, "data-shown": String(lastShownAt !== null) },
    element("p", { class: "held__id" }, element("b", {}, id), element("span", {}, ` ${type.replace("_", "-")} · priority ${priority}`)),
    element("p", { class: "held__text" }, header ?? message),
    element(
      "p",
      { class: "held__trigger" },
      `on ${describe(trigger)} · `,
      ...(lastShownAt === null ? ["not shown yet"] : ["shown ", ago(lastShownAt)]),
    ),
  );
}

function describe(trigger) {
  switch (trigger.type) {
    case "custom_event":
      return `event ${trigger.name}`;
    case "purchase":
      return trigger.product_id ? `purchase of ${trigger.product_id}` : "any purchase";
    case "message_click":
      return `click on ${trigger.message ?? "any message"}`;
    case "any":
      return trigger.of.map(describe).join(" or ");
    default:
      return "session start";
  }
}
