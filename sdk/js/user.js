// The user of the device, as pages have it: setters that come to records.

import { page } from "./page.js";

const isText = (value) => typeof value === "string";

export class User {
  getUserId() {
    const id = page.externalId();
    return id === "" ? null : id;
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
  addAlias(name, label) {
    return page.record("addAlias", { type: "alias", label, name });
  }
  setEmailNotificationSubscriptionType(state) {
    return page.record("setEmailNotificationSubscriptionType", { type: "subscription", channel: "email", state });
  }
  setPushNotificationSubscriptionType(state) {
    return page.record("setPushNotificationSubscriptionType", { type: "subscription", channel: "push", state });
  }
  addToSubscriptionGroup(group) {
    return page.record("addToSubscriptionGroup", { type: "subscription_group", group, state: "subscribed" });
  }
  removeFromSubscriptionGroup(group) {
    return page.record("removeFromSubscriptionGroup", { type: "subscription_group", group, state: "unsubscribed" });
  }
  setLastKnownLocation(latitude, longitude, accuracy, altitude) {
    const measured = { accuracy: accuracy ?? undefined, altitude: altitude ?? undefined };
    return page.record("setLastKnownLocation", { type: "location", latitude, longitude, ...measured });
  }
  setCustomUserAttribute(key, value = null, merge = false) {
    const op = merge && typeof value === "object" && value !== null ? "merge" : "set";
    return change("setCustomUserAttribute", key, op, () => ({ value }));
  }
  setCustomLocationAttribute(key, latitude, longitude) {
    const clear = latitude === null && longitude === null;
    if (clear) return change("setCustomLocationAttribute", key, "set", () => ({ value: null }));
    return change("setCustomLocationAttribute", key, "set_location", () => ({ latitude, longitude }));
  }
  incrementCustomUserAttribute(key, by = 1) {
    return change("incrementCustomUserAttribute", key, "increment", () => ({ by: Number(by) }));
  }
  addToCustomAttributeArray(key, value) {
    return change("addToCustomAttributeArray", key, "add", () => ({ value: `${value}` }));
  }
  removeFromCustomAttributeArray(key, value) {
    return change("removeFromCustomAttributeArray", key, "remove", () => ({ value: `${value}` }));
  }
}

/** The user of the device: there is one. */
export const user = new User();

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

function setAttribute(setter, name, value) {
  if (value === undefined) return page.refuse(setter, "a value is needed; null clears");
  return page.record(setter, { type: "attribute", name, value });
}

function change(setter, name, op, what) {
  return page.record(setter, () => ({ type: "custom_attribute", name, op, ...what() }));
}
