// The canvas of a map and what is done with it: by mouse, finger and keyboard.

import { h, replace, uid } from "../dom.js";
import { icon } from "../icons.js";
import { Camera, draw, nearest, next, within } from "./plane.js";

const STEP = 1.4;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STYLES = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6", "surface", "ink", "line-strong", "accent", "focus"];
const MOVED = 5; // pixels from which a press is a drag
const SETTLED = 400;

/**
 * `element` holds it. What it is given: `onLook(text)` when another part is looked at, `onBox(box or null)` when a
 * rectangle was drawn, `onOpen(point)`, `onCluster(cluster)`, `pictureOf(point)` a node, `nameOf(point)` a cluster's
 * name.
 */
export class MapCanvas {
  #camera = new Camera();
  #points = [];
  #names = [];
  #chosen = null;
  #box = null;
  #drawing = null; // the rectangle while it is drawn
  #current = null;
  #selecting = true;
  #pointers = new Map();
  #frame = 0;
  #settle = 0;
  #asked = null;
  #given;
  #abort = new AbortController();

  constructor(given) {
    this.#given = given;
    const help = uid("map-help");
    this.canvas = h("canvas", { class: "map-canvas", tabindex: "0", role: "application", "aria-label": "Map of the collection", "aria-describedby": help });
    this.said = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this.bubble = h("div", { class: "map-bubble", hidden: true, "aria-hidden": "true" });
    this.selectButton = this.#tool("Select", () => this.#mode(true));
    this.moveButton = this.#tool("Move", () => this.#mode(false));
    const tools = h("div", { class: "map-tools", role: "group", "aria-label": "Map" }, this.selectButton, this.moveButton,
      this.#iconTool("Enlarge", "plus", () => this.#zoom(STEP)), this.#iconTool("Make smaller", "less", () => this.#zoom(1 / STEP)),
      this.#tool("Whole map", () => this.#reset()));
    this.element = h("div", { class: "map-window" }, tools, h("div", { class: "map-plane" }, this.canvas, this.bubble), this.said,
      h("p", { class: "hint map-help", id: help },
        "Drag to choose (with Move, or two fingers: to look around), scroll to enlarge. By keyboard: arrows go from item to item, plus and minus enlarge, 0 shows all, Enter opens the item, S chooses its cluster, Escape lets go."));
    this.#mode(true);
    this.#listen();
  }

  // What the view says

  /** Points `{ id, title, x, y, cluster }`, and what the clusters are called. */
  show(points, names) {
    this.#points = points;
    this.#current = null;
    this.#names = names.slice(0, 12).map(({ cluster, text }) => {
      const own = points.filter((point) => point.cluster === cluster);
      return { text: text.length > 24 ? `${text.slice(0, 23)}…` : text, at: middle(own) };
    });
    this.#hide();
    this.#paint();
  }

  /** Only these stand out; null: all. */
  choose(chosen, box) {
    this.#chosen = chosen;
    this.#box = box;
    this.#paint();
  }

  /** Look where the address says. */
  look(text) {
    if (text === this.#asked) return;
    this.#asked = text;
    const [x, y, zoom] = (text ?? "0,0,1").split(",").map(Number);
    if (![x, y, zoom].every(Number.isFinite) || zoom <= 0) return;
    Object.assign(this.#camera, { x, y, zoom });
    this.#paint();
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#settle);
    cancelAnimationFrame(this.#frame);
  }

  // Painting

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const { clientWidth: width, clientHeight: height } = this.canvas;
      if (!width || !height) return;
      const ratio = window.devicePixelRatio || 1;
      if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
        this.canvas.width = Math.round(width * ratio);
        this.canvas.height = Math.round(height * ratio);
      }
      Object.assign(this.#camera, { width, height });
      const context = this.canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const theme = getComputedStyle(this.canvas);
      const style = Object.fromEntries(STYLES.map((name) => [name, theme.getPropertyValue(`--${name}`).trim()]));
      draw(context, {
        points: this.#points, camera: this.#camera, style, chosen: this.#drawing ? new Set(within(this.#points, this.#drawing)) : this.#chosen,
        current: this.#current, box: this.#drawing ?? this.#box, names: this.#names,
      });
      this.#place();
    });
  }

  #moved() {
    this.#paint();
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      const { x, y, zoom } = this.#camera;
      const whole = Math.abs(x) < 1e-3 && Math.abs(y) < 1e-3 && Math.abs(zoom - 1) < 1e-3;
      this.#asked = whole ? null : `${x.toFixed(3)},${y.toFixed(3)},${zoom.toFixed(2)}`;
      this.#given.onLook(this.#asked);
    }, SETTLED);
  }

  #zoom(factor, left, top) {
    this.#camera.enlarge(factor, left, top);
    this.#moved();
  }

  #reset() {
    Object.assign(this.#camera, { x: 0, y: 0, zoom: 1 });
    this.#moved();
  }

  // The bubble with the picture

  #point(point, { say = false } = {}) {
    if (point === this.#current) return;
    this.#current = point;
    if (point) {
      replace(this.bubble, this.#given.pictureOf(point), h("b", {}, point.title || point.id), h("span", { class: "hint" }, this.#given.nameOf(point)));
      this.bubble.hidden = false;
      if (say) this.said.textContent = `${point.title || point.id}, ${this.#given.nameOf(point)}`;
    } else this.#hide();
    this.#paint();
  }

  #hide() {
    this.bubble.hidden = true;
  }

  #place() {
    if (!this.#current || this.bubble.hidden) return;
    const [x, y] = this.#camera.toScreen(this.#current);
    const { offsetWidth: width, offsetHeight: height } = this.bubble;
    const left = Math.max(4, Math.min(this.#camera.width - width - 4, x + 16));
    const above = y - height - 16;
    this.bubble.style.setProperty("left", `${left}px`);
    this.bubble.style.setProperty("top", `${above > 4 ? above : Math.min(y + 16, Math.max(4, this.#camera.height - height - 4))}px`);
  }

  // Tools

  #tool(text, action) {
    return h("button", { class: "button small", type: "button", on: { click: action } }, text);
  }

  #iconTool(text, name, action) {
    return h("button", { class: "button small icon-only", type: "button", "aria-label": text, on: { click: action } }, icon(name));
  }

  #mode(selecting) {
    this.#selecting = selecting;
    this.selectButton.setAttribute("aria-pressed", String(selecting));
    this.moveButton.setAttribute("aria-pressed", String(!selecting));
    this.canvas.classList.toggle("moving", !selecting);
  }

  // Mouse, finger, keyboard

  #listen() {
    const { signal } = this.#abort;
    const on = (name, listener, options = {}) => this.canvas.addEventListener(name, listener, { signal, ...options });
    on("wheel", (event) => {
      event.preventDefault();
      this.#zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...this.#at(event));
    }, { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#cancel(event));
    on("pointerleave", () => this.#pointers.size === 0 && this.#point(null));
    on("keydown", (event) => this.#key(event));
    on("blur", () => this.#point(null));
    const paint = () => this.#paint();
    const size = new ResizeObserver(paint);
    size.observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint, { signal });
    const theme = new MutationObserver(paint);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    signal.addEventListener("abort", () => [size, theme].forEach((one) => one.disconnect()));
  }

  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #down(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.#pointers.set(event.pointerId, { start: at, at, select: this.#selecting !== event.shiftKey, dragged: false });
    if (this.#pointers.size > 1) this.#drawing = null;
  }

  #move(event) {
    const pointer = this.#pointers.get(event.pointerId);
    const at = this.#at(event);
    if (!pointer) {
      this.#point(nearest(this.#points, this.#camera, ...at));
      return;
    }
    const before = pointer.at;
    const others = [...this.#pointers.values()].filter((one) => one !== pointer);
    pointer.at = at;
    pointer.dragged ||= distance(pointer.start, at) > MOVED;
    if (others.length) {
      const fixed = others[0].at;
      this.#camera.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
      this.#zoom(distance(at, fixed) / Math.max(1, distance(before, fixed)), (at[0] + fixed[0]) / 2, (at[1] + fixed[1]) / 2);
      others.forEach((one) => { one.dragged = true; });
    } else if (pointer.dragged && pointer.select && !pointer.pinched) {
      const [from, to] = [this.#camera.toMap(...pointer.start), this.#camera.toMap(...at)];
      this.#drawing = [from.x, from.y, to.x, to.y];
      this.#paint();
    } else if (pointer.dragged) {
      this.#camera.pan(at[0] - before[0], at[1] - before[1]);
      this.#moved();
    }
    if (others.length) [pointer, ...others].forEach((one) => { one.pinched = true; });
  }

  #up(event) {
    const pointer = this.#pointers.get(event.pointerId);
    this.#pointers.delete(event.pointerId);
    if (!pointer) return;
    const box = this.#drawing;
    this.#drawing = null;
    if (box && pointer.dragged) {
      this.#given.onBox(box);
      return;
    }
    if (pointer.dragged) return;
    const point = nearest(this.#points, this.#camera, ...pointer.at);
    // a finger has no hover: its first tap shows, its second opens
    if (point && (event.pointerType === "mouse" || point === this.#current)) this.#given.onOpen(point);
    else this.#point(point);
  }

  #cancel(event) {
    this.#pointers.delete(event.pointerId);
    this.#drawing = null;
    this.#paint();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = KEYS[event.key];
    if (direction && event.shiftKey) {
      this.#camera.pan(-direction[0] * 60, -direction[1] * 60);
      this.#moved();
    } else if (direction) this.#step(direction);
    else if (event.key === "+" || event.key === "=") this.#zoom(STEP);
    else if (event.key === "-") this.#zoom(1 / STEP);
    else if (event.key === "0") this.#reset();
    else if (event.key === "Enter" && this.#current) this.#given.onOpen(this.#current);
    else if (event.key.toLowerCase() === "s" && this.#current && this.#current.cluster !== null) this.#given.onCluster(this.#current.cluster);
    else if (event.key === "Escape") this.#given.onBox(null);
    else return;
    event.preventDefault();
  }

  #step([right, down]) {
    const among = this.#chosen ? [...this.#chosen] : this.#points;
    const from = this.#current ?? { x: this.#camera.x, y: this.#camera.y };
    const found = next(among, from, right, down) ?? (this.#current ? null : among[0]);
    if (!found) return;
    this.#point(found, { say: true });
    const [x, y] = this.#camera.toScreen(found);
    const { width, height } = this.#camera;
    if (x < 20 || y < 20 || x > width - 20 || y > height - 20) {
      Object.assign(this.#camera, { x: found.x, y: found.y });
      this.#moved();
    }
  }
}

function distance([x0, y0], [x1, y1]) {
  return Math.hypot(x1 - x0, y1 - y0);
}

/** The point of some that is nearest to their mean: a name there lies on what it names. */
function middle(points) {
  const x = points.reduce((sum, point) => sum + point.x, 0) / (points.length || 1);
  const y = points.reduce((sum, point) => sum + point.y, 0) / (points.length || 1);
  return points.reduce((best, point) => ((point.x - x) ** 2 + (point.y - y) ** 2 < (best.x - x) ** 2 + (best.y - y) ** 2 ? point : best), points[0] ?? { x, y });
}
