"""The photo studio: solid forms on a white floor, a large soft light from the left, and a camera.

The forms are traced once into a `Scene` (what is seen where, with its normal, its shadow and how open it lies),
which can then be painted in any colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from training.sample.board import SIZE
from training.sample.fields import Field, blur, smooth
from training.sample.forms import Form, join
from training.sample.palette import Linear, to_srgb

FINE = 2
"""Traced this many times larger than the finished picture, then reduced."""

Paint: TypeAlias = Callable[[Field, Field, Field], Linear]
"""The colour of points in space: `[n]` each to linear RGB `[n, 3]`."""

_LIGHT = np.array([-0.55, 0.75, 0.62], np.float32)
_LIGHT /= np.linalg.norm(_LIGHT)


@dataclass(frozen=True)
class Finish:
    """How a form's surface looks: its paint, how it mirrors the lamps, how bumpy it is."""

    paint: Paint | Linear
    gloss: float = 0.0
    """0 chalk, 1 glazed china."""
    metal: bool = False
    bump: Callable[[Field, Field, Field], Field] | None = None
    depth: float = 0.01
    glow: float = 0.0
    """Light of its own."""
    soft: float = 0.0
    """Light that wanders under the skin: fruit, wax."""


@dataclass(frozen=True)
class View:
    """Where the camera stands: degrees above the horizon, degrees around, and how full the picture is."""

    pitch: float = 16.0
    yaw: float = 0.0
    fill: float = 0.82
    floor: bool = True
    distance: float = 9.0


@dataclass(frozen=True)
class Scene:
    """What the camera sees, `[n]` rays of which `hit` meet a form."""

    size: int
    rays: NDArray[np.float32]
    hit: NDArray[np.int64]
    point: NDArray[np.float32]
    normal: NDArray[np.float32]
    part: NDArray[np.int64]
    lit: Field
    open: Field
    ground: Field
    """How bright the floor is, `[size, size]`, 1 without any shadow."""
    cover: Field


def _basis(view: View) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    p, w = np.deg2rad(view.pitch), np.deg2rad(view.yaw)
    forward = -np.array([np.sin(w) * np.cos(p), np.sin(p), np.cos(w) * np.cos(p)], np.float32)
    right = np.array([np.cos(w), 0, -np.sin(w)], np.float32)
    return forward, right, np.cross(right, forward).astype(np.float32)


def _march(
    form: Form, origin: NDArray, rays: NDArray, start: Field, end: float, steps: int
) -> tuple[NDArray, Field]:
    """Indices of the rays that hit, and how far along they do."""
    t = start.copy()
    live = np.arange(len(rays))
    hits: list[NDArray] = []
    for step in range(steps):
        r = rays[live]
        tl = t[live]
        d = form(origin[0] + r[:, 0] * tl, origin[1] + r[:, 1] * tl, origin[2] + r[:, 2] * tl)
        t[live] = tl + d * 0.92
        done = d < 0.0012
        if done.any():
            hits.append(live[done])
        live = live[~done & (t[live] < end)]
        if len(live) == 0:
            break
        if step == steps - 1:
            hits.append(live[np.abs(d[~done & (tl + d * 0.92 < end)]) < 0.006])
    found = np.sort(np.concatenate(hits)) if hits else np.zeros(0, np.int64)
    return found, t


def _reach(form: Form) -> tuple[NDArray[np.float32], float]:
    """A ball around the form: its centre and radius."""
    axis = np.linspace(-2.6, 2.6, 40, dtype=np.float32)
    x, y, z = (a.ravel() for a in np.meshgrid(axis, axis + 1.2, axis))
    near = form(x, y, z) < (axis[1] - axis[0]) * 0.9
    points = np.stack([x[near], y[near], z[near]], 1)
    centre = (points.max(0) + points.min(0)) / 2
    return centre, float(np.linalg.norm(points - centre, axis=1).max()) + 0.08


def _start(origin: NDArray, rays: NDArray, centre: NDArray, radius: float) -> Field:
    """Where rays enter that ball; a huge number where they miss it."""
    to = centre - origin
    along = rays @ to
    off = float(to @ to) - along**2
    inside = radius**2 - off
    return np.where(inside > 0, along - np.sqrt(np.maximum(inside, 0)), 1e9).astype(np.float32)


def _shade(form: Form, p: NDArray, n: NDArray, reach: float) -> Field:
    """How much of a broad lamp each point sees, 0..1."""
    lit = np.ones(len(p), np.float32)
    t = np.full(len(p), 0.035, np.float32)
    origin = p + n * 0.012
    live = np.arange(len(p))
    for _ in range(26):
        o, tl = origin[live], t[live]
        d = form(o[:, 0] + _LIGHT[0] * tl, o[:, 1] + _LIGHT[1] * tl, o[:, 2] + _LIGHT[2] * tl)
        lit[live] = np.minimum(lit[live], 0.5 + 0.5 * np.clip(d * 5.0 / tl, -1, 1))
        t[live] = tl + np.clip(np.abs(d), 0.03, 0.2)
        live = live[(lit[live] > 0.01) & (t[live] < reach)]
        if len(live) == 0:
            break
    return lit * lit * (3 - 2 * lit)


def _openness(form: Form, p: NDArray, n: NDArray, floor: bool, scale: float = 1.0) -> Field:
    """How much of the sky each point sees, 0..1, guessed from a few steps outwards."""
    closed = np.zeros(len(p), np.float32)
    weight = 1.0
    for h in (0.03, 0.08, 0.16, 0.28, 0.45):
        q = p + n * (h * scale)
        d = form(q[:, 0], q[:, 1], q[:, 2])
        if floor:
            d = np.minimum(d, q[:, 1] + 0.02)
        closed += weight * np.clip(h * scale - d, 0, None) / (h * scale)
        weight *= 0.8
    return np.clip(1 - closed / 3.0, 0, 1)


def trace(forms: Sequence[Form], view: View, fine: int | None = None) -> Scene:
    """Look at the forms, framed so that they fill the picture."""
    size = SIZE * (fine or FINE)
    form = join(*forms)
    forward, right, up = _basis(view)
    centre, radius = _reach(form)
    origin = (centre - forward * view.distance).astype(np.float32)

    def rays_of(px: Field, py: Field) -> NDArray[np.float32]:
        r = forward + px[:, None] * right + py[:, None] * up
        return (r / np.linalg.norm(r, axis=1, keepdims=True)).astype(np.float32)

    # a first look, small, finds the frame
    wide = radius / view.distance * 1.15
    axis = np.linspace(-wide, wide, 110, dtype=np.float32)
    px, py = (a.ravel() for a in np.meshgrid(axis, axis))
    rays = rays_of(px, py)
    found, _ = _march(
        form, origin, rays, _start(origin, rays, centre, radius), view.distance + radius, 60
    )
    left, top, wide_x, wide_y = (
        px[found].min(),
        py[found].min(),
        np.ptp(px[found]),
        np.ptp(py[found]),
    )
    half = max(wide_x, wide_y) / 2 / view.fill
    mid_x, mid_y = left + wide_x / 2, top + wide_y / 2

    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    px, py = (a.ravel() for a in np.meshgrid(mid_x + axis * half, mid_y - axis * half))
    rays = rays_of(px, py)
    hit, t = _march(
        form, origin, rays, _start(origin, rays, centre, radius), view.distance + radius, 110
    )
    point = origin + rays[hit] * t[hit, None]
    normal = np.zeros_like(point)
    e = 0.009  # about the grid of a Profile, so that its cells don't show
    for k in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        d = form(point[:, 0] + k[0] * e, point[:, 1] + k[1] * e, point[:, 2] + k[2] * e)
        normal += d[:, None] * np.array(k, np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    part = np.argmin([f(point[:, 0], point[:, 1], point[:, 2]) for f in forms], axis=0)
    lit = _shade(form, point, normal, 2 * radius)
    opened = _openness(form, point, normal, view.floor)

    ground = np.ones(size * size, np.float32)
    cover = np.zeros(size * size, np.float32)
    cover[hit] = 1
    if view.floor:
        down = np.flatnonzero((rays[:, 1] < -0.02) & (cover == 0))
        q = origin + rays[down] * (-origin[1] / rays[down, 1])[:, None]
        near = np.linalg.norm(q - centre, axis=1) < radius * 2.2
        down, q = down[near], q[near].astype(np.float32)
        flat = np.broadcast_to(np.array([0, 1, 0], np.float32), q.shape)
        dark = 0.28 * (1 - _shade(form, q, flat, 2 * radius))
        dark += 0.75 * (1 - _openness(form, q, flat, floor=False, scale=0.9))
        ground[down] = 1 - np.clip(dark, 0, 0.8)
    return Scene(
        size,
        rays,
        hit,
        point.astype(np.float32),
        normal,
        part,
        lit,
        opened,
        ground.reshape(size, size),
        cover.reshape(size, size),
    )


def _lamps(r: NDArray[np.float32]) -> Field:
    """How bright the studio is in each direction: a window left above, a strip right, white all around."""
    sky = 0.34 + 0.4 * smooth(-0.3, 0.9, r[:, 1])
    window = smooth(0.38, 0.5, r @ np.array([-0.62, 0.52, 0.59], np.float32) - 0.42)
    bars = smooth(0.02, 0.05, np.abs(r[:, 0] + 0.6 * r[:, 2] * 0.5 + 0.28))
    strip = smooth(0.86, 0.93, r @ np.array([0.93, 0.12, 0.34], np.float32))
    return sky + 2.6 * window * (0.55 + 0.45 * bars) + 0.9 * strip


def _backdrop(size: int) -> Linear:
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(axis, axis)
    glow = 0.985 - 0.10 * np.hypot(x - 0.5, (y - 0.42) * 0.9) ** 2
    return np.repeat(glow[..., None], 3, axis=2).astype(np.float32)


def paint(scene: Scene, finishes: Sequence[Finish]) -> Linear:
    """The picture of a scene, `[size, size, 3]`, linear."""
    size = scene.size
    base = _backdrop(size)
    # a blur that leaves out what stands on the floor, so that no bright rim shows around its foot
    bare = 1 - scene.cover
    soft = size / 200
    weight = blur(bare, soft)
    ground = (blur(scene.ground * bare, soft) + 0.002) / (weight + 0.002)
    # shadows end before the picture does, or a grid of pictures would show its cells
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    fade = 1 - smooth(0.72, 1.0, np.abs(axis))
    ground = 1 - (1 - ground) * fade[:, None] * fade
    rgb = (base * ground[..., None]).reshape(-1, 3)
    for k, finish in enumerate(finishes):
        mine = np.flatnonzero(scene.part == k)
        if len(mine) == 0:
            continue
        p, n = scene.point[mine], scene.normal[mine].copy()
        view = scene.rays[scene.hit[mine]]
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        if finish.bump:
            e, here = 0.006, finish.bump(x, y, z)
            slope = np.stack(
                [
                    finish.bump(x + e, y, z) - here,
                    finish.bump(x, y + e, z) - here,
                    finish.bump(x, y, z + e) - here,
                ],
                1,
            )
            slope -= np.sum(slope * n, 1, keepdims=True) * n
            n = n - finish.depth / e * slope
            n /= np.linalg.norm(n, axis=1, keepdims=True)
        albedo = (
            finish.paint(x, y, z)
            if callable(finish.paint)
            else np.broadcast_to(finish.paint, p.shape)
        )
        facing = np.clip(-np.sum(n * view, 1), 0, 1)
        wrap = 0.1 + finish.soft * 0.4
        lambert = np.clip((n @ _LIGHT + wrap) / (1 + wrap), 0, 1)
        key = lambert * (scene.lit[mine] * (1 - finish.soft * 0.25) + finish.soft * 0.25)
        sky = (0.5 + 0.5 * n[:, 1]) * 0.30 + 0.22
        bounce = 0.16 * np.clip(-n[:, 1], 0, 1) + 0.14 * np.clip(n[:, 0], 0, 1)
        light = 0.80 * key + (sky + bounce) * (0.25 + 0.75 * scene.open[mine])
        mirror = view - 2 * np.sum(view * n, 1, keepdims=True) * n
        fresnel = (1 - facing) ** 5
        lamps = _lamps(mirror) * (0.3 + 0.7 * scene.open[mine])
        if finish.metal:
            colour = (
                albedo * (0.28 * light + lamps)[:, None] * 0.95 + 0.3 * (fresnel * lamps)[:, None]
            )
        else:
            amount = finish.gloss * (0.045 + 0.5 * fresnel)
            hot = np.clip(_lamps(mirror) - 0.75, 0, None) * 0.07 * finish.gloss
            colour = albedo * (light * (1 - 0.5 * amount))[:, None]
            colour = colour + (amount * lamps + hot)[:, None]
        colour = colour + finish.glow * albedo
        rgb[scene.hit[mine]] = colour
    return rgb.reshape(size, size, 3)


def developed(rgb: Linear) -> Image.Image:
    """The finished picture, reduced to its size."""
    image = Image.fromarray(to_srgb(rgb))
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


class Studio:
    """Keeps the last traced scenes, since one form is photographed in many colours."""

    def __init__(self, fine: int | None = None, keep: int = 6) -> None:
        self.fine, self.keep = fine, keep
        self._scenes: dict[str, Scene] = {}

    def scene(self, key: str, forms: Callable[[], Sequence[Form]], view: View) -> Scene:
        if key not in self._scenes:
            if len(self._scenes) >= self.keep:
                self._scenes.pop(next(iter(self._scenes)))
            self._scenes[key] = trace(forms(), view, self.fine)
        return self._scenes[key]

    def photograph(
        self, key: str, forms: Callable[[], Sequence[Form]], finishes: Sequence[Finish], view: View
    ) -> Image.Image:
        """One picture. `key` names the forms and the view, whatever the finishes."""
        return developed(paint(self.scene(key, forms, view), finishes))
