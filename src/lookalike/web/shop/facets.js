// The filters at the side: values with counts, ranges for numbers.

import { collectionPath, post } from "../api.js";
import { h, replace, uid } from "../dom.js";
import { valueText } from "../elements/card.js";
import { filterOf } from "./query.js";

const SHOWN = 8;
const MOST = 60;

/** A name of an attribute, as a heading. */
export function nameText(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Counts for a state: `{ attribute: [{ value, count }] }`. An attribute with chosen values is counted as if
 * they were not chosen, so that others can be added to them.
 */
export async function count(collection, state, signal) {
  const ask = (fields, filter) =>
    post(collectionPath(collection, "/facets"), { ...(fields && { fields }), ...(filter && { filter }), limit: MOST }, { signal });
  const chosen = Object.keys(state.values);
  const [all, ...own] = await Promise.all([
    ask(null, filterOf(state)),
    ...chosen.map((name) => ask([name], filterOf(state, name)).catch((error) => {
      if (error.code === "facet_unavailable") return { facets: {} };
      throw error;
    })),
  ]);
  return Object.assign({}, all.facets, ...own.map((one) => one.facets));
}

/** `{ element, show(counts, state, kinds) }`. `change` as for the search box. */
export function filters(change) {
  const element = h("div", { class: "filters" });
  const open = new Set(); // attributes of which all values are shown

  function show(counts, state, kinds) {
    const focused = document.activeElement?.dataset?.choice; // drawing anew must not lose the focus
    const groups = [];
    for (const [name, values] of Object.entries(counts)) {
      const chosen = state.values[name] ?? [];
      if (!chosen.length && !tells(values, kinds[name])) continue;
      groups.push(valuesOf(name, values, chosen, state));
    }
    for (const [name, kind] of Object.entries(kinds)) {
      if (kind === "float" || kind === "integer") groups.push(rangeOf(name, state.ranges[name] ?? {}));
    }
    replace(element, groups.length ? groups : h("p", { class: "hint" }, "These items have nothing to filter by."));
    if (focused) element.querySelector(`[data-choice="${CSS.escape(focused)}"]`)?.focus();
  }

  function valuesOf(name, values, chosen, state) {
    // what was chosen stays, even where nothing is left of it
    const gone = chosen.filter((value) => !values.some((one) => one.value === value)).map((value) => ({ value, count: 0 }));
    const all = [...values, ...gone];
    const shown = open.has(name) ? all : all.filter((one, at) => at < SHOWN || chosen.includes(one.value));
    return h("fieldset", { class: "facet" }, h("legend", {}, nameText(name)),
      h("ul", {}, shown.map(({ value, count: items }) => {
        const choice = `${name}=${value}`;
        return h("li", {}, h("label", { class: "facet-value" },
          h("input", { type: "checkbox", checked: chosen.includes(value), data: { choice }, on: { change: (event) => {
            const next = event.target.checked ? [...chosen, value] : chosen.filter((one) => one !== value);
            change({ [`f.${name}`]: next.map(String) });
          } } }),
          h("span", { class: "facet-name" }, valueText(value)),
          h("span", { class: "facet-count" }, items.toLocaleString("en"), h("span", { class: "visually-hidden" }, items === 1 ? " item" : " items"))));
      })),
      all.length > SHOWN && h("button", { type: "button", class: "button quiet small", data: { choice: `${name}…` }, "aria-expanded": String(open.has(name)), on: { click: () => {
        if (!open.delete(name)) open.add(name);
        again();
      } } }, open.has(name) ? "Show fewer" : `Show all ${all.length}${values.length >= MOST ? "+" : ""}`));

    function again() {
      last.length && show(...last);
    }
  }

  function rangeOf(name, range) {
    const id = uid("range");
    const bound = (key, label, at) => [
      h("label", { for: id + key, class: "visually-hidden" }, `${nameText(name)}, ${label}`),
      h("input", { class: "field", id: id + key, type: "number", step: "any", placeholder: label, value: range[at] ?? null, data: { choice: `${key}${name}` },
        on: { change: (event) => change({ [`${key}.${name}`]: event.target.value || null }) } }),
    ];
    return h("fieldset", { class: "facet" }, h("legend", {}, nameText(name)),
      h("div", { class: "facet-range" }, bound("ge", "from", "gte"), bound("le", "to", "lte")));
  }

  let last = [];
  return {
    element,
    show(...given) {
      last = given;
      show(...given);
    },
  };
}

/** Whether a choice among these values says anything: not where each item has its own. */
function tells(values, kind) {
  if (values.length < 2 || kind === "float") return false;
  if (kind === "integer" && values.length > SHOWN) return false; // a range says it better
  return values[0].count > 1;
}
