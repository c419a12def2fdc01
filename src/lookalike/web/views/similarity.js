// What the model makes of pictures and words: all cosines, and which label fits.

import { call, collectionPath, itemPath, post, thumbnail, words } from "../api.js";
import { h, replace, uid } from "../dom.js";
import { acceptDrops, acceptPastes, dropZone } from "../elements/drop.js";
import { dataUri } from "../elements/picture.js";
import { icon } from "../icons.js";
import { heatScale, heatTable } from "../lab/heat.js";
import { change, route } from "../router.js";

export const title = "Similarity";

const TEMPLATE = "a photo of a {}";
const LABELS = ["dress", "shoe", "bag", "bottle of milk"];
const MODES = [["cross", "pictures with labels"], ["pictures", "pictures with each other"], ["labels", "labels with each other"]];
const PAUSE = 400;

const cosine = (value) => value.toFixed(3);
const percent = (value) => `${(value * 100).toFixed(value >= 0.0995 ? 0 : 1)} %`;

/**
 * State in the address: `l` the labels, `t` the template, `m` what is compared, `i` items of the collection whose
 * pictures are in. Pictures from files can't be in an address: they stay for as long as the view is open.
 */
export function mount(root, { collection, signal }) {
  let files = []; // { key, name, uri, url }
  let items = new Map(); // id to the same
  let run = null;
  let timer = null;

  const labels = h("textarea", { class: "field", id: uid("labels"), rows: 5, spellcheck: "true", on: { input: later } });
  const template = h("input", { class: "field", id: uid("template"), on: { input: later } });
  const templateHint = h("p", { class: "hint", id: `${template.id}-hint` });
  template.setAttribute("aria-describedby", templateHint.id);
  const mode = h("select", { class: "select", id: uid("mode"), on: { change: () => change({ m: mode.value === "cross" ? null : mode.value }) } },
    MODES.map(([value, label]) => h("option", { value }, label)));
  const tray = h("ul", { class: "thumbs", "aria-label": "Pictures" });
  const results = h("div", { class: "lab-results" });
  const status = h("p", { class: "visually-hidden", role: "status" });
  const find = h("button", { class: "button", type: "button", on: { click: fromCatalogue } }, icon("search"), "Take one for each label");

  root.append(h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Similarity"),
      h("p", { class: "lead" }, "Pictures and words are points of one space. A cosine says how near two of them are; the probabilities say which of your labels fits a picture best.")),
    h("div", { class: "lab" },
      h("div", { class: "lab-side panel" },
        dropZone({ text: "Drop pictures here, paste, or choose", onFiles: addFiles }), tray, find,
        h("div", {}, h("label", { class: "label", for: labels.id }, "Labels, one on each line"), labels),
        h("div", {}, h("label", { class: "label", for: template.id }, "Template"), template, templateHint),
        h("div", {}, h("label", { class: "label", for: mode.id }, "Compare"), mode)),
      h("div", {}, status, results))));
  acceptDrops(root, addFiles, { signal });
  acceptPastes(addFiles, { signal });

  async function addFiles(given) {
    for (const file of given) {
      const uri = await dataUri(file).catch(() => null);
      if (uri && !files.some((one) => one.uri === uri)) files.push({ key: uid("file"), name: file.name, uri, url: URL.createObjectURL(file) });
    }
    await compare();
  }

  function remove(picture) {
    if (picture.item) {
      change({ i: route().params.getAll("i").filter((id) => id !== picture.item) }, { replace: true });
      return;
    }
    URL.revokeObjectURL(picture.url);
    files = files.filter((one) => one !== picture);
    compare();
  }

  function wanted() {
    return labels.value.split("\n").map((line) => line.trim()).filter(Boolean);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const own = wanted();
      const same = own.join("\n") === LABELS.join("\n");
      change({ l: same ? null : own.length ? own : [" "], t: template.value === TEMPLATE ? null : template.value || " " }, { replace: true });
    }, PAUSE);
  }

  async function fromCatalogue() {
    const c = collection();
    if (!c) return;
    find.disabled = true;
    try {
      const found = new Set(route().params.getAll("i"));
      for (const label of wanted().slice(0, 12)) {
        const { hits } = await post(collectionPath(c, "/search"), { text: label, limit: 1, target: "image" }, { signal });
        hits.forEach((hit) => found.add(hit.id));
      }
      change({ c, i: [...found] });
    } catch (error) {
      if (error.name !== "AbortError") replace(results, h("p", { class: "problem", role: "alert" }, words(error)));
    } finally {
      find.disabled = false;
    }
  }

  async function loadItems(ids, c) {
    const loaded = new Map();
    for (const id of ids) {
      const known = items.get(id);
      loaded.set(id, known ?? { key: uid("item"), item: id, name: id, ...(await pictureOf(c, id)) });
    }
    items = loaded;
  }

  async function pictureOf(c, id) {
    try {
      const [blob, url, item] = await Promise.all([
        call("GET", itemPath(c, id, "/image"), { as: "blob", signal }), thumbnail(c, id), call("GET", itemPath(c, id), { signal }),
      ]);
      return { uri: await dataUri(blob), url, name: item.title || id };
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return { uri: null, url: null };
    }
  }

  async function compare() {
    run?.abort();
    run = new AbortController();
    const mine = run;
    signal.addEventListener("abort", () => mine.abort(), { once: true });
    const pictures = [...items.values(), ...files].filter((one) => one.uri);
    drawTray(pictures);
    const own = wanted();
    const texts = own.map((label) => template.value.replaceAll("{}", label));
    const bad = !template.value.includes("{}");
    template.setAttribute("aria-invalid", String(bad));
    templateHint.classList.toggle("bad", bad);
    templateHint.textContent = bad ? "It needs {} where the label goes." : own.length ? `The model reads “${texts[0]}”.` : "{} stands for the label.";
    const missing = need(mode.value, pictures.length, own.length);
    if (bad || missing) {
      replace(results, missing && h("p", { class: "lab-empty" }, missing));
      return;
    }
    results.setAttribute("aria-busy", "true");
    try {
      const options = { signal: mine.signal };
      const images = pictures.map((one) => one.uri);
      const body = mode.value === "cross" ? { texts, images } : mode.value === "pictures" ? { images: [images, images] } : { texts: [texts, texts] };
      const [cosines, classes] = await Promise.all([
        post("/similarity", body, options),
        mode.value === "cross" && own.length > 1 ? post("/classify", { images, labels: own, template: template.value }, options) : null,
      ]);
      if (mine.signal.aborted) return;
      show(pictures, own, cosines, classes);
      status.textContent = `Compared ${count(pictures.length, "picture")} and ${count(own.length, "label")}.`;
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(results, h("p", { class: "problem", role: "alert" }, words(error)));
    } finally {
      if (mine === run) results.removeAttribute("aria-busy");
    }
  }

  function show(pictures, own, cosines, classes) {
    const all = cosines.similarity;
    const failed = new Map(cosines.errors.map((one) => [one.index % pictures.length, one.detail]));
    const heads = () => pictures.map((picture, at) => head(picture, failed.get(at)));
    const [rows, columns] = mode.value === "labels" ? [own, own] : [heads(), mode.value === "cross" ? own : heads()];
    const values = mode.value === "cross" ? pictures.map((_, at) => own.map((_, label) => all[label][at])) : all;
    const known = values.flat().filter((value) => value !== null);
    replace(results,
      h("section", { class: "panel" }, h("h2", {}, "Cosines"),
        h("p", { class: "hint" }, "From -1 to 1. What a model calls near lies in a narrow band, so the colours span only the values below."),
        heatScale(cosine(Math.min(...known)), cosine(Math.max(...known))),
        heatTable(`Cosines of ${MODES.find(([value]) => value === mode.value)[1]}`, { rows, columns, values, format: cosine, mark: mode.value === "cross" })),
      classes && h("section", { class: "panel" }, h("h2", {}, "Which label fits"),
        h("p", { class: "hint" }, `The softmax of ${classes.logit_scale.toLocaleString("en", { maximumFractionDigits: 1 })} times the cosines: the labels compete, so a row adds up to 100 % even where none fits.`),
        heatTable("Probability of each label", {
          rows: heads(), columns: own, values: classes.probabilities.map((row) => row ?? own.map(() => null)), format: percent, low: 0, high: 1,
        })),
      cosines.truncated.length > 0 && h("p", { class: "hint bad" }, "Some labels are longer than the model reads and were cut."));
  }

  function head(picture, problem) {
    return h("span", { class: "heat-head" }, picture.url && h("img", { class: "heat-picture", src: picture.url, alt: "" }),
      h("span", { class: "heat-name" }, picture.name, problem && h("span", { class: "hint bad" }, ` ${problem}`)));
  }

  function drawTray(pictures) {
    replace(tray, pictures.map((picture) => h("li", { class: "thumb" }, h("img", { src: picture.url, alt: picture.name }),
      h("button", { class: "button small icon-only", type: "button", "aria-label": `Remove ${picture.name}`, on: { click: () => remove(picture) } }, icon("close")))));
    tray.hidden = pictures.length === 0;
    find.hidden = !collection();
  }

  return {
    async update(params) {
      const given = params.has("l") ? params.getAll("l").map((one) => one.trim()).filter(Boolean) : LABELS;
      // what a person is typing is not put in order under their hands
      if (wanted().join("\n") !== given.join("\n")) labels.value = given.join("\n");
      const form = params.has("t") ? params.get("t").trim() : TEMPLATE;
      if (template.value.trim() !== form) template.value = form;
      mode.value = MODES.some(([value]) => value === params.get("m")) ? params.get("m") : "cross";
      await loadItems(params.getAll("i"), collection());
      await compare();
    },
    unmount() {
      clearTimeout(timer);
      for (const one of files) URL.revokeObjectURL(one.url);
    },
  };
}

function need(mode, pictures, labels) {
  if (mode === "pictures") return pictures < 2 ? "Add two pictures or more to compare them with each other." : null;
  if (mode === "labels") return labels < 2 ? "Type two labels or more to compare them with each other." : null;
  if (!pictures) return "Add a picture, or take some from the collection.";
  return labels ? null : "Type a label.";
}

function count(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
