// What was liked and disliked: the bar at the bottom.

import { get, itemPath } from "../api.js";
import { h, replace } from "../dom.js";
import { titleOf } from "../elements/card.js";
import { itemPicture } from "../elements/picture.js";
import { icon } from "../icons.js";

/** `{ element, show(collection, state), know(item) }`. `know` tells titles that need not be asked for. */
export function tray(change) {
  const element = h("aside", { class: "tray", "aria-label": "Chosen items", hidden: true });
  const titles = new Map();

  function chip(collection, id, kind, ids) {
    const label = h("span", { class: "visually-hidden" }, titles.get(id) ?? id);
    if (!titles.has(id)) {
      get(itemPath(collection, id)).then((item) => {
        titles.set(id, titleOf(item));
        label.textContent = titleOf(item);
        drop.setAttribute("aria-label", `Take “${titleOf(item)}” out`);
        one.title = titleOf(item);
      }).catch(() => {}); // the search itself says that it is gone
    }
    const drop = h("button", { type: "button", class: "tray-drop", "aria-label": `Take “${titles.get(id) ?? id}” out`, on: { click: () => change({ [kind]: ids.filter((other) => other !== id) }) } }, icon("close"));
    const one = h("li", { class: `tray-item ${kind}`, title: titles.get(id) ?? id }, itemPicture(collection, id), label, drop);
    return one;
  }

  function show(collection, state) {
    const { like, dislike } = state;
    element.hidden = !like.length && !dislike.length;
    replace(element,
      group("More like", "more", "like", like), group("Less like", "less", "dislike", dislike),
      h("button", { type: "button", class: "button small", on: { click: () => change({ like: null, dislike: null }) } }, "Clear"));
    function group(label, sign, kind, ids) {
      return ids.length > 0 && h("div", { class: "tray-group" }, h("span", { class: "tray-label" }, icon(sign), label),
        h("ul", { "aria-label": label }, ids.map((id) => chip(collection, id, kind, ids))));
    }
  }

  return { element, show, know: (item) => titles.set(item.id, titleOf(item)) };
}
