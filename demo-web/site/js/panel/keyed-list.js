// A list that changes in place: a row whose item stays is kept as an element, so that nothing flickers, a selection is not
// lost, and only new rows are animated.

/**
 * Makes the children of `list` show `items`. `key` names an item; `draw` makes its element. With `version` given, a row is
 * drawn anew when the version of its item changes; without it, an item that was drawn once stays as it is.
 */
export function drawList(list, items, { key, draw, version = () => "" }) {
  const old = new Map([...list.children].map((row) => [row.dataset.key, row]));
  let place = list.firstElementChild;
  for (const item of items) {
    const itemKey = String(key(item));
    const itemVersion = String(version(item));
    let row = old.get(itemKey);
    old.delete(itemKey);
    if (row === undefined || row.dataset.version !== itemVersion) {
      const drawn = draw(item);
      drawn.dataset.key = itemKey;
      drawn.dataset.version = itemVersion;
      if (row === undefined) drawn.dataset.fresh = "true";
      else {
        if (place === row) place = drawn;
        row.replaceWith(drawn);
      }
      row = drawn;
    }
    if (row === place) place = place.nextElementSibling;
    else list.insertBefore(row, place);
  }
  for (const row of old.values()) row.remove();
}
