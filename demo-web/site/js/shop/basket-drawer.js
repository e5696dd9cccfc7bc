// The basket as the visitor sees it: the button with the count, and the drawer.

import { byId, element } from "../element.js";
import { basket } from "./basket.js";
import { placeOrder } from "./checkout.js";
import { closeDialog, openDialog } from "./dialog.js";
import { illustration } from "./illustrations.js";
import { euros, sum } from "./money.js";

export function startBasketDrawer() {
  byId("open-basket").addEventListener("click", openBasket);
  basket.addEventListener("changed", () => {
    drawCount();
    drawBody();
  });
  basket.addEventListener("added", nudgeButton);
  drawCount();
}

export function openBasket() {
  drawBody();
  openDialog(byId("basket-drawer"));
}

function drawCount() {
  const pieces = basket.pieces;
  byId("basket-count").textContent = String(pieces);
  byId("open-basket").setAttribute("aria-label", `Basket, ${pieces} ${pieces === 1 ? "piece" : "pieces"}`);
  byId("open-basket").dataset.filled = String(pieces > 0);
}

function nudgeButton() {
  const count = byId("basket-count");
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  count.animate([{ transform: "scale(1)" }, { transform: "scale(1.35)" }, { transform: "scale(1)" }], {
    duration: 260,
    easing: "ease-out",
  });
}

function drawBody() {
  byId("basket-title").textContent = "Your basket";
  const focused = document.activeElement?.dataset.keepFocus;
  byId("basket-body").replaceChildren(...(basket.pieces === 0 ? emptyBasket() : filledBasket()));
  restoreFocus(focused);
}

/** Drawing the lines anew must not take the focus from the button that was pressed. */
function restoreFocus(key) {
  if (!key) return;
  const again = byId("basket-body").querySelector(`[data-keep-focus="${CSS.escape(key)}"]:not(:disabled)`);
  (again ?? byId("basket-title")).focus();
}

function emptyBasket() {
  return [
    element(
      "div",
      { class: "drawer__message", "data-testid": "basket-empty" },
      element("div", { class: "drawer__picture", "data-tone": "straw" }, illustration("long-matches")),
      element("p", { class: "drawer__big" }, "Nothing in it yet"),
      element("p", {}, "A box of long matches is a good beginning."),
      element("button", { class: "button button--quiet", type: "button", "data-close": true }, "Look around"),
    ),
  ];
}

function filledBasket() {
  const { lines, subtotal, shipping } = basket;
  return [
    element("ul", { class: "lines" }, ...lines.map(line)),
    element(
      "div",
      { class: "drawer__foot" },
      element(
        "dl",
        { class: "totals" },
        total("Goods", euros(subtotal)),
        total("Shipping", shipping === 0 ? "free" : euros(shipping)),
        total("Total", euros(sum([subtotal, shipping])), "totals__row--strong"),
      ),
      element(
        "button",
        {
          class: "button button--wide",
          type: "button",
          "data-testid": "checkout",
          "data-keep-focus": "checkout",
          onclick: () => drawThanks(placeOrder()),
        },
        "Order now",
      ),
      element("p", { class: "drawer__small" }, "A demo: nothing is charged, nothing is sent."),
    ),
  ];
}

function line({ product, quantity, total: amount }) {
  return element(
    "li",
    { class: "line", "data-testid": "basket-line", "data-product": product.id },
    element("div", { class: "line__picture", "data-tone": product.tone }, illustration(product.id)),
    element(
      "div",
      { class: "line__words" },
      element("p", { class: "line__name" }, product.name),
      element("p", { class: "line__price" }, `${euros(product.price)} each`),
      element(
        "div",
        { class: "stepper", role: "group", "aria-label": `Quantity of ${product.name}` },
        step("fewer", "−", `One ${product.name} less`, product, () => basket.removeOne(product)),
        element("span", { class: "stepper__quantity", "data-testid": "quantity" }, String(quantity)),
        step("more", "+", `One more ${product.name}`, product, () => basket.add(product), !basket.canAdd(product)),
      ),
    ),
    element(
      "div",
      { class: "line__end" },
      element("p", { class: "price" }, euros(amount)),
      element(
        "button",
        {
          class: "text-button text-button--small",
          type: "button",
          "data-testid": "remove-line",
          "data-keep-focus": `remove ${product.id}`,
          "aria-label": `Remove ${product.name}`,
          onclick: () => basket.removeAll(product),
        },
        "Remove",
      ),
    ),
  );
}

function step(name, sign, label, product, onclick, disabled = false) {
  return element(
    "button",
    {
      class: "stepper__button",
      type: "button",
      "data-testid": `quantity-${name}`,
      "data-keep-focus": `${name} ${product.id}`,
      "aria-label": label,
      disabled,
      onclick,
    },
    sign,
  );
}

function total(label, amount, extraClass = "") {
  return element("div", { class: `totals__row ${extraClass}` }, element("dt", {}, label), element("dd", {}, amount));
}

function drawThanks(order) {
  byId("basket-title").textContent = "Thank you";
  byId("basket-body").replaceChildren(
    element(
      "div",
      { class: "drawer__message", "data-testid": "thank-you" },
      element("div", { class: "drawer__picture", "data-tone": "straw" }, illustration("beeswax-pillar")),
      element("p", { class: "drawer__big" }, "It is as good as wrapped"),
      element("p", {}, `Order ${order.id} over ${euros(order.total)} leaves with the next parcels.`),
      element("button", { class: "button button--quiet", type: "button", onclick: closeDialog }, "Keep looking"),
    ),
  );
  byId("basket-title").focus();
}
