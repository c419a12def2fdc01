import { h } from "../dom.js";

export const title = "Add";

export function mount(root) {
  root.append(h("div", { class: "page" }, h("h1", {}, title)));
  return { update() {}, unmount() {} };
}
