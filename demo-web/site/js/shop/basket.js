// The basket: what is in it and what changes. It draws nothing.

import { sum, times } from "./money.js";
import { productById } from "./products.js";
import { load, save } from "./saved.js";

const STORAGE_KEY = "shop.basket";
const QUANTITY_MAX = 20;
const SHIPPING = 4.9;
const FREE_SHIPPING_FROM_PIECES = 2;

/** Fires `added` and `removed` with `{ product, quantity }`, and `changed` after either. */
class Basket extends EventTarget {
  #quantities = new Map();

  constructor() {
    super();
    for (const [id, quantity] of load(STORAGE_KEY) ?? []) {
      const isSound = productById(id) && Number.isInteger(quantity) && quantity > 0;
      if (isSound) this.#quantities.set(id, Math.min(quantity, QUANTITY_MAX));
    }
  }

  /** The lines, in the order in which they came in. */
  get lines() {
    return [...this.#quantities].map(([id, quantity]) => {
      const product = productById(id);
      return { product, quantity, total: times(product.price, quantity) };
    });
  }

  get pieces() {
    return [...this.#quantities.values()].reduce((pieces, quantity) => pieces + quantity, 0);
  }

  get subtotal() {
    return sum(this.lines.map((line) => line.total));
  }

  get shipping() {
    return this.pieces >= FREE_SHIPPING_FROM_PIECES || this.pieces === 0 ? 0 : SHIPPING;
  }

  canAdd(product) {
    return (this.#quantities.get(product.id) ?? 0) < QUANTITY_MAX;
  }

  /** Adds one piece. */
  add(product) {
    if (!this.canAdd(product)) return;
    this.#quantities.set(product.id, (this.#quantities.get(product.id) ?? 0) + 1);
    this.#tell("added", product, 1);
  }

  /** Takes one piece out. */
  removeOne(product) {
    const quantity = this.#quantities.get(product.id) ?? 0;
    if (quantity === 0) return;
    if (quantity === 1) this.#quantities.delete(product.id);
    else this.#quantities.set(product.id, quantity - 1);
    this.#tell("removed", product, 1);
  }

  /** Takes all pieces of a product out. */
  removeAll(product) {
    const quantity = this.#quantities.get(product.id) ?? 0;
    if (quantity === 0) return;
    this.#quantities.delete(product.id);
    this.#tell("removed", product, quantity);
  }

  /** The goods were bought. Nothing counts as removed. */
  clear() {
    this.#quantities.clear();
    this.#changed();
  }

  #tell(type, product, quantity) {
    this.dispatchEvent(new CustomEvent(type, { detail: { product, quantity } }));
    this.#changed();
  }

  #changed() {
    save(STORAGE_KEY, [...this.#quantities]);
    this.dispatchEvent(new Event("changed"));
  }
}

export const basket = new Basket();
