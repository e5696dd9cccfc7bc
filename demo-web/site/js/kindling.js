// Kindling in this shop, all of it. Copy this file into your own site and change what is tracked.

import { configuration } from "./configuration.js";

const PACKAGE = "/node_modules/@kindling/web-sdk/dist/index.js"; // with a bundler: "@kindling/web-sdk"

/** Resolves to the SDK, or to `null` when it can't be loaded: then the shop goes on without it. */
export const kindling = load();

async function load() {
  try {
    const [sdk, { sdkKey, baseUrl }] = await Promise.all([import(PACKAGE), configuration]);
    const started = sdk.initialize(sdkKey, {
      baseUrl,
      flushIntervalInSeconds: 2, // short, so that the demo is lively; the default saves requests
      minimumIntervalBetweenTriggerActionsInSeconds: 5,
    });
    return started ? sdk : null;
  } catch (error) {
    console.info("Kindling is not available, and the shop goes on without it.", error);
    return null;
  }
}

/** Calls wait for the SDK and keep their order; without it they do nothing. */
function withKindling(call) {
  return kindling.then((sdk) => sdk && call(sdk));
}

/** Once a page: who is here, and that a visit began. */
export function startVisit(account) {
  withKindling((sdk) => {
    sdk.automaticallyShowInAppMessages();
    if (account) sdk.changeUser(account.id);
    sdk.openSession();
  });
}

export function signedIn(account) {
  withKindling((sdk) => {
    sdk.changeUser(account.id);
    const user = sdk.getUser();
    if (account.email) user?.setEmail(account.email);
    if (account.firstName) user?.setFirstName(account.firstName);
    user?.setLanguage(navigator.language.slice(0, 2));
  });
}

export function viewedProduct(product) {
  withKindling((sdk) => sdk.logCustomEvent("viewed_product", describe(product)));
}

export function filteredGoods(category) {
  withKindling((sdk) => sdk.logCustomEvent("filtered_goods", { category }));
}

export function addedToBasket(product, quantity) {
  withKindling((sdk) => sdk.logCustomEvent("added_to_basket", { ...describe(product), quantity }));
}

export function removedFromBasket(product, quantity) {
  withKindling((sdk) => sdk.logCustomEvent("removed_from_basket", { ...describe(product), quantity }));
}

/** One purchase a line, and one event for the order: a message can wait for it. */
export function ordered({ id, lines, total }) {
  withKindling((sdk) => {
    for (const { product, quantity } of lines) {
      sdk.logPurchase(product.id, product.price, "EUR", quantity, { order_id: id, category: product.category });
    }
    sdk.logCustomEvent("ordered", { order_id: id, lines: lines.length, total, currency: "EUR" });
  });
}

function describe({ id, name, category, price }) {
  return { product_id: id, name, category, price };
}
