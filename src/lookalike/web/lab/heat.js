// A heat map that is a table: coloured cells with their numbers in them.

import { h } from "../dom.js";

/**
 * `rows`, `columns`: nodes or text for the heads. `values[row][column]`: numbers, or null where there is none.
 * `format(value)`: a cell's text. `low`, `high`: what has no colour and what has the most; by default the least and
 * the greatest value. The greatest of each row is marked, and said to be so.
 */
export function heatTable(caption, { rows, columns, values, format, low = null, high = null, mark = true }) {
  const all = values.flat().filter((value) => value !== null);
  const [least, most] = [low ?? Math.min(...all), high ?? Math.max(...all)];
  const share = (value) => (most > least ? Math.max(0, Math.min(1, (value - least) / (most - least))) : 0);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "heat" },
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, h("td", {}), columns.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, values.map((row, at) => {
        const known = row.filter((value) => value !== null);
        const best = mark && known.length > 1 ? Math.max(...known) : null;
        return h("tr", {}, h("th", { scope: "row" }, rows[at]), row.map((value) => cell(value, best, share, format)));
      }))));
}

function cell(value, best, share, format) {
  if (value === null) return h("td", { class: "heat-none" }, "–");
  const is = value === best;
  // how much of the colour: a custom property, for the style sheet mixes it so that the text stays readable
  return h("td", { class: is ? "heat-cell best" : "heat-cell", style: { "--heat": `${Math.round(share(value) * 100)}%` } },
    format(value), is && h("span", { class: "visually-hidden" }, " (highest of its row)"));
}

/** The scale's two ends and what lies between them. */
export function heatScale(low, high) {
  return h("p", { class: "heat-scale" }, h("span", {}, low), h("span", { class: "heat-ramp", "aria-hidden": "true" }), h("span", {}, high));
}
