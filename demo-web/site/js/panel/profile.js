// The visitor's profile, as the server has it.

import { byId, element } from "../element.js";
import { ago } from "./clock.js";
import { drawList } from "./keyed-list.js";

export function startProfile() {
  return {
    clear() {
      showNote("Asking the server …");
    },
    draw({ profile, failure }) {
      if (failure) showNote(failure);
      else if (profile === null) showNote("The server has not met this visitor yet.");
      else show(profile);
    },
  };
}

function showNote(text) {
  byId("panel-profile").dataset.loaded = "false";
  byId("profile-body").hidden = true;
  byId("profile-note").hidden = false;
  byId("profile-note").textContent = text;
}

function show(profile) {
  drawSegments(profile.segments ?? []);
  drawFacts(byId("profile-attributes"), [
    ["user", profile.id],
    ["external id", profile.external_id ?? "none"],
    ["devices", (profile.devices ?? []).length],
    ...Object.entries(profile.attributes ?? {}),
    ...Object.entries(profile.custom_attributes ?? {}),
  ]);
  drawEvents(profile.events ?? {});
  drawFacts(byId("profile-purchases"), purchases(profile.purchases));
  drawFacts(byId("profile-activity"), activity(profile));
  byId("profile-note").hidden = true;
  byId("profile-body").hidden = false;
  byId("panel-profile").dataset.loaded = "true";
}

function drawSegments(segments) {
  // An empty list says so itself, so that the section keeps its height.
  const items = segments.length > 0 ? segments : [null];
  drawList(byId("profile-segments"), items, {
    key: (segment) => segment ?? "",
    draw: (segment) =>
      segment === null
        ? element("li", { class: "chip chip--none" }, "in no segment")
        : element("li", { class: "chip", "data-testid": "segment-chip", "data-segment": segment }, segment),
  });
}

function drawEvents(events) {
  byId("profile-no-events").hidden = Object.keys(events).length > 0;
  drawList(byId("profile-events"), Object.entries(events), {
    key: ([name]) => name,
    version: ([, { count, last_at }]) => `${count} ${last_at}`,
    draw: ([name, { count, last_at }]) =>
      element(
        "li",
        { class: "counter", "data-testid": "profile-event", "data-name": name, "data-count": String(count) },
        element("b", { class: "counter__count" }, String(count)),
        element("span", { class: "counter__name" }, name),
        last_at ? ago(last_at) : null,
      ),
  });
}

function purchases({ count = 0, revenue = {}, products = {} } = {}) {
  return [
    ["purchases", count],
    ...Object.entries(revenue).map(([currency, amount]) => ["revenue", `${Number(amount).toFixed(2)} ${currency}`]),
    ...Object.entries(products).map(([product, counter]) => [product, `in ${counter.count} ${counter.count === 1 ? "purchase" : "purchases"}`]),
  ];
}

function activity({ sessions, messages = {} }) {
  return [
    ["sessions", sessions?.count ?? 0],
    ...Object.entries(messages).map(([message, { impressions, clicks }]) => [
      message,
      `seen ${impressions?.count ?? 0}, clicked ${clicks?.count ?? 0}`,
    ]),
  ];
}

function drawFacts(list, facts) {
  drawList(list, facts, {
    key: ([name]) => name,
    version: ([, value]) => JSON.stringify(value),
    draw: ([name, value]) =>
      element(
        "div",
        { "data-testid": "profile-fact", "data-name": name },
        element("dt", {}, name),
        element("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)),
      ),
  });
}
