// One product, up close.

import { byId, element } from "../element.js";
import { addToBasket } from "./catalogue.js";
import { closeDialog, openDialog } from "./dialog.js";
import { illustration } from "./illustrations.js";
import { euros } from "./money.js";
import { categoryName } from "./products.js";

/** Fires `viewed` with `{ product }`. */
export const productViews = new EventTarget();

export function openProduct(product) {
  const dialog = byId("product-dialog");
  dialog.dataset.product = product.id;
  dialog.replaceChildren(
    element("div", { class: "product__picture", "data-tone": product.tone }, illustration(product.id)),
    element(
      "div",
      { class: "product__words" },
      element("p", { class: "eyebrow" }, categoryName(product.category)),
      element("h2", { id: "product-name", tabindex: "-1", autofocus: true }, product.name),
      element("p", { class: "product__description" }, product.description),
      element("ul", { class: "product__details" }, ...product.details.map((detail) => element("li", {}, detail))),
      element(
        "div",
        { class: "product__foot" },
        element("p", { class: "price price--large" }, euros(product.price)),
        element(
          "button",
          {
            class: "button",
            type: "button",
            "data-testid": "product-dialog-add",
            onclick: () => {
              closeDialog();
              addToBasket(product);
            },
          },
          "Add to basket",
        ),
      ),
    ),
    element("button", { class: "icon-button sheet__close", type: "button", "data-close": true, "aria-label": "Close" }, cross()),
  );
  openDialog(dialog);
  productViews.dispatchEvent(new CustomEvent("viewed", { detail: { product } }));
}

/** The sign on the other dialogs' close buttons, too. */
function cross() {
  return document.querySelector("#basket-drawer [data-close] svg").cloneNode(true);
}
