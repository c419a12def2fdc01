// Prometheus's text format, read far enough for charts: counters, gauges and histograms. Pure.

/** The samples of a scrape: a Map from a name to a list of `{ labels, value }`. */
export function parse(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z_:][\w:]*)(\{.*\})? (\S+)/.exec(line);
    if (!found) continue; // comments, empty lines
    const [, name, labels, value] = found;
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels: parseLabels(labels ?? ""), value: number(value) });
  }
  return samples;
}

function number(text) {
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

function parseLabels(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
  }
  return labels;
}

/** The sum of a metric's samples that `match` lets pass; null if there are none. */
export function total(samples, name, match = () => true) {
  const chosen = (samples.get(name) ?? []).filter(({ labels }) => match(labels));
  return chosen.length ? chosen.reduce((sum, { value }) => sum + value, 0) : null;
}

/** A histogram's cumulative counts, summed over what `match` lets pass: a sorted list of `[bound, count]`. */
export function histogram(samples, name, match = () => true) {
  const buckets = new Map();
  for (const { labels, value } of samples.get(`${name}_bucket`) ?? []) {
    if (!match(labels)) continue;
    const bound = number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return [...buckets].sort(([a], [b]) => a - b);
}

/** What came into a histogram between two scrapes. A series that is new since then began at nothing. */
export function since(before, after) {
  const known = new Map(before);
  return after.map(([bound, count]) => [bound, Math.max(0, count - (known.get(bound) ?? 0))]);
}

/**
 * The quantile `q` of a histogram: by straight lines within its buckets, as Prometheus's histogram_quantile. What
 * lies beyond the last bound counts as that bound. null if nothing was observed.
 */
export function quantile(q, buckets) {
  const count = buckets.at(-1)?.[1] ?? 0;
  if (!count) return null;
  const rank = q * count;
  let [low, below] = [0, 0];
  for (const [bound, upTo] of buckets) {
    if (upTo >= rank && upTo > below) {
      return bound === Infinity ? low : low + (bound - low) * ((rank - below) / (upTo - below));
    }
    [low, below] = [bound, upTo];
  }
  return low;
}
