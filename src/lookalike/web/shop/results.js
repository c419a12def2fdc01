// The grid of results, page by page as one scrolls.

import { call, collectionPath, words } from "../api.js";
import { h, replace } from "../dom.js";
import { card, titleOf } from "../elements/card.js";
import { icon } from "../icons.js";
import { asks, DEEPEST, PAGE, requestOf } from "./query.js";

/** What was shown last and how far it was scrolled, for who comes back to it from an item's page. */
let left = null; // { asked, hits, offset, after, ended, scroll, when }
const FRESH = 5 * 60_000; // milliseconds

/**
 * `{ element, show(asked, collection, state, uri), restored(), stop() }`. `choose(id, kind, on)` is called when
 * an item is liked or disliked; `know(item)` with every item that is shown. `asked` tells one search from
 * another. `restored` scrolls to where this search was left, and says whether it was.
 */
export function results({ choose, know }) {
  const list = h("ul", { class: "grid", "aria-label": "Results" });
  const said = h("p", { class: "results-said", role: "status" });
  const more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => next(true) } }, "Show more");
  const trouble = h("div", {});
  const foot = h("div", { class: "results-foot" }, more);
  const element = h("section", { class: "results", "aria-label": "Results" }, said, trouble, list, foot);

  let run = null; // { asked, collection, state, uri, hits, seen, offset, after, ended, busy, abort }

  const near = new IntersectionObserver((entries) => {
    if (entries.some((one) => one.isIntersecting)) next(false);
  }, { rootMargin: "900px" });
  near.observe(foot);

  async function show(asked, collection, state, uri) {
    run?.abort.abort();
    run = { asked, collection, state, uri, hits: [], seen: new Set(), offset: 0, after: null, ended: false, busy: false, abort: new AbortController() };
    more.hidden = true;
    if (left?.asked === asked && Date.now() - left.when < FRESH) {
      Object.assign(run, { offset: left.offset, after: left.after, ended: left.ended });
      replace(list, left.hits.map((hit) => taken(run, hit)));
      more.hidden = run.ended;
      say(run);
      return;
    }
    element.setAttribute("aria-busy", "true");
    await next(false, true);
  }

  /** The element of a hit that is new in this run. */
  function taken(mine, hit) {
    mine.hits.push(hit);
    mine.seen.add(hit.id);
    return made(mine, hit);
  }

  async function next(focus, first = false) {
    const mine = run;
    if (!mine || mine.busy || mine.ended || (!first && mine.offset === 0)) return;
    mine.busy = true;
    try {
      const { route, body } = requestOf(mine.state, mine.uri, mine);
      const answer = await call(body ? "POST" : "GET", collectionPath(mine.collection, `/${route}`), { body, signal: mine.abort.signal });
      const hits = answer.hits ?? answer.items.map((item) => ({ id: item.id, item }));
      if (mine !== run) return;
      if (first) replace(list, []);
      replace(trouble);
      // something may have been stored between two pages, which moves the rest by one
      const cards = hits.filter((hit) => !mine.seen.has(hit.id)).map((hit) => taken(mine, hit));
      list.append(...cards);
      mine.offset += PAGE;
      mine.after = answer.next ?? null;
      mine.ended = body ? hits.length < PAGE || mine.offset + PAGE > DEEPEST : mine.after === null;
      more.hidden = mine.ended;
      say(mine);
      if (focus) cards[0]?.querySelector("a")?.focus();
    } catch (error) {
      if (error.name === "AbortError" || mine !== run) return;
      if (first) replace(list, []);
      said.textContent = "";
      more.hidden = true;
      mine.ended = true;
      replace(trouble, h("div", { class: "problem", role: "alert" }, icon("warning"), h("p", {}, words(error)),
        h("button", { type: "button", class: "button small", on: { click: () => {
          mine.ended = false;
          replace(trouble);
          next(false, mine.offset === 0);
        } } }, "Try again")));
    } finally {
      mine.busy = false;
      if (mine === run) element.removeAttribute("aria-busy");
    }
    // a tall window may not be full yet, and the observer speaks only of changes
    if (mine === run && !mine.ended) {
      near.unobserve(foot);
      near.observe(foot);
    }
  }

  function say({ seen, ended, state }) {
    const count = seen.size;
    if (count === 0) {
      said.textContent = "Nothing was found. Take a filter away, or ask for something else.";
      return;
    }
    const what = state.like.length ? "recommended for you" : asks(state) ? (count === 1 ? "result" : "results") : "from the catalogue";
    said.textContent = state.like.length || !asks(state)
      ? `${count} ${count === 1 ? "item" : "items"} ${what}${ended ? "" : ", and more below"}`
      : `${count} ${what}${ended ? "" : ", and more below"}, the best first`;
  }

  function made({ collection, state }, hit) {
    const { item } = hit;
    know(item);
    const button = (kind, sign, label) => h("button", {
      type: "button", class: "button", "aria-label": `${label} “${titleOf(item)}”`, title: `${label} this`, data: { kind },
      "aria-pressed": String(state[kind].includes(item.id)),
      on: { click: (event) => choose(item.id, kind, event.currentTarget.getAttribute("aria-pressed") !== "true") },
    }, icon(sign));
    return h("li", {}, card(collection, item, {
      score: asks(state) ? hit.score : null,
      actions: [button("like", "more", "More like"), button("dislike", "less", "Less like")],
    }));
  }

  return {
    element,
    show,
    restored() {
      if (!run || left?.asked !== run.asked || run.offset === 0) return false;
      window.scrollTo(0, left.scroll);
      return true;
    },
    stop() {
      const { asked, hits, offset, after, ended } = run ?? { offset: 0 };
      left = offset > 0 ? { asked, hits, offset, after, ended, scroll: window.scrollY, when: Date.now() } : null;
      run?.abort.abort();
      run = null;
      near.disconnect();
    },
  };
}
