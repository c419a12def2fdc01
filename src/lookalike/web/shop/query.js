// What the person asks for: from the address to the body of a request. Pure functions.

export const PAGE = 24;
/** The service pages no further (`offset` plus `limit`). */
export const DEEPEST = 10_000;
const PUSH = -0.6; // a full -1 throws away too much of what is wanted
const VARIED = 0.5;
/** Asked where there are only things to push away. */
const ANYTHING = "a photo of a product";

/**
 * The state in the address. `kinds`: the collection's attributes and their kinds, which say what is a number.
 *
 * q: words; not: words to push away; picture: the id of a picture of this session; balance: 0 (only words) to
 * 100 (only the picture); target; varied; like, dislike: ids; values: attribute to chosen values; ranges:
 * attribute to { gte, lte }.
 */
export function read(params, kinds = {}) {
  const values = {};
  const ranges = {};
  for (const [name, value] of params) {
    const attribute = name.slice(2);
    if (name.startsWith("f.")) (values[attribute] ??= []).push(typed(value, kinds[attribute]));
    const bound = name.startsWith("ge.") ? "gte" : name.startsWith("le.") ? "lte" : null;
    if (bound && value !== "" && Number.isFinite(Number(value))) {
      (ranges[name.slice(3)] ??= {})[bound] = Number(value);
    }
  }
  const balance = Number(params.get("balance") ?? 50);
  return {
    q: (params.get("q") ?? "").trim(),
    not: params.getAll("not").map((one) => one.trim()).filter(Boolean),
    picture: params.get("picture"),
    balance: balance >= 0 && balance <= 100 ? balance : 50,
    target: ["text", "hybrid"].includes(params.get("target")) ? params.get("target") : "image",
    varied: params.get("varied") === "1",
    like: params.getAll("like").filter(Boolean),
    dislike: params.getAll("dislike").filter(Boolean),
    values,
    ranges,
  };
}

function typed(text, kind) {
  if (kind === "integer" || kind === "float") return Number(text);
  if (kind === "bool") return text === "true";
  return text;
}

/** Whether anything is asked for but filters. */
export function asks(state) {
  return Boolean(state.q || state.picture || state.not.length || state.like.length || state.dislike.length);
}

/** The filter, as the service takes it; null for none. `without`: an attribute that is left out. */
export function filterOf(state, without = null) {
  const all = [];
  const under = (attribute, condition) => all.push(plain(attribute, condition));
  for (const [attribute, values] of Object.entries(state.values)) {
    if (attribute !== without) under(attribute, values.length === 1 ? values[0] : values);
  }
  for (const [attribute, range] of Object.entries(state.ranges)) {
    if (attribute !== without) under(attribute, range);
  }
  return all.length ? { and: all } : null;
}

/** `attributes` sets a name apart from the filter's own words, such as "and". */
function plain(attribute, condition) {
  return ["and", "or", "not", "attributes"].includes(attribute)
    ? { attributes: { [attribute]: condition } }
    : { [attribute]: condition };
}

/**
 * `{ route, body }` of a page of results, without a body where it is to be got. `uri`: the picture of the state
 * as a data URI, or null. `at`: `{ offset, after }`, where the page begins.
 * Likes go to `recommend`; all else, dislikes without a like among it, to `search`. Where nothing is asked the
 * items are listed: a catalogue shows its goods before anybody asks.
 */
export function requestOf(state, uri, { offset, after }) {
  const filter = filterOf(state);
  if (!asks(state)) {
    const asked = new URLSearchParams({ full: "true", limit: PAGE });
    if (filter) asked.set("filter", JSON.stringify(filter));
    if (after) asked.set("after", after);
    return { route: `items?${asked}` };
  }
  const page = { limit: PAGE, offset, ...(filter && { filter }) };
  if (state.like.length) {
    const target = state.target === "text" ? "text" : "image";
    return { route: "recommend", body: { positive: state.like, negative: state.dislike, target, ...page } };
  }
  return {
    route: "search",
    body: {
      query: parts(state, uri),
      target: state.target,
      diversity: state.varied ? VARIED : 0,
      ...page,
    },
  };
}

function parts(state, uri) {
  const found = [];
  const both = state.q && uri;
  const picture = both ? state.balance / 50 : 1;
  const text = both ? 2 - picture : 1;
  if (state.q && text > 0) found.push({ text: state.q, weight: text });
  if (uri && picture > 0) found.push({ image: uri, weight: picture });
  if (!found.length) found.push({ text: ANYTHING });
  for (const one of state.not) found.push({ text: one, weight: PUSH });
  for (const id of state.dislike) found.push({ item: id, weight: PUSH });
  return found;
}
