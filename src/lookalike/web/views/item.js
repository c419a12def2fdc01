// One item: its picture, all that is known of it, and its neighbours.

import { collectionPath, get, itemPath, post, words } from "../api.js";
import { h, replace } from "../dom.js";
import { card, titleOf, valueText } from "../elements/card.js";
import { itemPicture } from "../elements/picture.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { nameText } from "../shop/facets.js";

export const title = "Item";

const NEIGHBOURS = 12;

export function mount(root, context) {
  const page = h("div", { class: "page" });
  root.append(page);
  let loading = new AbortController();
  let moved = null; // whether this is another item than the first one that was shown

  async function update(params) {
    moved = moved !== null;
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    const collection = context.collection();
    const id = params.get("id");
    try {
      if (!collection || id === null) throw new Error("the address names no item");
      const item = await get(itemPath(collection, id), { signal });
      if (signal.aborted) return;
      draw(collection, item, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(page, back(collection), h("p", { class: "problem", role: "alert" }, icon("warning"), words(error)));
    }
  }

  function back(collection) {
    return h("p", {}, h("a", { class: "crumb", href: href("search", { c: collection }), on: { click: (event) => {
      // to the results one came from, if one came from them
      if (context.cameFrom() === "search" && !moved) {
        event.preventDefault();
        history.back();
      }
    } } }, icon("back"), "Back to the results"));
  }

  function draw(collection, item, signal) {
    const heading = titleOf(item);
    document.title = `${heading} · Lookalike`;
    const kinds = context.collections().find((one) => one.name === collection)?.attributes ?? {};
    const neighbours = h("div", {});
    replace(page, back(collection),
      h("article", { class: "item" },
        h("div", { class: "item-picture" }, itemPicture(collection, item.id, { alt: heading })),
        h("div", { class: "item-text" },
          h("h1", {}, heading),
          item.description && h("p", { class: "lead" }, item.description),
          h("div", { class: "item-actions" },
            h("a", { class: "button primary", href: href("search", { c: collection, like: item.id }) }, icon("more"), "More like this"),
            h("a", { class: "button", href: href("search", { c: collection, dislike: item.id }) }, icon("less"), "Less like this")),
          facts(collection, item, kinds),
          h("details", { class: "raw" }, h("summary", {}, "Raw record"), h("pre", { tabindex: "0" }, JSON.stringify(item, null, 2))))),
      h("section", { "aria-label": "Similar items" }, h("h2", { class: "section-title" }, "Similar items"), neighbours));
    window.scrollTo(0, 0);
    showNeighbours(collection, item, neighbours, signal);
  }

  async function showNeighbours(collection, item, place, signal) {
    try {
      const { hits } = await post(collectionPath(collection, "/search"), { item: item.id, limit: NEIGHBOURS }, { signal });
      replace(place, hits.length
        ? h("ul", { class: "grid", "aria-label": "Similar items" }, hits.map((hit) => h("li", {}, card(collection, hit.item, { score: hit.score }))))
        : h("p", { class: "lead" }, "There is nothing else in this collection."));
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(place, h("p", { class: "lead" }, words(error)));
    }
  }

  return { update, unmount: () => loading.abort() };
}

/** All attributes; values that can be filtered by are links to the others that have them. */
function facts(collection, item, kinds) {
  const entries = [["id", item.id], ...Object.entries(item.attributes)];
  return h("dl", { class: "facts" }, entries.map(([name, value], at) => [
    h("dt", {}, at === 0 ? "ID" : nameText(name)),
    h("dd", {}, at > 0 && ["keyword", "bool"].includes(kinds[name]) ? links(collection, name, value) : valueText(value)),
  ]));
}

function links(collection, name, value) {
  return [value].flat().flatMap((one, at) => [
    at > 0 && ", ",
    h("a", { href: href("search", { c: collection, [`f.${name}`]: String(one) }) }, valueText(one)),
  ]);
}
