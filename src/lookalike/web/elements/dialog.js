// A modal dialog: the browser's own, which keeps the focus inside, closes with Escape, and gives the focus back.

import { h, uid } from "../dom.js";
import { icon } from "../icons.js";

/**
 * Open a dialog. `fill(close)` gives its content; `close(value)` ends it. Resolves to that value, or to null
 * when it was dismissed.
 */
export function dialog(title, fill, { wide = false } = {}) {
  return new Promise((resolve) => {
    const heading = uid("dialog");
    let value = null;
    const close = (given = null) => {
      value = given;
      box.close();
    };
    const box = h(
      "dialog",
      { class: wide ? "dialog wide" : "dialog", "aria-labelledby": heading },
      h("div", { class: "dialog-head" },
        h("h2", { id: heading }, title),
        h("button", { class: "button quiet icon-only", type: "button", "aria-label": "Close", on: { click: () => close() } }, icon("close")),
      ),
      h("div", { class: "dialog-body" }, fill(close)),
    );
    box.addEventListener("click", (event) => {
      if (event.target === box) close(); // the backdrop
    });
    box.addEventListener("close", () => {
      box.remove();
      resolve(value);
    });
    document.body.append(box);
    box.showModal();
  });
}
