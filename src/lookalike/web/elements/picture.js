// An item's picture in a frame of fixed shape, fetched when it comes into view.

import { thumbnail } from "../api.js";
import { h, replace } from "../dom.js";
import { icon } from "../icons.js";

const wanted = new WeakMap();
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    wanted.get(target)?.();
  }
}, { rootMargin: "400px" });

/** The picture of an item. `alt`: what it shows; empty where a title stands beside it. */
export function itemPicture(collection, id, { alt = "" } = {}) {
  const frame = h("div", { class: "frame waiting" });
  wanted.set(frame, async () => {
    const url = await thumbnail(collection, id).catch(() => null);
    if (url === null) {
      nothing();
      return;
    }
    const image = h("img", { src: url, alt, decoding: "async", draggable: "false", on: { error: nothing, load: () => frame.classList.remove("waiting") } });
    replace(frame, image);
  });
  function nothing() {
    frame.classList.remove("waiting");
    replace(frame, h("span", { class: "frame-none" }, icon("picture"), h("span", {}, "No picture")));
  }
  seen.observe(frame);
  return frame;
}

/** Bytes of a File or Blob as a data URI, as the API takes pictures in JSON. */
export function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error(`${blob.name ?? "the file"} can't be read`)));
    reader.readAsDataURL(blob);
  });
}
