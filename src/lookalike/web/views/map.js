// The collection as points in the plane: look around, choose some, search within them.

import { collectionPath, get, post, words } from "../api.js";
import { h, replace, svg, uid } from "../dom.js";
import { card } from "../elements/card.js";
import { itemPicture } from "../elements/picture.js";
import { icon } from "../icons.js";
import { MapCanvas } from "../lab/mapcanvas.js";
import { lookOf, within } from "../lab/plane.js";
import { change, href, route } from "../router.js";

export const title = "Map";

const SIZES = [250, 500, 1000, 2000, 5000];
const DEFAULT_SIZE = 1000;
const SHOWN = 24;
const TARGETS = [["image", "pictures"], ["text", "texts"]];
const METHODS = { tsne: "t-SNE", pca: "the two principal components" };
const CLUSTERINGS = { hdbscan: "HDBSCAN", kmeans: "k-means", none: null };

/**
 * State in the address: `c`, `target`, `n` how many, `f` a filter as JSON, `v` where one looks, `box` the rectangle
 * or `k` the cluster that is chosen, `q` what is looked for within, `more` how many results are shown.
 */
export function mount(root, { collection, signal }) {
  let shown = null; // { key, data, points }
  let coming = null;
  let asked = null;

  const status = h("p", { class: "map-status", role: "status" });
  const trouble = h("div", {});
  const size = select("How many", SIZES.map((one) => [String(one), one.toLocaleString("en")]), (value) => change({ n: value === String(DEFAULT_SIZE) ? null : value, box: null, k: null, v: null }));
  const target = select("Alike by", TARGETS, (value) => change({ target: value === "image" ? null : value, box: null, k: null, v: null }));
  const canvas = new MapCanvas({
    onLook: (look) => change({ v: look }, { replace: true }),
    onBox: (box) => change({ box: box?.map((one) => one.toFixed(3)).join(",") ?? null, k: null, q: route().params.get("q"), more: null }),
    onOpen: (point) => { location.hash = href("item", { c: collection(), id: point.id }); },
    onCluster: (cluster) => change({ k: String(cluster), box: null, more: null }),
    pictureOf: (point) => itemPicture(collection(), point.id),
    nameOf: (point) => point.cluster === null ? "between the clusters" : nameOf(shown.data.clusters[point.cluster]),
  });
  const legend = h("ul", { class: "legend", "aria-label": "Clusters" });
  const chosen = h("section", { class: "chosen", "aria-labelledby": "map-chosen" });
  const body = h("div", { class: "map-body" }, canvas.element, h("div", { class: "map-side panel" },
    h("h2", { id: "map-legend" }, "Clusters"), legend));

  root.append(h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Map"), h("p", { class: "lead" }, "Items that the model finds alike lie near each other."),
      h("div", { class: "beside push" }, target.element, size.element)),
    trouble, status, body, chosen));

  // What is asked of the service

  async function load(params) {
    const c = collection();
    if (!c) {
      tell("There is no collection yet. Add some pictures first.");
      body.hidden = true;
      return;
    }
    const query = new URLSearchParams({ target: params.get("target") ?? "image", limit: params.get("n") ?? DEFAULT_SIZE });
    if (params.get("f")) query.set("filter", params.get("f"));
    const path = collectionPath(c, `/map?${query}`);
    if (shown?.key === path) return;
    coming?.abort();
    coming = new AbortController();
    const mine = coming;
    signal.addEventListener("abort", () => mine.abort(), { once: true });
    shown = null;
    body.hidden = false;
    body.setAttribute("aria-busy", "true");
    replace(trouble);
    replace(chosen);
    tell("The map is being drawn …");
    try {
      const data = await drawn(path, mine.signal);
      shown = { key: path, data, points: data.points };
      canvas.show(data.points, data.clusters.map((cluster) => ({ cluster: cluster.cluster, text: nameOf(cluster) })));
      tell(about(data));
      drawLegend();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      tell("");
      body.hidden = true;
      replace(trouble, h("p", { class: "problem", role: "alert" }, words(error)));
    } finally {
      if (mine === coming) body.removeAttribute("aria-busy");
    }
  }

  async function drawn(path, abort) {
    for (;;) {
      const answer = await get(path, { signal: abort });
      if (answer.status === "drawn") return answer;
      tell(`The map of ${answer.points.toLocaleString("en")} items is being drawn …`);
      await new Promise((done) => setTimeout(done, 1000));
      abort.throwIfAborted();
    }
  }

  function tell(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function about(data) {
    const number = data.points.length.toLocaleString("en");
    const whole = data.sample < data.items ? `${number} of ${data.items.toLocaleString("en")} items, a fair sample` : `${number} items`;
    const without = data.without_vector ? `; ${data.without_vector.toLocaleString("en")} more have no ${data.target === "image" ? "picture" : "text"}` : "";
    const clusters = CLUSTERINGS[data.clustering] ? `; clusters by ${CLUSTERINGS[data.clustering]}` : "; too few for clusters";
    return `${whole}${without}. Drawn by ${METHODS[data.method]}${clusters}.`;
  }

  // What is shown of it

  function drawLegend() {
    const { clusters, points } = shown.data;
    const loose = points.filter((point) => point.cluster === null).length;
    const now = route().params.get("k");
    replace(legend, clusters.map((cluster) => h("li", {}, h("button", {
      class: "legend-entry", type: "button", "aria-pressed": String(now === String(cluster.cluster)),
      on: { click: () => change({ k: now === String(cluster.cluster) ? null : cluster.cluster, box: null, more: null }) },
    }, swatch(cluster.cluster), h("span", { class: "legend-name" }, nameOf(cluster),
      cluster.share !== null && h("span", { class: "legend-share" }, `${cluster.attribute ?? "title"}, ${Math.round(cluster.share * 100)} %`)),
    h("span", { class: "legend-count" }, cluster.size.toLocaleString("en"))))),
    loose > 0 && h("li", { class: "legend-entry loose" }, swatch(null), h("span", { class: "legend-name" }, "Between the clusters"), h("span", { class: "legend-count" }, loose.toLocaleString("en"))),
    clusters.length === 0 && h("li", { class: "hint" }, "There are none."));
  }

  function choose(params) {
    if (params.get("box")) {
      const box = params.get("box").split(",").map(Number);
      if (box.length === 4 && box.every(Number.isFinite)) return { points: within(shown.points, box), box, what: "in the rectangle" };
    }
    const cluster = shown.data.clusters.find((one) => String(one.cluster) === params.get("k"));
    if (cluster) return { points: shown.points.filter((point) => point.cluster === cluster.cluster), box: null, what: `of the cluster “${nameOf(cluster)}”` };
    return null;
  }

  async function showChosen(params) {
    const choice = choose(params);
    canvas.choose(choice && new Set(choice.points), choice?.box ?? null);
    const words_ = params.get("q") ?? "";
    const most = Number(params.get("more")) || SHOWN;
    const key = `${shown.key} ${params.get("box")} ${params.get("k")} ${words_} ${most}`;
    if (key === asked) return;
    asked = key;
    if (!choice) {
      replace(chosen,
        h("p", { class: "hint" }, "Drag a rectangle on the map, or take a cluster, to see what is in it and to search within."),
        h("details", { class: "map-list" }, h("summary", {}, "All items on the map, as a list"),
          h("ul", {}, shown.points.slice(0, 300).map((point) => h("li", {}, h("a", { href: href("item", { c: collection(), id: point.id }) }, point.title || point.id),
            point.cluster !== null && h("span", { class: "hint" }, ` – ${nameOf(shown.data.clusters[point.cluster])}`)))),
          shown.points.length > 300 && h("p", { class: "hint" }, "The first 300; take a cluster to see others.")));
      return;
    }
    const grid = h("ul", { class: "grid" });
    const count = h("p", { class: "hint", role: "status" });
    const further = h("button", { class: "button", type: "button", hidden: true, on: { click: () => change({ more: most + SHOWN }, { replace: true }) } }, "Show more");
    const field = h("input", { class: "field", type: "search", id: uid("within"), value: words_, placeholder: "a striped one" });
    replace(chosen,
      h("div", { class: "chosen-head" },
        h("h2", { id: "map-chosen" }, `${choice.points.length.toLocaleString("en")} ${choice.points.length === 1 ? "item" : "items"} ${choice.what}`),
        h("button", { class: "button small", type: "button", on: { click: () => change({ box: null, k: null, q: null, more: null }) } }, icon("close"), "Let go")),
      choice.points.length > 0 && h("form", { class: "within", role: "search", "aria-label": "Within what is chosen", on: { submit: (event) => {
        event.preventDefault();
        change({ q: field.value.trim() || null, more: null });
      } } }, h("label", { class: "visually-hidden", for: field.id }, "Search within what is chosen"), field,
      h("button", { class: "button primary", type: "submit" }, icon("search"), "Search within")),
      count, grid, further);
    try {
      const found = words_ ? await searchWithin(choice.points, words_, most) : choice.points.slice(0, most).map((point) => ({ id: point.id, score: null, item: { id: point.id, title: point.title } }));
      if (asked !== key) return;
      replace(grid, found.map((hit) => h("li", {}, card(collection(), hit.item, { score: hit.score }))));
      further.hidden = found.length < most || most >= choice.points.length;
      count.textContent = words_ ? `The ${found.length} nearest to “${words_}”.` : found.length < choice.points.length ? `The first ${found.length}.` : "";
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(grid);
      replace(count, h("span", { class: "problem" }, words(error)));
    }
  }

  async function searchWithin(points, text, limit) {
    const body_ = { text, target: params_().get("target") ?? "image", limit, within: points.map((point) => point.id) };
    const { hits } = await post(collectionPath(collection(), "/search"), body_, { signal });
    return hits;
  }

  const params_ = () => route().params;

  return {
    async update(params) {
      size.set(SIZES.includes(Number(params.get("n"))) ? params.get("n") : String(DEFAULT_SIZE));
      target.set(params.get("target") ?? "image");
      canvas.look(params.get("v"));
      try {
        await load(params);
        if (!shown) return;
        drawLegend();
        await showChosen(params_());
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    },
    unmount() {
      canvas.close();
    },
  };
}

/** What a cluster is called. */
function nameOf(cluster) {
  return cluster.value ?? `cluster ${cluster.cluster + 1}`;
}

/** A cluster's mark, as on the map. */
function swatch(cluster) {
  const { colour, shape } = cluster === null ? { colour: 0, shape: 0 } : lookOf(cluster);
  const marks = [
    () => svg("circle", { cx: 8, cy: 8, r: 5 }),
    () => svg("rect", { x: 3.2, y: 3.2, width: 9.6, height: 9.6 }),
    () => svg("path", { d: "M8 2L14 12.5H2z" }),
    () => svg("path", { d: "M8 1.5L14.5 8L8 14.5L1.5 8z" }),
  ];
  return svg("svg", { class: `swatch series-${colour}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, marks[shape]());
}

function select(label, options, onChange) {
  const id = uid("select");
  const field = h("select", { class: "select", id, on: { change: () => onChange(field.value) } }, options.map(([value, text]) => h("option", { value }, text)));
  return {
    element: h("div", { class: "beside" }, h("label", { for: id }, label), field),
    set(value) { field.value = value; },
  };
}
