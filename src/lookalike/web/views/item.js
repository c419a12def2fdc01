import { h } from "../dom.js";

export const title = "Item";

export function mount(root) {
  root.append(h("div", { class: "page" }, h("h1", {}, title)));
  return { update() {}, unmount() {} };
}
