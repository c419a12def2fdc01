// A frame for a drawing: a title, the drawing, and the same in words for who doesn't see it.

import { h, uid } from "../dom.js";

/**
 * `{ element, body, say(text) }`. Draw into `body`; `say` sets the words below, which are also read out as the
 * drawing's description. `wide`: over the whole width of a `.charts` grid.
 */
export function chart(title, { wide = false, hint = null } = {}) {
  const id = uid("chart");
  const words = h("p", { class: "chart-words", id: `${id}-words` });
  const body = h("div", { class: "chart-body", role: "img", "aria-labelledby": id, "aria-describedby": `${id}-words` });
  const element = h("figure", { class: wide ? "chart wide" : "chart" },
    h("figcaption", { class: "chart-title", id }, title, hint && h("span", { class: "chart-hint" }, hint)), body, words);
  return {
    element,
    body,
    say(text) {
      if (words.textContent !== text) words.textContent = text;
    },
  };
}
