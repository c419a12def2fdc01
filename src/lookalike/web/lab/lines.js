// Small live charts: lines over time, drawn as SVG, and said in words.

import { h, replace, svg } from "../dom.js";
import { chart } from "../elements/chart.js";

const WIDTH = 300;
const HEIGHT = 100;
const NONE = "nothing yet";

/**
 * A chart of some lines. `names`: of the lines; `format(value)`: a value in words. Returns `{ element, draw(rows,
 * seconds) }`: `rows` is a list over time of one value (or null) for each line, `seconds` how long it spans, and
 * `most` how many rows the chart is wide.
 */
export function lineChart(title, names, { hint = null, format = String, most = 90 } = {}) {
  const { element, body, say } = chart(title, { hint });
  const top = h("span", { class: "lines-top" });
  const plot = svg("svg", { class: "lines", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  const latest = names.map(() => h("b", { class: "lines-value" }));
  const legend = h("div", { class: "lines-legend" }, names.map((name, at) => h("span", { class: `lines-name line-${at + 1}` },
    svg("svg", { class: "lines-key", viewBox: "0 0 24 6", "aria-hidden": "true" }, svg("line", { class: `line line-${at + 1}`, x1: 0, x2: 24, y1: 3, y2: 3 })),
    name, " ", latest[at])));
  body.append(legend, h("div", { class: "lines-plot" }, top, plot));
  return {
    element,
    draw(rows, seconds) {
      const values = rows.flat().filter((value) => value !== null);
      const ceiling = ceilingOf(Math.max(0, ...values));
      const last = rows.at(-1) ?? [];
      top.textContent = values.length ? format(ceiling) : "";
      names.forEach((_, at) => {
        latest[at].textContent = last[at] === null || last[at] === undefined ? "–" : format(last[at]);
      });
      replace(plot,
        svg("line", { class: "lines-floor", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
        names.map((_, at) => pieces(rows, at).map((piece) =>
          svg("polyline", { class: `line line-${at + 1}`, points: piece.map(([x, y]) => place(x, y, ceiling, rows.length, most)).join(" ") }))));
      say(inWords(names, rows, seconds, format));
    },
  };
}

/** A line's unbroken pieces, each a list of `[row, value]`; one alone is drawn as a short dash. */
function pieces(rows, at) {
  const found = [];
  let open = null;
  rows.forEach((row, x) => {
    const value = row[at];
    if (value === null || value === undefined) {
      open = null;
      return;
    }
    if (!open) found.push(open = [[x - 0.4, value]]);
    open.push([x, value]);
  });
  return found;
}

function place(x, value, ceiling, count, most) {
  const left = WIDTH - ((count - 1 - x) / (most - 1)) * WIDTH; // the newest at the right edge
  return `${left.toFixed(1)},${(HEIGHT - 2 - (value / ceiling) * (HEIGHT - 6)).toFixed(1)}`;
}

/** The next round number: 1, 2 or 5 times a power of ten. */
export function ceilingOf(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= value * 0.9999) ?? 10 * power;
}

function inWords(names, rows, seconds, format) {
  const said = names.map((name, at) => {
    const own = rows.map((row) => row[at]).filter((value) => value !== null && value !== undefined);
    if (!own.length) return `${name}: ${NONE}`;
    const now = rows.at(-1)[at];
    return `${name}: ${now === null ? "none now" : `${format(now)} now`}, at most ${format(Math.max(...own))}`;
  });
  return `${said.join("; ")}${seconds ? ` (${Math.round(seconds)} s)` : ""}.`;
}
