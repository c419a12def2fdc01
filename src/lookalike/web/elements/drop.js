// Files from a drop, the clipboard, or a file field.

import { h } from "../dom.js";
import { icon } from "../icons.js";

/**
 * A drop zone that is a button too. `onFiles(files)` gets a list of at least one File. `text`: what it says.
 */
export function dropZone({ text, hint = null, multiple = true, accept = "image/*", onFiles }) {
  const field = h("input", {
    type: "file", accept, multiple, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true",
    on: { change: () => {
      const files = [...field.files];
      field.value = ""; // or the same file could not be chosen again
      if (files.length) onFiles(files);
    } },
  });
  const zone = h(
    "div",
    { class: "drop" },
    h("button", { type: "button", class: "drop-button", on: { click: () => field.click() } },
      icon("upload"), h("span", { class: "drop-text" }, text), hint && h("span", { class: "drop-hint" }, hint)),
    field,
  );
  acceptDrops(zone, onFiles);
  return zone;
}

/** Let `element` take files that are dropped on it; while they hang over it, it has the class `dropping`. */
export function acceptDrops(element, onFiles, { signal } = {}) {
  let depth = 0; // of enter and leave, which come from the children too
  const listen = (event, listener) => element.addEventListener(event, listener, { signal });
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const over = (delta) => {
    depth = Math.max(0, depth + delta);
    element.classList.toggle("dropping", depth > 0);
  };
  listen("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(1);
  });
  listen("dragleave", (event) => hasFiles(event) && over(-1));
  listen("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  listen("drop", (event) => {
    depth = 0;
    element.classList.remove("dropping");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    onFiles(files);
  });
}

/** Take files that are pasted anywhere on the page, as long as `signal` allows. */
export function acceptPastes(onFiles, { signal } = {}) {
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    onFiles(files);
  }, { signal });
}
