// The shelf and its filter.

import { byId, element } from "../element.js";
import { basket } from "./basket.js";
import { illustration } from "./illustrations.js";
import { euros } from "./money.js";
import { CATEGORIES, PRODUCTS, categoryName } from "./products.js";
import { toast } from "./toast.js";

/** Fills the shelf. `onOpen` is called with a product that the visitor wants to see, `onFilter` with a category that they chose. */
export function startCatalogue({ onOpen, onFilter }) {
  byId("shelf").replaceChildren(...PRODUCTS.map((product) => card(product, onOpen)));
  byId("filter").replaceChildren(
    ...[{ id: "all", name: "Everything" }, ...CATEGORIES].map(({ id, name }) =>
      element(
        "button",
        {
          class: "filter__choice",
          type: "button",
          "data-testid": "category",
          "data-category": id,
          "aria-pressed": String(id === "all"),
          onclick: () => {
            show(id);
            if (id !== "all") onFilter(id);
          },
        },
        name,
      ),
    ),
  );
}

function card(product, onOpen) {
  return element(
    "li",
    { class: "card", "data-testid": "product-card", "data-product": product.id, "data-category": product.category },
    element("div", { class: "card__picture", "data-tone": product.tone }, illustration(product.id)),
    element(
      "div",
      { class: "card__words" },
      element(
        "h3",
        { class: "card__name" },
        element(
          "button",
          { class: "card__open", type: "button", "data-testid": "open-product", onclick: () => onOpen(product) },
          product.name,
        ),
      ),
      element("p", { class: "card__summary" }, product.summary),
    ),
    element(
      "div",
      { class: "card__foot" },
      element("p", { class: "price" }, euros(product.price)),
      element(
        "button",
        {
          class: "button button--small",
          type: "button",
          "data-testid": "add-to-basket",
          "aria-label": `Add to basket: ${product.name}`,
          onclick: () => addToBasket(product),
        },
        "Add to basket",
      ),
    ),
  );
}

/** Adds one piece and says so. */
export function addToBasket(product) {
  if (!basket.canAdd(product)) {
    toast(`That is all the ${product.name} we can send at once.`);
    return;
  }
  basket.add(product);
  toast(`${product.name} is in your basket.`);
}

function show(category) {
  for (const choice of byId("filter").children) {
    choice.setAttribute("aria-pressed", String(choice.dataset.category === category));
  }
  let visible = 0;
  for (const item of byId("shelf").children) {
    item.hidden = category !== "all" && item.dataset.category !== category;
    if (!item.hidden) visible += 1;
  }
  toast(category === "all" ? "Showing everything." : `${categoryName(category)}: ${visible} things.`);
}
