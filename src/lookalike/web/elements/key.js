// The one question that the page ever asks: the API key.

import { h, uid } from "../dom.js";
import { dialog } from "./dialog.js";

/** `refused`: whether a key was given and is not valid. Resolves to a key, or null. */
export function askForKey(refused) {
  return dialog("This catalogue needs a key", (close) => {
    const id = uid("key");
    const field = h("input", {
      class: "field", id, type: "password", autocomplete: "off", required: true, autofocus: true,
      "aria-invalid": refused ? "true" : null, "aria-describedby": `${id}-hint`,
    });
    return h(
      "form",
      { on: { submit: (event) => {
        event.preventDefault();
        if (field.value.trim()) close(field.value.trim());
      } } },
      h("label", { for: id, class: "label" }, "API key"),
      field,
      h("p", { class: refused ? "hint bad" : "hint", id: `${id}-hint` },
        refused ? "That key is not valid. Try another." : "It is kept until you close this tab, and sent to nobody else."),
      h("div", { class: "dialog-foot" }, h("button", { class: "button primary", type: "submit" }, "Continue")),
    );
  });
}
