// The frame around the views: navigation, the theme, the key, the collections, and who is shown.

import { ApiError, get, key, onKeyNeeded, setKey, words } from "./api.js";
import { h, replace } from "./dom.js";
import { askForKey } from "./elements/key.js";
import { toast } from "./elements/toast.js";
import { icon } from "./icons.js";
import { href, onRoute, route } from "./router.js";

/** Each view is a module, loaded when it is first needed. `item` is reached from results only. */
const VIEWS = [
  { name: "search", label: "Search" },
  { name: "add", label: "Add" },
  { name: "similarity", label: "Similarity" },
  { name: "map", label: "Map" },
  { name: "operator", label: "Operator" },
  { name: "item", label: null },
];

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const tools = document.getElementById("tools");
const notice = document.getElementById("notice");

let collections = [];
let shown = null; // { name, view }
let before = null;
let turn = 0;

/**
 * What every view is given.
 *
 * A view module exports `title` and `mount(root, context)`; it fills `root` and returns
 * `{ update(params), unmount() }`. `update` is called at once and at every change of the address within the
 * view. `unmount` ends timers and listeners. A view may have `restored()`: whether it has scrolled to where it was
 * left. `context.signal` is aborted then too.
 */
const context = {
  /** All collections, as `GET /collections` gave them last. */
  collections: () => collections,
  /** The name of the collection in use: the address's, else the first; null if there is none. */
  collection,
  /** Ask for the collections again. */
  refresh: loadCollections,
  /** The view that was shown before this one; null at first. */
  cameFrom: () => before,
};

function collection() {
  const asked = route().params.get("c");
  if (asked) return asked;
  return [...collections].sort((a, b) => b.items - a.items)[0]?.name ?? null;
}

async function loadCollections() {
  const answer = await get("/collections");
  collections = answer.collections;
  drawTools();
  return collections;
}

// Navigation

function drawNav(current) {
  const c = route().params.get("c");
  replace(
    nav,
    VIEWS.filter((one) => one.label).map((one) =>
      h("a", {
        href: href(one.name, { c }),
        class: "nav-link",
        "aria-current": one.name === current || (current === "item" && one.name === "search") ? "page" : null,
      }, one.label),
    ),
  );
  document.getElementById("brand").href = href("search", { c });
}

function drawTools() {
  const chosen = collection();
  const names = collections.map((one) => one.name);
  if (chosen && !names.includes(chosen)) names.unshift(chosen);
  const choose = h(
    "select",
    {
      class: "select",
      "aria-label": "Collection",
      id: "collection",
      on: { change: (event) => {
        // what was asked of one collection means nothing in another, but for the words
        const { view, params } = route();
        const kept = { c: event.target.value, q: params.get("q"), not: params.getAll("not") };
        location.hash = href(view === "item" ? "search" : view, view === "search" ? kept : { c: kept.c });
      } },
    },
    names.map((name) => {
      const items = collections.find((one) => one.name === name)?.items;
      return h("option", { value: name, selected: name === chosen }, items === undefined ? name : `${name} (${items.toLocaleString("en")})`);
    }),
  );
  const dark = isDark();
  const focused = tools.contains(document.activeElement) ? document.activeElement.id : null;
  replace(
    tools,
    names.length > 0 && choose,
    key() && h("button", { class: "button quiet", type: "button", on: { click: forgetKey } }, "Forget key"),
    h("button", {
      class: "button quiet icon-only", type: "button", id: "theme",
      "aria-label": dark ? "Switch to light colours" : "Switch to dark colours",
      on: { click: () => switchTheme(dark ? "light" : "dark") },
    }, icon(dark ? "sun" : "moon")),
  );
  if (focused) document.getElementById(focused)?.focus(); // drawing anew must not lose the focus
}

function forgetKey() {
  setKey(null);
  location.reload();
}

// Theme

const system = matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", drawTools);

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

function switchTheme(to) {
  document.documentElement.dataset.theme = to;
  try {
    localStorage.setItem("lookalike.theme", to);
  } catch {
    // storage is off: the choice lasts as long as the page
  }
  drawTools();
}

// Views

async function show({ view: wanted, params }) {
  const known = VIEWS.find((one) => one.name === wanted) ?? VIEWS[0];
  drawNav(known.name);
  drawTools();
  if (shown?.name === known.name) {
    shown.view.update(params);
    return;
  }
  const mine = ++turn;
  shown?.abort.abort();
  shown?.view.unmount?.();
  before = shown?.name ?? null;
  shown = null;
  main.setAttribute("aria-busy", "true");
  try {
    const module = await import(`./views/${known.name}.js`).catch((error) => {
      console.error(error);
      throw new ApiError("This part of the page can't be loaded. Is the service running? Load the page again.");
    });
    if (mine !== turn) return; // the person has gone elsewhere meanwhile
    const abort = new AbortController();
    replace(main);
    document.title = `${module.title} · Lookalike`;
    const view = (await module.mount(main, { ...context, signal: abort.signal })) ?? {};
    if (mine !== turn) {
      abort.abort();
      view.unmount?.();
      return;
    }
    shown = { name: known.name, abort, view: { update() {}, ...view } };
    shown.view.update(route().params);
    if (before) main.focus({ preventScroll: true }); // or a keyboard would start from nowhere
    if (!shown.view.restored?.()) window.scrollTo(0, 0);
  } catch (error) {
    if (error.name === "AbortError") return;
    replace(main, h("div", { class: "page" }, h("p", { class: "problem", role: "alert" }, words(error))));
  } finally {
    if (mine === turn) main.removeAttribute("aria-busy");
  }
}

// Readiness

async function untilReady() {
  for (let waited = false; ; waited = true) {
    const state = await fetch("/readyz").then((response) => response.json()).catch(() => null);
    // without an answer, or where this needs a key too, the first search will say what is wrong
    if (typeof state?.status !== "string" || state.status === "ready") {
      replace(notice);
      if (waited) await restart();
      return;
    }
    const text =
      state.status === "loading" ? `The model ${state.model} is being loaded. Searches will work in a moment.`
      : `The model ${state.model} isn't ready (${state.status}). ${state.reason ?? ""}`;
    replace(notice, h("p", { class: "notice" }, text));
    await new Promise((done) => setTimeout(done, 1000));
  }
}

/** Load and show again what may have failed while there was no model. */
async function restart() {
  shown?.abort.abort();
  shown?.view.unmount?.();
  shown = null;
  await begin();
}

async function begin() {
  await loadCollections().catch((error) => {
    const none = error.status === 404; // LOOKALIKE_CATALOGUE=false
    toast(none ? "This service keeps no catalogue: there is nothing to search here." : words(error), { kind: "problem" });
  });
  await show(route());
}

onKeyNeeded(askForKey);
onRoute(show);
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name !== "AbortError") toast(words(event.reason), { kind: "problem" });
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // `#main` is no view
  main.focus();
});

drawNav(route().view);
drawTools();
untilReady();
await begin();
