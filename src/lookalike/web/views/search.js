// The catalogue, as a shop's search page shows it.

import { words } from "../api.js";
import { h, replace } from "../dom.js";
import { dialog } from "../elements/dialog.js";
import { acceptDrops, acceptPastes, dropZone } from "../elements/drop.js";
import { valueText } from "../elements/card.js";
import { icon } from "../icons.js";
import { change as changeAddress, href, route } from "../router.js";
import { searchBox } from "../shop/box.js";
import { count, filters, nameText } from "../shop/facets.js";
import { recall } from "../shop/pictures.js";
import { filterOf, read } from "../shop/query.js";
import { results } from "../shop/results.js";
import { tray } from "../shop/tray.js";

export const title = "Search";

export function mount(root, context) {
  const change = (changes) => {
    // the collection goes with every search, so that a link means the same where there are several
    changeAddress({ c: context.collection(), ...changes });
  };
  const box = searchBox(change);
  const side = filters(change);
  const chosen = tray(change);
  const found = results({
    know: chosen.know,
    choose(id, kind, on) {
      const state = read(route().params);
      const other = kind === "like" ? "dislike" : "like";
      const without = (ids) => ids.filter((one) => one !== id);
      change({ [kind]: on ? [...without(state[kind]), id] : without(state[kind]), [other]: without(state[other]) });
    },
  });
  const active = h("div", { class: "active" });
  const aside = h("aside", { class: "side", "aria-label": "Filters" }, side.element);
  const filterButton = h("button", { type: "button", class: "button small side-open", on: { click: openFilters } }, icon("filter"), "Filters");
  const missing = h("div", {});
  const heading = h("h1", { class: "results-title" });
  const body = h("div", { class: "shop" }, aside,
    h("div", { class: "shop-main" }, missing, h("div", { class: "results-head" }, heading, filterButton), active, found.element));
  const empty = h("div", { class: "empty", hidden: true });
  const veil = h("div", { class: "veil", "aria-hidden": "true" }, h("p", {}, icon("picture"), "Drop the picture to search with it"));
  root.append(h("div", { class: "hero" }, box.element), h("div", { class: "page" }, empty, body), chosen.element, veil);

  const { signal } = context;
  acceptDrops(document.body, box.take, { signal });
  acceptPastes(box.take, { signal });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
    }
  }, { signal });

  let counting = new AbortController();
  let countedFor = null;
  let shownFor = null;

  function update(params) {
    const collection = context.collection();
    const facts = context.collections().find((one) => one.name === collection);
    const kinds = facts?.attributes ?? {};
    const state = read(params, kinds);
    box.show(state);
    empty.hidden = collection !== null;
    body.hidden = collection === null;
    if (collection === null) {
      replace(empty, h("h1", {}, "Nothing here yet"), h("p", { class: "lead" }, "A catalogue is made of collections. Make the first one and drop some pictures into it."),
        h("a", { class: "button primary", href: href("add") }, icon("plus"), "Add pictures"));
      return;
    }
    const uri = recall(state.picture);
    replace(heading, titleOf(state, uri, collection));
    document.title = `${heading.textContent} · Lookalike`;
    showMissing(state, uri);
    showActive(state);
    chosen.show(collection, state);
    root.classList.toggle("with-tray", !chosen.element.hidden);

    // the count of items too: what is kept of a search is stale once something was added
    const asked = JSON.stringify([collection, facts?.items, state, uri !== null]);
    if (asked !== shownFor) {
      const again = shownFor !== null;
      shownFor = asked;
      if (again && window.scrollY > 240) window.scrollTo({ top: 0 });
      found.show(asked, collection, state, uri);
    }
    showCounts(collection, state, kinds);
  }

  async function showCounts(collection, state, kinds) {
    const filter = JSON.stringify([collection, filterOf(state)]);
    if (filter === countedFor) return;
    countedFor = filter;
    counting.abort();
    counting = new AbortController();
    try {
      side.show(await count(collection, state, counting.signal), state, kinds);
    } catch (error) {
      if (error.name === "AbortError") return;
      countedFor = null;
      replace(side.element, h("p", { class: "hint bad" }, words(error)));
    }
  }

  function showMissing(state, uri) {
    const lost = state.picture && !uri;
    replace(missing, lost && h("div", { class: "panel missing" },
      h("h2", {}, "This search was made with a picture"),
      h("p", { class: "lead" }, "Pictures are not part of a link: they stay in the tab where they were chosen. Choose it again to see the same results; below is what the rest of the search finds."),
      dropZone({ text: "Choose or drop the picture", multiple: false, onFiles: box.take }),
      h("button", { type: "button", class: "button quiet small", on: { click: () => change({ picture: null, balance: null }) } }, "Go on without it")));
  }

  function showActive(state) {
    const chip = (text, changes) => h("li", { class: "chip" }, text,
      h("button", { type: "button", "aria-label": `Remove the filter ${text}`, on: { click: () => change(changes) } }, icon("close")));
    const chips = [];
    for (const [name, values] of Object.entries(state.values)) {
      for (const value of values) {
        chips.push(chip(`${nameText(name)}: ${valueText(value)}`, { [`f.${name}`]: values.filter((one) => one !== value).map(String) }));
      }
    }
    for (const [name, { gte, lte }] of Object.entries(state.ranges)) {
      const text = gte === undefined ? `up to ${lte}` : lte === undefined ? `from ${gte}` : `${gte} to ${lte}`;
      chips.push(chip(`${nameText(name)} ${text}`, { [`ge.${name}`]: null, [`le.${name}`]: null }));
    }
    const clear = Object.fromEntries([...route().params.keys()].filter((name) => /^(f|ge|le)\./.test(name)).map((name) => [name, null]));
    replace(active, chips.length > 0 && h("ul", { class: "active-chips", "aria-label": "Filters in use" }, chips,
      h("li", {}, h("button", { type: "button", class: "button quiet small", on: { click: () => change(clear) } }, "Clear filters"))));
    replace(filterButton, icon("filter"), chips.length ? `Filters (${chips.length})` : "Filters");
  }

  async function openFilters() {
    // the same element, moved: one place holds what is chosen
    await dialog("Filters", (close) => [side.element, h("div", { class: "dialog-foot" },
      h("button", { type: "button", class: "button primary", on: { click: () => close() } }, "Show the results"))]);
    aside.append(side.element);
  }

  return {
    update,
    restored: found.restored,
    unmount() {
      found.stop();
      counting.abort();
      root.classList.remove("with-tray");
    },
  };
}

function titleOf(state, uri, collection) {
  if (state.like.length) return "Recommended, by what you chose";
  const asked = [state.q && `“${state.q}”`, uri && "your picture"].filter(Boolean).join(" and ");
  const not = state.not.length ? `not ${state.not.map((one) => `“${one}”`).join(", ")}` : "";
  if (asked || not) return [asked || "Anything", not].filter(Boolean).join(", ");
  return state.dislike.length ? "Something else" : collection;
}
