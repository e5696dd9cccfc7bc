// Buying what is in the basket.

import { basket } from "./basket.js";
import { sum } from "./money.js";

/** Fires `ordered` with `{ order: { id, lines, total } }`. */
export const checkout = new EventTarget();

/** Places the order, empties the basket, and returns the order. */
export function placeOrder() {
  const order = {
    id: orderNumber(),
    lines: basket.lines,
    total: sum([basket.subtotal, basket.shipping]),
  };
  basket.clear();
  checkout.dispatchEvent(new CustomEvent("ordered", { detail: { order } }));
  return order;
}

/** A real shop's server gives the number. */
function orderNumber() {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return `VB-${String(random % 1_000_000).padStart(6, "0")}`;
}
