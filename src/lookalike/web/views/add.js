// Adding pictures: drop them, see how far they are, and what failed and why.

import { collectionPath, post, put, words } from "../api.js";
import { h, replace, uid } from "../dom.js";
import { acceptDrops, acceptPastes, dropZone } from "../elements/drop.js";
import { dataUri } from "../elements/picture.js";
import { toast } from "../elements/toast.js";
import { icon } from "../icons.js";
import { change, href, route } from "../router.js";

export const title = "Add pictures";

const BATCH_ITEMS = 8;
const BATCH_BYTES = 8 * 2 ** 20; // well under what a body may have, with base64's third on top

export function mount(root, context) {
  const rows = []; // { file, state, element, ... }: waiting, sending, or what became of it
  let running = false;

  // Where to

  const pick = h("select", { class: "field", id: uid("collection"), on: { change: () => change({ c: pick.value }) } });
  const name = h("input", {
    class: "field", id: uid("name"), autocomplete: "off", maxlength: "64", required: true,
    pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}", title: "1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
    placeholder: "summer-2027",
  });
  const create = h("form", { on: { submit: async (event) => {
    event.preventDefault();
    try {
      const known = context.collections().some((one) => one.name === name.value);
      await put(collectionPath(name.value));
      toast(known ? `“${name.value}” is there already.` : `The collection “${name.value}” is made.`);
      const made = name.value;
      name.value = "";
      await context.refresh();
      change({ c: made });
      fillPick();
    } catch (error) {
      toast(words(error), { kind: "problem" });
    }
  } } },
  h("label", { class: "label", for: name.id }, "Or make a new one"),
  h("div", { class: "add-new" }, name, h("button", { type: "submit", class: "button" }, icon("plus"), "Create")));

  // What goes with every picture

  const pairs = h("div", {});
  const addPair = () => {
    const number = pairs.children.length + 1;
    const pair = h("div", { class: "add-pair" },
      h("input", { class: "field", "aria-label": `Name of attribute ${number}`, placeholder: "colour", maxlength: "100", data: { role: "name" } }),
      h("input", { class: "field", "aria-label": `Value of attribute ${number}`, placeholder: "red", maxlength: "200", data: { role: "value" } }),
      h("button", { type: "button", class: "button quiet icon-only", "aria-label": `Remove attribute ${number}`, on: { click: () => {
        pair.remove();
        more.focus();
      } } }, icon("close")));
    pairs.append(pair);
    return pair;
  };
  const more = h("button", { type: "button", class: "button small", on: { click: () => addPair().querySelector("input").focus() } }, icon("plus"), "An attribute");

  function attributes() {
    const given = {};
    for (const pair of pairs.children) {
      const [key, value] = ["name", "value"].map((role) => pair.querySelector(`[data-role="${role}"]`).value.trim());
      if (key && value) given[key] = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    }
    return given;
  }

  // The pictures

  const bar = h("span", {});
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Pictures that are done", "aria-valuemin": "0" }, bar);
  const said = h("p", { role: "status" });
  const head = h("div", { class: "add-head", hidden: true }, said, progress);
  const list = h("ul", { class: "add-list", "aria-label": "Pictures" });
  const zone = dropZone({
    text: "Drop pictures here, or choose them", hint: "JPEG, PNG, WebP, GIF, AVIF … as many as you like. The file's name becomes the item's id and title.", onFiles: take,
  });

  root.append(h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Add pictures")),
    h("div", { class: "add" },
      h("section", { class: "panel add-form", "aria-label": "Where to, and with what" },
        h("div", {}, h("label", { class: "label", for: pick.id }, "Into the collection"), pick),
        create,
        h("div", { role: "group", "aria-label": "Attributes for all pictures" }, h("p", { class: "label" }, "With every picture"), h("p", { class: "hint" }, "Attributes become filters: colour, category, price."), pairs, h("p", {}, more))),
      h("section", { "aria-label": "Pictures to add" }, zone, head, list))));
  addPair();

  const { signal } = context;
  acceptDrops(document.body, take, { signal });
  acceptPastes(take, { signal });

  function fillPick() {
    const names = context.collections().map((one) => one.name);
    const current = context.collection();
    replace(pick, names.length ? names.map((one) => h("option", { value: one, selected: one === current }, one)) : h("option", { value: "" }, "None yet"));
    pick.disabled = !names.length;
  }

  async function take(files) {
    const collection = context.collection();
    if (!collection || !context.collections().some((one) => one.name === collection)) {
      toast("Choose a collection first, or make one.", { kind: "problem" });
      name.focus();
      return;
    }
    const common = attributes();
    for (const file of files) {
      const row = { file, collection, attributes: common, id: idOf(file), status: "waiting" };
      row.state = h("span", { class: "add-state" }, "Waiting");
      row.why = h("span", { class: "add-why" });
      row.element = h("li", { class: "add-row" }, preview(file), h("div", {}, h("div", {}, file.name), row.why), row.state);
      rows.push(row);
      list.append(row.element);
    }
    tell();
    if (!running) await send();
  }

  async function send() {
    running = true;
    try {
      for (let batch = next(); batch.length && !signal.aborted; batch = next()) await sendBatch(batch);
    } finally {
      running = false;
    }
    if (signal.aborted) return;
    await context.refresh().catch(() => {}); // counts only
    tell();
  }

  /** Some waiting pictures that are sent together, all for one collection. */
  function next() {
    const batch = [];
    let bytes = 0;
    for (const row of rows) {
      if (row.status !== "waiting") continue;
      if (batch.length && (row.collection !== batch[0].collection || bytes + row.file.size > BATCH_BYTES)) break;
      batch.push(row);
      bytes += row.file.size;
      if (batch.length === BATCH_ITEMS) break;
    }
    return batch;
  }

  async function sendBatch(batch) {
    const ready = [];
    for (const row of batch) {
      mark(row, "sending", "Sending");
      try {
        ready.push({ row, item: { id: row.id, title: titleOf(row.file), attributes: row.attributes, image: await dataUri(row.file) } });
      } catch (error) {
        mark(row, "failed", "Failed", `${error.message}.`);
      }
    }
    if (!ready.length) return;
    try {
      const answer = await post(collectionPath(ready[0].row.collection, "/items"), ready.map((one) => one.item), { signal });
      for (const outcome of answer.items) {
        const { row } = ready[outcome.index];
        if (outcome.stored) mark(row, outcome.status, STORED[outcome.status]);
        else mark(row, "failed", "Failed", reason(outcome.error?.detail));
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      for (const { row } of ready) mark(row, "failed", "Failed", words(error));
    }
    tell();
  }

  function mark(row, status, text, why = "") {
    row.status = status;
    const done = !["waiting", "sending"].includes(status);
    const bad = status === "failed";
    row.state.className = `add-state${bad ? " bad" : done ? " good" : ""}`;
    replace(row.state, done && icon(bad ? "warning" : "check"), done && !bad ? h("a", { href: href("item", { c: row.collection, id: row.id }) }, text) : text);
    replace(row.why, why);
    if (bad) list.prepend(row.element); // what needs a look comes first
  }

  function tell() {
    const done = rows.filter((row) => !["waiting", "sending"].includes(row.status)).length;
    const failed = rows.filter((row) => row.status === "failed").length;
    head.hidden = !rows.length;
    bar.style.width = `${rows.length ? (100 * done) / rows.length : 0}%`;
    progress.setAttribute("aria-valuemax", String(rows.length));
    progress.setAttribute("aria-valuenow", String(done));
    const parts = [done < rows.length ? `${done} of ${rows.length} done` : `${done - failed} of ${rows.length} added`, failed && `${failed} failed, see why below`].filter(Boolean);
    replace(said, parts.join(", "), ". ", done === rows.length && done > failed && h("a", { href: href("search", { c: context.collection() }) }, "See the collection"));
  }

  function update() {
    fillPick();
  }

  const leaving = (event) => {
    if (running) event.preventDefault(); // the browser asks whether to leave
  };
  window.addEventListener("beforeunload", leaving, { signal });

  if (!route().params.get("c") && context.collection()) change({ c: context.collection() }, { replace: true });
  return { update, unmount() {
    const left = rows.filter((row) => row.status === "waiting").length;
    if (left) toast(`${left} pictures were not sent, because you left.`, { kind: "problem" });
    for (const row of rows) row.element.querySelector("img")?.src && URL.revokeObjectURL(row.element.querySelector("img").src);
  } };
}

const STORED = { added: "Added", updated: "Replaced", unchanged: "Was there" };

/** What failed is said of a picture; the id that the service names stands beside it already. */
function reason(detail) {
  const text = detail ?? "the service didn't say why";
  return text.charAt(0).toUpperCase() + text.slice(1) + ".";
}

function preview(file) {
  const image = h("img", { alt: "", src: URL.createObjectURL(file) });
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "add-none" }, icon("picture"))));
  return image;
}

/** The file's name, with the folders on the way where a folder was given. Pasted pictures have no name of their own. */
function idOf(file) {
  if (!file.name || file.name === "image.png") return `pasted-${Date.now().toString(36)}-${file.size.toString(36)}`;
  return file.webkitRelativePath || file.name;
}

function titleOf(file) {
  return file.name.replace(/\.[^.]+$/, "").replace(/[-_]+/g, " ").trim() || null;
}
