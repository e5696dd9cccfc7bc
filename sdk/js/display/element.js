// Making elements.

/** Adds an element to a parent. */
export function add(parent, tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
}

/** Sets attributes; those without a value are left out. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** A cross, in the colour of the text around it. */
export function cross() {
  const svg = set(document.createElementNS(SVG, "svg"), { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": true });
  const line = { d: "M6.5 6.5l11 11m0-11l-11 11", fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round" };
  svg.append(set(document.createElementNS(SVG, "path"), line));
  return svg;
}
