"""Solid forms as signed distances: what the studio photographs.

A form takes the coordinates of points (x right, y up, z towards the viewer, the floor at y = 0, things about
2 units tall) and gives how far each is outside, negative within.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from training.sample.fields import Field
from training.sample.paths import Point, curve

Form: TypeAlias = Callable[[Field, Field, Field], Field]


def ball(
    x0: float, y0: float, z0: float, r: float, sx: float = 1, sy: float = 1, sz: float = 1
) -> Form:
    """A ball, or with the scales an ellipsoid (its distance then is a safe guess)."""
    least = min(sx, sy, sz)

    def distance(x: Field, y: Field, z: Field) -> Field:
        k = np.sqrt(((x - x0) / sx) ** 2 + ((y - y0) / sy) ** 2 + ((z - z0) / sz) ** 2)
        return (k - r) * least

    return distance


def box(x0: float, y0: float, z0: float, a: float, b: float, c: float, r: float = 0.03) -> Form:
    """A box with its centre, half sides and the radius of its edges."""

    def distance(x: Field, y: Field, z: Field) -> Field:
        qx, qy, qz = np.abs(x - x0) - a + r, np.abs(y - y0) - b + r, np.abs(z - z0) - c + r
        outside = np.sqrt(np.maximum(qx, 0) ** 2 + np.maximum(qy, 0) ** 2 + np.maximum(qz, 0) ** 2)
        return outside + np.minimum(np.maximum(qx, np.maximum(qy, qz)), 0) - r

    return distance


def rod(
    a: tuple[float, float, float], b: tuple[float, float, float], r: float, r2: float | None = None
) -> Form:
    """A round rod from a to b, its radius going from r to r2."""
    end = r if r2 is None else r2
    d = np.subtract(b, a).astype(np.float32)
    square = float(d @ d) or 1e-9

    def distance(x: Field, y: Field, z: Field) -> Field:
        px, py, pz = x - a[0], y - a[1], z - a[2]
        t = np.clip((px * d[0] + py * d[1] + pz * d[2]) / square, 0, 1)
        px, py, pz = px - t * d[0], py - t * d[1], pz - t * d[2]
        return np.sqrt(px * px + py * py + pz * pz) - (r + (end - r) * t)

    return distance


def tube(points: Sequence[Sequence[float]], radii: Sequence[float], flat: float = 1.0) -> Form:
    """A tube along a line of points with a radius at each. `flat` < 1 presses it in z."""
    rods = [
        rod((p[0], p[1], p[2] / flat), (q[0], q[1], q[2] / flat), r, s)
        for p, q, r, s in zip(points, points[1:], radii, radii[1:], strict=False)
    ]
    inner = join(*rods)

    def distance(x: Field, y: Field, z: Field) -> Field:
        return inner(x, y, z / flat) * min(flat, 1.0)

    return distance


def bent(points: Sequence[Sequence[float]], steps: int = 5) -> list[list[float]]:
    """A smooth line through the points (two flat curves, which share their steps)."""
    xy = curve([(p[0], p[1]) for p in points], closed=False, steps=steps)
    at = np.linspace(0, len(points) - 1, len(xy))
    z = np.interp(at, np.arange(len(points)), [p[2] for p in points])
    return [[float(a), float(b), float(c)] for (a, b), c in zip(xy, z, strict=True)]


class Profile:
    """The signed distance to a flat outline, kept on a grid and looked up."""

    CELLS = 160

    def __init__(self, points: Sequence[Point], smooth_steps: int = 8) -> None:
        polygon = curve(points, steps=smooth_steps).astype(np.float64)
        low, high = polygon.min(0), polygon.max(0)
        margin = 0.12 * float((high - low).max())
        self.low = low - margin
        self.step = float((high - low + 2 * margin).max()) / (self.CELLS - 1)
        axis = np.arange(self.CELLS) * self.step
        gx, gy = np.meshgrid(axis + self.low[0], axis + self.low[1])
        nearest = np.full(gx.shape, np.inf)
        inside = np.zeros(gx.shape, bool)
        for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
            dx, dy = bx - ax, by - ay
            t = np.clip(((gx - ax) * dx + (gy - ay) * dy) / (dx * dx + dy * dy + 1e-12), 0, 1)
            nearest = np.minimum(nearest, (gx - ax - t * dx) ** 2 + (gy - ay - t * dy) ** 2)
            if ay != by:
                inside ^= ((ay > gy) != (by > gy)) & (gx < ax + (gy - ay) * dx / (by - ay))
        self.grid = (np.sqrt(nearest) * np.where(inside, -1, 1)).astype(np.float32).ravel()

    def __call__(self, u: Field, v: Field) -> Field:
        n = self.CELLS
        x = (u - np.float32(self.low[0])) / np.float32(self.step)
        y = (v - np.float32(self.low[1])) / np.float32(self.step)
        cx, cy = np.clip(x, 0, n - 1.001), np.clip(y, 0, n - 1.001)
        ix, iy = cx.astype(np.int32), cy.astype(np.int32)
        fx, fy = cx - ix, cy - iy
        k = iy * n + ix
        top = self.grid[k] * (1 - fx) + self.grid[k + 1] * fx
        low = self.grid[k + n] * (1 - fx) + self.grid[k + n + 1] * fx
        beyond = np.hypot(x - cx, y - cy) * np.float32(self.step)
        return top * (1 - fy) + low * fy + beyond


def turned(points: Sequence[Point], x0: float = 0.0, z0: float = 0.0) -> Form:
    """A form of the potter's wheel: the outline (radius, height) turned about the upright axis."""
    profile = Profile(points)
    return lambda x, y, z: profile(np.hypot(x - x0, z - z0), y)


def vessel(outer: Sequence[tuple[float, float]], wall: float = 0.05, floor: float = 0.06) -> Form:
    """A hollow form of the potter's wheel; `outer` lists (radius, height) from the foot to the rim."""
    inner = [(max(r - wall, 0.01), max(h, outer[0][1] + floor)) for r, h in outer]
    rim_r, rim_h = outer[-1]
    lip = (rim_r - wall / 2, rim_h + wall * 0.45)
    points: list[Point] = [(-0.2, outer[0][1], 1), (outer[0][0], outer[0][1], 1), *outer[1:], lip]
    points += [
        *reversed(inner[1:]),
        (inner[0][0] * 0.9, outer[0][1] + floor, 1),
        (-0.2, outer[0][1] + floor, 1),
    ]
    return turned(points)


def slab(points: Sequence[Point], half: float, r: float = 0.04, z0: float = 0.0) -> Form:
    """A flat outline (x, y), thickened to ±half in z, with rounded edges."""
    profile = Profile(points)

    def distance(x: Field, y: Field, z: Field) -> Field:
        a, b = profile(x, y) + r, np.abs(z - z0) - half + r
        return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - r

    return distance


def hull(side: Sequence[Point], top: Sequence[Point], r: float = 0.06) -> Form:
    """What has this outline from the side (x, y) and that one from above (x, z), rounded where they meet."""
    a_of, b_of = Profile(side), Profile(top)

    def distance(x: Field, y: Field, z: Field) -> Field:
        a, b = a_of(x, y) + r, b_of(x, z) + r
        return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - r

    return distance


def ring(x0: float, y0: float, z0: float, big: float, small: float, axis: str = "y") -> Form:
    def distance(x: Field, y: Field, z: Field) -> Field:
        a, b, c = x - x0, y - y0, z - z0
        if axis == "z":
            b, c = c, b
        elif axis == "x":
            a, b = b, a
        return np.hypot(np.hypot(a, c) - big, b) - small

    return distance


def join(*forms: Form) -> Form:
    def distance(x: Field, y: Field, z: Field) -> Field:
        out = forms[0](x, y, z)
        for form in forms[1:]:
            out = np.minimum(out, form(x, y, z))
        return out

    return distance


def melt(k: float, *forms: Form) -> Form:
    """Joined with a soft fillet of about `k`."""

    def distance(x: Field, y: Field, z: Field) -> Field:
        out = forms[0](x, y, z)
        for form in forms[1:]:
            d = form(x, y, z)
            h = np.maximum(k - np.abs(out - d), 0) / k
            out = np.minimum(out, d) - h * h * k / 4
        return out

    return distance


def cut(form: Form, away: Form) -> Form:
    return lambda x, y, z: np.maximum(form(x, y, z), -away(x, y, z))


def both(a: Form, b: Form) -> Form:
    return lambda x, y, z: np.maximum(a(x, y, z), b(x, y, z))


def shell(form: Form, wall: float) -> Form:
    return lambda x, y, z: np.abs(form(x, y, z)) - wall / 2


def moved(
    form: Form,
    dx: float = 0,
    dy: float = 0,
    dz: float = 0,
    yaw: float = 0,
    roll: float = 0,
    pitch: float = 0,
    scale: float = 1.0,
) -> Form:
    """Turned (degrees: roll about z, then pitch about x, then yaw about y), scaled, then moved."""
    cy, sy = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    cr, sr = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    cp, sp = np.cos(np.deg2rad(pitch)), np.sin(np.deg2rad(pitch))

    def distance(x: Field, y: Field, z: Field) -> Field:
        a, b, c = (x - dx) / scale, (y - dy) / scale, (z - dz) / scale
        if yaw:
            a, c = a * cy - c * sy, a * sy + c * cy
        if pitch:
            b, c = b * cp + c * sp, -b * sp + c * cp
        if roll:
            a, b = a * cr + b * sr, -a * sr + b * cr
        return form(a, b, c) * scale

    return distance


def rough(form: Form, bump: Callable[[Field, Field, Field], Field], depth: float) -> Form:
    """A form with a bumpy skin."""
    return lambda x, y, z: (form(x, y, z) - depth * bump(x, y, z)) * 0.9
