// Facts of the service as people read them.

import { h } from "../dom.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 67108864 as "64 MiB". */
export function bytes(count) {
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 })} ${UNITS[unit]}`;
}

/** Seconds as "1.2 ms" or "3.4 s". */
export function duration(seconds) {
  if (seconds < 1) return `${(seconds * 1e3).toLocaleString("en", { maximumFractionDigits: seconds < 0.01 ? 1 : 0 })} ms`;
  return `${seconds.toLocaleString("en", { maximumFractionDigits: 1 })} s`;
}

export function plain(value) {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** A list of names and values. Values that are no nodes become text; of objects, each entry becomes a row. */
export function factList(facts) {
  return h("dl", { class: "op-facts" }, rows(facts).map(([name, value]) => h("div", { class: "op-fact" }, h("dt", {}, name), h("dd", {}, value))));
}

function rows(facts, stem = "") {
  return Object.entries(facts).flatMap(([name, value]) => {
    const full = (stem + name).replaceAll("_", " ");
    if (value instanceof Node) return [[full, value]];
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return rows(value, `${full}: `);
    return [[full, inWords(name, value)]];
  });
}

function inWords(name, value) {
  if (value === null || value === undefined) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (Array.isArray(value)) return value.length ? value.map((one) => inWords("", one)).join(", ") : "none";
  if (typeof value !== "number") return String(value);
  if (/bytes$/.test(name)) return bytes(value);
  if (/seconds$/.test(name)) return duration(value);
  return value.toLocaleString("en", { maximumFractionDigits: 8 });
}
