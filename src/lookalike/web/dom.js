// Elements are only ever made here, from names and text: there is no way to make markup of a string.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `given` holds attributes; `on` in it listeners by event, `data` the dataset, `style` CSS
 * properties, `class` the class. `true` sets an empty attribute; `false`, `null` and `undefined` set none.
 * Children that are no nodes become text; empty ones are left out.
 */
export function h(name, given = {}, ...children) {
  return fill(document.createElement(name), given, children);
}

/** The same for SVG. */
export function svg(name, given = {}, ...children) {
  return fill(document.createElementNS(SVG, name), given, children);
}

function fill(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name === "style") {
      // through the object model: the policy forbids style attributes
      for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
}

/** Put these in the place of all that an element holds. */
export function replace(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

let last = 0;

/** An id that no other element has, to tie a label to its field. */
export function uid(stem = "id") {
  last += 1;
  return `${stem}-${last}`;
}
