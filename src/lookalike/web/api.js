// The service, by its public HTTP API and nothing else: the key, the errors, the pictures.

const KEY = "lookalike.key";

/** What the service refused or could not do. `message` is for people, `code`, `status` and `facts` for us. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", facts = {}, retryAfter = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.facts = facts;
    this.retryAfter = retryAfter;
  }
}

let askForKey = async () => null;
let asking = null;
let kept = null;

/** `ask(refused)` shows the dialog and resolves to a key, or null if the person won't give one. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/** The key of this session, or null. */
export function key() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return kept;
  }
}

export function setKey(value) {
  kept = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // storage is off: the key lasts as long as the page
  }
  for (const url of pictures.values()) url.then((one) => one && URL.revokeObjectURL(one)).catch(() => {});
  pictures.clear();
}

/**
 * Ask the service. `body`: an object, sent as JSON. Resolves to the parsed answer (null if it has none; text
 * with `as: "text"`, a Blob with `as: "blob"`). Rejects with ApiError, or AbortError by `signal`.
 * Without a valid key the person is asked for one, once for all requests that wait, and the request repeated.
 */
export async function call(method, path, { body, signal, as = "json", accept401 = false } = {}) {
  for (;;) {
    const used = key();
    const response = await send(method, path, { body, signal, used });
    if (response.status === 401 && !accept401) {
      if (await freshKey(used)) continue;
    }
    if (!response.ok) throw await problem(response);
    if (response.status === 204) return null;
    return as === "text" ? response.text() : as === "blob" ? response.blob() : response.json();
  }
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { ...options, body });
export const put = (path, body, options) => call("PUT", path, { ...options, body });

async function send(method, path, { body, signal, used }) {
  const headers = {};
  if (used) headers["authorization"] = `Bearer ${used}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(path, {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The service can't be reached. Is it running?", { code: "unreachable" });
  }
}

/** Whether there is now another key than `used`: the person gave one, or had given it to another request. */
async function freshKey(used) {
  if (key() !== used && key() !== null) return true;
  asking ??= askForKey(used !== null).finally(() => {
    asking = null;
  });
  const given = await asking;
  if (given) setKey(given);
  return Boolean(given);
}

const WORDS = {
  unauthorized: () => "An API key is needed for this, and none that is valid was given.",
  forbidden: () => "Your API key may only read. Changing the catalogue needs a key that may write.",
  overloaded: ({ retryAfter }) =>
    `The service is busy. Try again${retryAfter ? ` in ${retryAfter} s` : " in a moment"}.`,
  not_ready: ({ detail }) => `The model isn't ready yet: ${detail}.`,
  stopping: () => "The service is being stopped.",
  deadline_passed: () => "The service didn't finish in time. Try again in a moment.",
  collection_missing: ({ name }) => `There is no collection called “${name}”.`,
  host_refused: ({ detail }) => `The service doesn't answer under this address: ${detail}.`,
};

async function problem(response) {
  let document = {};
  try {
    document = await response.json();
  } catch {
    // no problem document: a proxy's answer, perhaps
  }
  const { detail, code = "", title, ...facts } = document;
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  const said = typeof detail === "string" && detail ? detail : title;
  const words =
    WORDS[code]?.({ ...facts, detail: said, retryAfter }) ??
    (said ? sentence(said) : `The service answered ${response.status} ${response.statusText}.`);
  return new ApiError(words, { status: response.status, code, facts, retryAfter });
}

/** Capital first, full stop last. */
export function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

/** Any error, in words. */
export function words(error) {
  if (error instanceof ApiError) return error.message;
  return `Something went wrong in the page: ${error?.message ?? error}`;
}

// Paths

export const collectionPath = (name, rest = "") => `/collections/${encodeURIComponent(name)}${rest}`;
export const itemPath = (name, id, rest = "") =>
  collectionPath(name, `/items/${encodeURIComponent(id)}${rest}`);

// Pictures

const pictures = new Map();
const MOST_PICTURES = 600;

/**
 * An address for an <img> with an item's thumbnail; null if the item has none. Where there is a key, an <img>
 * can't send it, so the picture is fetched here and kept.
 */
export function thumbnail(collection, id) {
  const path = itemPath(collection, id, "/image");
  if (!key()) return Promise.resolve(path);
  const known = pictures.get(path);
  if (known) return known;
  const found = call("GET", path, { as: "blob" })
    .then((blob) => URL.createObjectURL(blob))
    .catch((error) => {
      pictures.delete(path);
      if (error.status === 404) return null;
      throw error;
    });
  pictures.set(path, found);
  if (pictures.size > MOST_PICTURES) {
    const [oldest, url] = pictures.entries().next().value;
    pictures.delete(oldest);
    url.then((one) => one && URL.revokeObjectURL(one)).catch(() => {});
  }
  return found;
}
