// Building elements. Text is always set as text, so that nothing a visitor or a server sends becomes markup.

/**
 * A new element. `attributes` with the value `undefined`, `null` or `false` are left out and `true` stands for an empty
 * one; a name that starts with `on` adds a listener. Children are nodes or texts; empty ones are left out.
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute.startsWith("on")) node.addEventListener(attribute.slice(2), value);
    else if (value === true) node.setAttribute(attribute, "");
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(attribute, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}
