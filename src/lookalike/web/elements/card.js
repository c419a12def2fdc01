// A card of the grid: an item with its picture, title, score and attributes.

import { h } from "../dom.js";
import { href } from "../router.js";
import { itemPicture } from "./picture.js";

/** What to call an item. */
export function titleOf(item) {
  return item.title || item.id;
}

/** A value of an attribute, as text. */
export function valueText(value) {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "number") return value.toLocaleString("en", { maximumFractionDigits: 4, useGrouping: false });
  if (value === true) return "yes";
  if (value === false) return "no";
  return String(value);
}

function priceText(price) {
  return price.toLocaleString("en", { minimumFractionDigits: Number.isInteger(price) ? 0 : 2, maximumFractionDigits: 2 });
}

/**
 * A card. `score`: shown unless null. `actions`: further nodes below. `most`: how many attributes are shown.
 */
export function card(collection, item, { score = null, actions = [], most = 4 } = {}) {
  const title = titleOf(item);
  const given = item.attributes ?? {};
  // a shop's card shows the price apart; in which currency, the catalogue doesn't say
  const price = typeof given.price === "number" ? given.price : null;
  const attributes = Object.entries(given)
    .filter(([name, value]) => value !== null && value !== "" && !(name === "price" && price !== null))
    .slice(0, most);
  return h(
    "article",
    { class: "card", data: { id: item.id } },
    h("div", { class: "card-picture" }, itemPicture(collection, item.id), actions.length > 0 && h("div", { class: "card-actions" }, actions)),
    h("div", { class: "card-text" },
      h("h3", { class: "card-title" }, h("a", { href: href("item", { c: collection, id: item.id }) }, title)),
      price !== null && h("p", { class: "card-price" }, h("span", { class: "visually-hidden" }, "Price "), priceText(price)),
      attributes.length > 0 && h("ul", { class: "card-attributes", "aria-label": "Attributes" },
        attributes.map(([name, value]) => h("li", { title: `${name}: ${valueText(value)}` },
          h("span", { class: "visually-hidden" }, `${name}: `), valueText(value)))),
      score !== null && h("p", { class: "card-score" }, h("span", { class: "score-bar", "aria-hidden": "true" },
        h("span", { style: { width: `${Math.round(Math.max(0, Math.min(1, score)) * 100)}%` } })),
      h("span", {}, h("span", { class: "visually-hidden" }, "Score "), score.toFixed(3))),
    ),
  );
}
