// The search box: words, a picture, both with a slider between them, words to push away, and how to search.

import { words } from "../api.js";
import { h, replace, uid } from "../dom.js";
import { toast } from "../elements/toast.js";
import { icon } from "../icons.js";
import { takePicture } from "./camera.js";
import { keep, recall } from "./pictures.js";

/**
 * `{ element, show(state), take(files) }`. `change(changes)` is called with parameters of the address that the
 * person changed; `take` searches with the first of these files.
 */
export function searchBox(change) {
  const field = h("input", {
    type: "search", class: "box-field", id: "q", name: "q", autocomplete: "off", enterkeyhint: "search", maxlength: "2000",
    placeholder: "What are you looking for?", "aria-label": "Words to search for",
  });
  const file = h("input", {
    type: "file", accept: "image/*", class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", id: "picture-file",
    on: { change: () => {
      const files = [...file.files];
      file.value = "";
      if (files.length) take(files);
    } },
  });
  const held = h("div", { class: "box-picture", hidden: true });
  const form = h("form", { class: "box", role: "search", on: { submit: (event) => {
    event.preventDefault();
    change({ q: field.value.trim() || null, like: null, dislike: null });
  } } },
  held,
  h("span", { class: "box-lens" }, icon("search")),
  field, file,
  h("button", { type: "button", class: "button quiet icon-only", "aria-label": "Search with a picture from this device", title: "A picture: choose it here, drop it anywhere, or paste it", on: { click: () => file.click() } }, icon("picture")),
  h("button", { type: "button", class: "button quiet icon-only", "aria-label": "Search with the camera", title: "Take a picture", on: { click: async () => {
    const taken = await takePicture();
    if (taken) take([taken]);
  } } }, icon("camera")),
  h("button", { type: "submit", class: "button primary box-go" }, "Search"),
  );

  // Words and picture
  const sliderId = uid("balance");
  const slider = h("input", { type: "range", id: sliderId, min: "0", max: "100", step: "5", on: {
    input: () => sayBalance(Number(slider.value)),
    change: () => change({ balance: slider.value === "50" ? null : slider.value }),
  } });
  const balance = h("div", { class: "balance", hidden: true },
    h("label", { for: sliderId, class: "visually-hidden" }, "How much the words and the picture count"),
    h("span", { "aria-hidden": "true" }, "Words"), slider, h("span", { "aria-hidden": "true" }, "Picture"));
  function sayBalance(value) {
    slider.setAttribute("aria-valuetext", value === 50 ? "both count the same" : `words ${100 - value} %, picture ${value} %`);
  }

  // Words to push away
  const notField = h("input", {
    class: "not-field", autocomplete: "off", enterkeyhint: "done", placeholder: "striped …", maxlength: "200",
    "aria-label": "Words to push away; Enter adds them",
  });
  const notChips = h("ul", { class: "not-chips", "aria-label": "Pushed away" });
  let current = null;
  const not = h("form", { class: "not", on: { submit: (event) => {
    event.preventDefault();
    const added = notField.value.split(",").map((one) => one.trim()).filter(Boolean);
    notField.value = "";
    if (added.length) change({ not: [...new Set([...current.not, ...added])] });
  } } }, h("span", { class: "not-label", "aria-hidden": "true" }, "Not"), notChips, notField,
  h("button", { type: "submit", class: "button quiet small icon-only", "aria-label": "Push these words away" }, icon("plus")));

  // How to search
  const target = h("select", { class: "select small", "aria-label": "Search in", on: { change: () => change({ target: target.value === "image" ? null : target.value }) } },
    h("option", { value: "image" }, "In pictures"), h("option", { value: "text" }, "In descriptions"), h("option", { value: "hybrid" }, "In both, and exact words"));
  const varied = h("input", { type: "checkbox", role: "switch", on: { change: () => change({ varied: varied.checked ? "1" : null }) } });

  async function take(files) {
    const pictures = files.filter((one) => !one.type || one.type.startsWith("image/"));
    try {
      if (!pictures.length) throw new Error(`“${files[0].name}” is not a picture`);
      const id = await keep(pictures[0]);
      change({ picture: id, like: null, dislike: null });
      if (files.length > 1) toast("One picture at a time: the first one was taken.");
    } catch (error) {
      toast(error.message ? `${error.message}.` : words(error), { kind: "problem" });
    }
  }

  function show(state) {
    current = state;
    if (document.activeElement !== field || field.value.trim() !== state.q) field.value = state.q;
    const uri = recall(state.picture);
    held.hidden = !state.picture;
    if (held.dataset.id !== (state.picture ?? "")) {
      held.dataset.id = state.picture ?? "";
      replace(held, uri ? h("img", { src: uri, alt: "The picture that is searched with", on: { error: () => replace(held.firstChild, icon("picture")) } }) : h("span", { class: "box-missing" }, icon("picture")),
        h("button", { type: "button", class: "box-drop", "aria-label": "Search without the picture", on: { click: () => {
          change({ picture: null, balance: null });
          field.focus();
        } } }, icon("close")));
    }
    balance.hidden = !(uri && state.q);
    slider.value = String(state.balance);
    sayBalance(state.balance);
    replace(notChips, state.not.map((one) => h("li", { class: "chip" }, one,
      h("button", { type: "button", "aria-label": `Don't push “${one}” away`, on: { click: () => {
        change({ not: state.not.filter((other) => other !== one) });
        notField.focus();
      } } }, icon("close")))));
    notField.placeholder = state.not.length ? "and not …" : "striped …";
    target.value = state.target;
    varied.checked = state.varied;
    varied.disabled = state.like.length > 0;
  }

  const element = h("div", { class: "seek" }, form, h("div", { class: "seek-more" }, not, balance,
    h("div", { class: "seek-how" }, target, h("label", { class: "switch", title: "Fewer that are nearly the same" }, varied, "More variety"))));
  return { element, show, take, focus: () => field.focus() };
}
