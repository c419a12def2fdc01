// Points on a canvas: where they are seen, how they look, which is near. Knows nothing of the page around it.

const SHAPES = 4;
const COLOURS = 6;
const NEAR = 14; // pixels within which a point is meant
const FIELD = 1.08; // what fits into the window: a little more than -1..1

/** The colour (1 to 6) and shape (0 to 3) of a cluster; twenty-four differ in one or the other. */
export function lookOf(cluster) {
  return { colour: (cluster % COLOURS) + 1, shape: Math.floor(cluster / COLOURS) % SHAPES };
}

/** A path of a shape around the middle, of radius `r`. */
export function trace(context, shape, x, y, r) {
  context.beginPath();
  if (shape === 0) context.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else {
    const sides = shape === 2 ? 3 : 4;
    for (let side = 0; side < sides; side++) {
      const angle = -Math.PI / 2 + (side * 2 * Math.PI) / sides;
      context.lineTo(x + 1.25 * r * Math.cos(angle), y + 1.25 * r * Math.sin(angle));
    }
    context.closePath();
  }
}

/** Where the plane is looked at: the middle `x`, `y` in the map's own numbers, and how much it is enlarged. */
export class Camera {
  x = 0;
  y = 0;
  zoom = 1;
  width = 1;
  height = 1;

  get scale() {
    return (Math.min(this.width, this.height) / 2 / FIELD) * this.zoom;
  }

  toScreen({ x, y }) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  toMap(left, top) {
    return { x: this.x + (left - this.width / 2) / this.scale, y: this.y - (top - this.height / 2) / this.scale };
  }

  pan(left, top) {
    this.x = clamp(this.x - left / this.scale);
    this.y = clamp(this.y + top / this.scale);
  }

  /** Enlarge by `factor`, so that what is under this place of the window stays there. */
  enlarge(factor, left = this.width / 2, top = this.height / 2) {
    const before = this.toMap(left, top);
    this.zoom = Math.max(0.5, Math.min(60, this.zoom * factor));
    const after = this.toMap(left, top);
    this.x = clamp(this.x + before.x - after.x);
    this.y = clamp(this.y + before.y - after.y);
  }
}

const clamp = (value) => Math.max(-1.2, Math.min(1.2, value));

/** Which point is nearest to a place of the window, if one is near; else null. */
export function nearest(points, camera, left, top) {
  let [found, least] = [null, NEAR ** 2];
  for (const point of points) {
    const [x, y] = camera.toScreen(point);
    const distance = (x - left) ** 2 + (y - top) ** 2;
    if (distance < least) [found, least] = [point, distance];
  }
  return found;
}

/** The next point from `from` in a direction of the window: near, and not far off the line. */
export function next(points, from, right, down) {
  let [found, least] = [null, Infinity];
  for (const point of points) {
    const [x, y] = [point.x - from.x, from.y - point.y];
    const along = x * right + y * down;
    const off = Math.abs(x * down - y * right);
    if (along <= 1e-6 || off > along) continue;
    const cost = along + 2 * off;
    if (cost < least) [found, least] = [point, cost];
  }
  return found;
}

/** The points within a rectangle `[x0, y0, x1, y1]` of the map. */
export function within(points, [x0, y0, x1, y1]) {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [low, high] = [Math.min(y0, y1), Math.max(y0, y1)];
  return points.filter(({ x, y }) => x >= left && x <= right && y >= low && y <= high);
}

/** Draw all. `style`: colours by name, from the page's theme. `chosen`: a Set of points, or null for all. */
export function draw(context, { points, camera, style, chosen, current, box, names }) {
  context.clearRect(0, 0, camera.width, camera.height);
  const r = Math.max(2.5, Math.min(9, 3.2 * Math.sqrt(camera.zoom) * Math.min(1, 40 / Math.sqrt(points.length + 1))));
  for (const dim of [true, false]) {
    for (const point of points) {
      if ((chosen !== null && !chosen.has(point)) !== dim) continue;
      const [x, y] = camera.toScreen(point);
      if (x < -20 || y < -20 || x > camera.width + 20 || y > camera.height + 20) continue;
      const look = point.cluster === null ? null : lookOf(point.cluster);
      context.globalAlpha = dim ? 0.16 : 0.9;
      trace(context, look?.shape ?? 0, x, y, look ? r : r * 0.75);
      if (look) {
        context.fillStyle = style[`series-${look.colour}`];
        context.fill();
      } else {
        context.strokeStyle = style["line-strong"];
        context.lineWidth = 1.3;
        context.stroke();
      }
    }
  }
  context.globalAlpha = 1;
  drawNames(context, names, camera, style);
  if (current) ring(context, camera.toScreen(current), r + 4, style);
  if (box) drawBox(context, box, camera, style);
}

function drawNames(context, names, camera, style) {
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const taken = [];
  for (const { text, at } of names) {
    const [x, y] = camera.toScreen(at);
    const half = context.measureText(text).width / 2 + 4;
    const area = [x - half, y - 10, x + half, y + 10];
    if (area[0] < 0 || area[2] > camera.width || area[1] < 0 || area[3] > camera.height) continue;
    if (taken.some((other) => area[0] < other[2] && area[2] > other[0] && area[1] < other[3] && area[3] > other[1])) continue;
    taken.push(area);
    context.strokeStyle = style.surface;
    context.lineWidth = 4;
    context.strokeText(text, x, y);
    context.fillStyle = style.ink;
    context.fillText(text, x, y);
  }
}

function ring(context, [x, y], r, style) {
  for (const [width, colour] of [[6, style.surface], [3, style.focus]]) {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

function drawBox(context, [x0, y0, x1, y1], camera, style) {
  const [a, b] = [camera.toScreen({ x: x0, y: y0 }), camera.toScreen({ x: x1, y: y1 })];
  const area = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
  context.fillStyle = style.accent;
  context.globalAlpha = 0.08;
  context.fillRect(...area);
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.setLineDash([6, 4]);
  context.strokeStyle = style.accent;
  context.strokeRect(...area);
  context.setLineDash([]);
}
