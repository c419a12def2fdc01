// The state of the page is its address: `#/view?name=value&name=value`. It stands behind the `#`, so that
// what people look for is in no server's log.

const listeners = new Set();

/** Where we are: `{ view, params }`, with `params` a URLSearchParams of its own. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view: path || "search", params: new URLSearchParams(query) };
}

/** The address of a view. `params`: URLSearchParams, or an object; lists repeat, empty values are left out. */
export function href(view, params = {}) {
  const query = params instanceof URLSearchParams ? params : search(params);
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

function search(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined && one !== "" && one !== false) query.append(name, String(one));
    }
  }
  return query;
}

/** Go there. With `replace`, the back button passes over where we were. */
export function go(view, params = {}, { replace = false } = {}) {
  const to = href(view, params);
  if (to === location.hash) {
    tell(); // the address can't say all: a picture that was missing may be here now
    return;
  }
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  tell();
}

/** Change some parameters of where we are. `null` removes one. */
export function change(changes, { replace = false } = {}) {
  const { view, params } = route();
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined && one !== "" && one !== false) params.append(name, String(one));
    }
  }
  go(view, params, { replace });
}

/** Call `listener(route)` at every change of the address, the back button's among them. */
export function onRoute(listener) {
  listeners.add(listener);
}

function tell() {
  for (const listener of listeners) listener(route());
}

window.addEventListener("popstate", tell);
