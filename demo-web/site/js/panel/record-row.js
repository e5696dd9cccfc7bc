// A record as one row, the same for what waits here and for what the server has.

import { element } from "../element.js";

/** What a record is about: an event, an attribute, a product or a message. */
function subject(record) {
  return record.name ?? record.product_id ?? record.message ?? "";
}

/** The cells of a row: number, type, subject, and what else is to be said. The whole record is its tooltip. */
export function recordCells(record, ...end) {
  return [
    element("span", { class: "row__number" }, `#${record.seq}`),
    element(
      "span",
      { class: "row__subject", title: JSON.stringify(record, null, 1) },
      element("span", { class: "row__type", "data-type": record.type }, record.type.replaceAll("_", " ")),
      " ",
      element("b", {}, subject(record)),
    ),
    element("span", { class: "row__end" }, ...end),
  ];
}
