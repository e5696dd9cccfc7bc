// Amounts in euros. Sums are made in cents, so that they are exact.

const format = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

/** An amount as text: `€12.50`. */
export function euros(amount) {
  return format.format(amount);
}

/** The price of so many pieces. */
export function times(price, quantity) {
  return (Math.round(price * 100) * quantity) / 100;
}

export function sum(amounts) {
  return amounts.reduce((cents, amount) => cents + Math.round(amount * 100), 0) / 100;
}
