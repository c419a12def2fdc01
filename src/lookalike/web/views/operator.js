// The operator's page: what runs, how it fares, and what went wrong lately.

import { call, get, words } from "../api.js";
import { h, replace, uid } from "../dom.js";
import { bytes, duration, factList, plain } from "../lab/facts.js";
import { lineChart } from "../lab/lines.js";
import { histogram, parse, quantile, since, total } from "../lab/metrics.js";
import { change } from "../router.js";

export const title = "Operator";

const PACES = [["1", "every second"], ["2", "every 2 seconds"], ["10", "every 10 seconds"], ["0", "paused"]];
const DEFAULT_PACE = "2";
const MOST = 90;

/** Not what people ask for: this page's own requests, and those of whoever watches. */
const WATCHING = new Set(["/metrics", "/errors", "/healthz", "/readyz", "/health", "/info", "/", "/web/{path:path}"]);

const rate = (value) => `${plain(value)}/s`;
const byStatus = (first) => ({ route, status }) => !WATCHING.has(route) && first.includes(status[0]);
const asked = ({ route }) => !WATCHING.has(route);
const ofTower = (wanted) => ({ tower }) => tower === wanted;

/**
 * The charts: `row(now, before, seconds)` is what two scrapes say of the time between them; `before` is null at
 * the first.
 */
const CHARTS = [
  {
    title: "Requests", names: ["answered", "refused", "failed"], format: rate,
    row: (now, before, seconds) => ["23", "4", "5"].map((first) => perSecond("lookalike_requests_total", byStatus(first))(now, before, seconds)),
  },
  {
    title: "Latency", hint: "of requests", names: ["p50", "p99"], format: duration,
    row: (now, before) => quantiles("lookalike_request_seconds", asked)(now, before),
  },
  {
    title: "Queue", hint: "waiting for the model", names: ["pictures", "texts"], format: plain,
    row: (now) => ["image", "text"].map((tower) => total(now, "lookalike_queue_items", ofTower(tower))),
  },
  {
    title: "Inference", hint: "p50 of a batch", names: ["pictures", "texts"], format: duration,
    row: (now, before) => ["image", "text"].map((tower) => quantiles("lookalike_inference_seconds", ofTower(tower))(now, before)[0]),
  },
  {
    title: "Search", hint: "in the store", names: ["p50", "p99"], format: duration,
    row: (now, before) => quantiles("lookalike_search_seconds")(now, before),
  },
  {
    title: "Not done", hint: "pictures and texts", names: ["dropped", "rejected"], format: rate,
    row: (now, before, seconds) => [
      perSecond("lookalike_dropped_total")(now, before, seconds) ?? (before && 0),
      perSecond("lookalike_rejected_total")(now, before, seconds) ?? (before && 0),
    ],
  },
  {
    title: "Memory", hint: "of the service's process", names: ["resident"], format: bytes,
    row: (now) => [total(now, "lookalike_resident_bytes")],
  },
  {
    title: "In flight", names: ["requests"], format: plain,
    row: (now) => [total(now, "lookalike_requests_in_flight")],
  },
];

function perSecond(name, match) {
  return (now, before, seconds) => {
    if (!before) return null;
    const [later, earlier] = [total(now, name, match), total(before, name, match)];
    return later === null ? (name === "lookalike_requests_total" ? 0 : null) : Math.max(0, later - (earlier ?? 0)) / seconds;
  };
}

function quantiles(name, match) {
  return (now, before) => {
    if (!before) return [null, null];
    const between = since(histogram(before, name, match), histogram(now, name, match));
    return [quantile(0.5, between), quantile(0.99, between)];
  };
}

export function mount(root, { signal }) {
  const charts = CHARTS.map((one) => ({ ...one, rows: [], ...lineChart(one.title, one.names, { hint: one.hint, format: one.format, most: MOST }) }));
  const state = h("p", { class: "pill" }, "asking …");
  const trouble = h("p", { class: "problem", role: "alert", hidden: true });
  const about = h("div", {}, h("p", { class: "hint" }, "asking …"));
  const errors = h("div", {});
  const totals = h("div", { class: "totals" });
  const paceId = uid("pace");
  const pace = h("select", { class: "select", id: paceId, on: { change: () => change({ every: pace.value === DEFAULT_PACE ? null : pace.value }, { replace: true }) } },
    PACES.map(([value, label]) => h("option", { value }, label)));
  root.append(h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Operator"), state,
      h("div", { class: "beside push" }, h("label", { for: paceId }, "Refresh"), pace)),
    trouble,
    h("section", { "aria-labelledby": "op-now" }, h("h2", { id: "op-now", class: "section-title" }, "Now"),
      h("div", { class: "charts" }, charts.map((one) => one.element)), totals),
    h("section", { "aria-labelledby": "op-errors" }, h("h2", { id: "op-errors", class: "section-title" }, "Last errors"), errors),
    h("section", { "aria-labelledby": "op-model" }, h("h2", { id: "op-model", class: "section-title" }, "Model and limits"), about),
  ));

  let before = null; // { samples, at }
  let span = [];
  let timer = null;
  let every = null;

  async function scrape() {
    const [text, last, health] = await Promise.all([
      call("GET", "/metrics", { as: "text", signal }),
      get("/errors", { signal }),
      get("/healthz", { signal }).catch((error) => ({ status: "failed", reason: error.message })),
    ]);
    const [samples, at] = [parse(text), performance.now() / 1e3];
    // counters that went back are those of another process: the service was started anew
    const anew = before && (total(samples, "lookalike_requests_total") ?? 0) < (total(before.samples, "lookalike_requests_total") ?? 0);
    const earlier = anew ? null : before;
    span = [...span, at].slice(-MOST);
    for (const one of charts) {
      one.rows = [...one.rows, one.row(samples, earlier?.samples ?? null, earlier ? at - earlier.at : null)].slice(-MOST);
      one.draw(one.rows, span.at(-1) - span[0]);
    }
    before = { samples, at };
    showState(samples, health);
    showTotals(samples);
    showErrors(last.errors);
  }

  function showState(samples, health) {
    const ready = total(samples, "lookalike_ready") === 1;
    const good = ready && health.status === "alive";
    const restarts = health.restarts ? `, ${health.restarts} worker${health.restarts > 1 ? "s" : ""} replaced` : "";
    state.className = `pill ${good ? "good" : "bad"}`;
    const said = good ? `Ready${restarts}` : health.status === "alive" ? "Not ready" : `Failed: ${health.reason ?? "see the log"}`;
    if (state.textContent !== said) state.textContent = said;
  }

  function showTotals(samples) {
    const count = (name, match) => total(samples, name, match) ?? 0;
    const [hits, misses] = ["hit", "miss"].map((result) => count("lookalike_text_cache_total", (labels) => labels.result === result));
    replace(totals, factList({
      "Requests since the start": count("lookalike_requests_total", asked),
      "Dropped": dropped(samples),
      "Rejected (429)": count("lookalike_rejected_total"),
      "Workers that failed": count("lookalike_worker_failures_total"),
      "Texts from the cache": hits + misses ? `${Math.round((100 * hits) / (hits + misses))} % of ${(hits + misses).toLocaleString("en")}` : "none asked yet",
    }));
  }

  function dropped(samples) {
    const all = total(samples, "lookalike_dropped_total") ?? 0;
    if (!all) return "0";
    const reasons = new Map();
    for (const { labels, value } of samples.get("lookalike_dropped_total")) reasons.set(labels.reason, (reasons.get(labels.reason) ?? 0) + value);
    return `${plain(all)} (${[...reasons].filter(([, value]) => value).map(([reason, value]) => `${reason} ${plain(value)}`).join(", ")})`;
  }

  let shownErrors = null;

  function showErrors(found) {
    const key = found.length ? `${found[0].time} ${found[0].request_id} ${found.length}` : "none";
    if (key === shownErrors) return; // so that a person reading the table is not disturbed
    shownErrors = key;
    if (!found.length) {
      replace(errors, h("p", { class: "hint" }, "None since the service was started."));
      return;
    }
    const own = found.filter((one) => one.status >= 500 || one.status === 429 || one.status === 408).length;
    replace(errors,
      h("p", { class: "hint" }, `${own} of the service (5xx, 408, 429), ${found.length - own} of requests. The log has each under its request id.`),
      h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-labelledby": "op-errors" },
        h("table", { class: "table" },
          h("thead", {}, h("tr", {}, ["Time", "Status", "Code", "Route", "Request id"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, found.slice(0, 100).map((one) => h("tr", {},
            h("td", { class: "nowrap" }, h("time", { datetime: one.time }, new Date(one.time).toLocaleString())),
            h("td", {}, h("span", { class: one.status >= 500 ? "pill bad" : "pill" }, String(one.status))),
            h("td", { class: "nowrap" }, one.code ?? "–"),
            h("td", { class: "nowrap" }, h("code", {}, `${one.method} ${one.route}`)),
            h("td", {}, h("code", {}, one.request_id))))))));
  }

  async function showAbout() {
    const { card, limits, versions, fingerprint, collections, names, ...running } = await get("/info", { signal });
    replace(about, h("div", { class: "panels" },
      panel("Running", { ...running, fingerprint: h("code", {}, fingerprint), "also called": names, "has collections": collections, version: versions }),
      panel("Limits", limits),
      panel("Model card", card, "card-facts")));
  }

  async function tick() {
    clearTimeout(timer);
    try {
      if (!document.hidden) await scrape();
      trouble.hidden = true;
      if (about.querySelector("dl") === null) await showAbout();
    } catch (error) {
      if (error.name === "AbortError") return;
      before = null;
      trouble.hidden = false;
      if (trouble.textContent !== words(error)) trouble.textContent = words(error);
    }
    if (!signal.aborted && every > 0) timer = setTimeout(tick, every * 1e3);
  }

  return {
    update(params) {
      const given = params.get("every") ?? DEFAULT_PACE;
      const known = PACES.some(([value]) => value === given) ? given : DEFAULT_PACE;
      pace.value = known;
      const first = every === null;
      every = Number(known);
      if (first || every > 0) tick();
      else clearTimeout(timer);
    },
    unmount() {
      clearTimeout(timer);
    },
  };
}

function panel(name, facts, kind = "") {
  return h("section", { class: `panel ${kind}` }, h("h3", {}, name), factList(facts));
}
