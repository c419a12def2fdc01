// Short messages in the corner, read out by screen readers.

import { h } from "../dom.js";
import { icon } from "../icons.js";

/** Show `text` for some seconds; a `problem` stays until it is closed. */
export function toast(text, { kind = "done", seconds = 6 } = {}) {
  const place = document.getElementById("toasts");
  const gone = () => box.remove();
  const box = h(
    "div",
    { class: `toast ${kind}` },
    icon(kind === "problem" ? "warning" : "check"),
    h("p", {}, text),
    h("button", { class: "button quiet icon-only", type: "button", "aria-label": "Close the message", on: { click: gone } }, icon("close")),
  );
  // the same words twice are one message
  for (const other of [...place.children]) if (other.textContent === box.textContent) other.remove();
  place.append(box);
  if (kind !== "problem") setTimeout(gone, seconds * 1000);
  return gone;
}
