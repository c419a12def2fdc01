"""Patterns of cloth, glaze and print: a colour for every point of a surface.

A pattern takes `u` (across) and `v` (down) in units of about one garment's width and gives linear RGB
`[..., 3]`. The same patterns dress flat cloth and round pots.
"""

# ruff: noqa: ARG001
# all patterns take the same arguments

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from training.sample.fields import Field, bumps, hashed, smooth
from training.sample.palette import Linear, colour


@dataclass(frozen=True)
class Dress:
    """What a surface wears: a pattern, its main colour first, and how large it repeats."""

    pattern: str
    colours: tuple[str, ...]
    scale: float = 1.0
    seed: int = 0

    def __call__(self, u: Field, v: Field) -> Linear:
        paints = [colour(name) for name in self.colours]
        return PATTERNS[self.pattern](u / self.scale, v / self.scale, paints, self.seed)


Paints: TypeAlias = list[Linear]


def _mix(a: Linear, b: Linear, t: Field) -> Linear:
    return (a * (1 - t[..., None]) + b * t[..., None]).astype(np.float32)


def _edge(d: Field, soft: float = 0.004) -> Field:
    """1 where the distance is negative, with a soft edge."""
    return 1 - smooth(-soft, soft, d)


def plain(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    return np.broadcast_to(paints[0], (*u.shape, 3)).astype(np.float32)


def striped(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Broad stripes across."""
    return _mix(paints[0], paints[1], _edge(np.abs((v / 0.1) % 1 - 0.5) - 0.24, 0.03))


def breton(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Narrow stripes across on a wide ground."""
    return _mix(paints[0], paints[1], _edge(np.abs((v / 0.066) % 1 - 0.5) - 0.17, 0.04))


def pinstriped(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Thin stripes downwards."""
    return _mix(paints[0], paints[1], _edge(np.abs((u / 0.052) % 1 - 0.5) - 0.12, 0.06))


def upright(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Broad stripes downwards."""
    return _mix(paints[0], paints[1], _edge(np.abs((u / 0.12) % 1 - 0.5) - 0.25, 0.03))


def checked(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Gingham: two bands that darken where they cross."""
    period = 0.075
    a = _edge(np.abs((u / period) % 1 - 0.5) - 0.25, 0.05)
    b = _edge(np.abs((v / period) % 1 - 0.5) - 0.25, 0.05)
    return _mix(paints[0], paints[1], (a + b) / 2)


def tartan(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Broad bands of the second colour with thin lines of the third, woven both ways."""
    base = np.broadcast_to(paints[0], (*u.shape, 3))
    line = paints[2 % len(paints)]
    for w in (u, v):
        t = (w / 0.19) % 1
        base = _mix(base, paints[1], 0.55 * _edge(np.abs(t - 0.5) - 0.2, 0.02))
        base = _mix(base, line, 0.6 * _edge(np.abs(np.abs(t - 0.5) - 0.32) - 0.018, 0.015))
        base = _mix(base, line, 0.5 * _edge(np.abs(t - 0.5) - 0.02, 0.015))
    return base


def dotted(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Polka dots, every second row shifted."""
    period = 0.085
    row = np.floor(v / period)
    x = (u / period + 0.5 * (row % 2)) % 1 - 0.5
    y = (v / period) % 1 - 0.5
    return _mix(paints[0], paints[1], _edge(np.hypot(x, y) - 0.25, 0.05))


def floral(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Flowers of five petals with leaves, scattered on a jittered grid."""
    out = np.broadcast_to(paints[0], (*u.shape, 3))
    leaf = colour("olive") * 0.6 + colour("green") * 0.4
    for period, size, salt in ((0.16, 1.0, 1.0), (0.11, 0.62, 7.0)):
        x, y = u / period, v / period
        cx, cy = np.floor(x), np.floor(y)
        layers: list[tuple[Field, Field, Field]] = []
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                ix, iy = cx + dx, cy + dy
                px = x - ix - 0.2 - 0.6 * hashed(ix, iy, salt + seed)
                py = y - iy - 0.2 - 0.6 * hashed(ix, iy, salt + seed + 1)
                layers.append((px, py, hashed(ix, iy, salt + seed + 2)))
        for px, py, pick in layers:
            angle = pick * 6.28
            lx = px * np.cos(angle) + py * np.sin(angle)
            ly = -px * np.sin(angle) + py * np.cos(angle)
            leaves = np.minimum(
                np.hypot((lx - 0.36) / 0.2, ly / 0.085), np.hypot((ly - 0.34) / 0.2, lx / 0.085)
            )
            out = _mix(out, leaf, _edge(leaves - size, 0.12))
        for px, py, pick in layers:
            r, theta = np.hypot(px, py), np.arctan2(py, px) + pick * 6.28
            petal = 0.31 * size * (0.62 + 0.38 * np.abs(np.cos(2.5 * theta)))
            kind = (pick * 97) % 1
            for k, paint in enumerate(paints[1:]):
                share = len(paints) - 1
                chosen = ((kind >= k / share) & (kind < (k + 1) / share)).astype(np.float32)
                shade = paint * 0.75 + 0.25 * paints[0]
                out = _mix(out, paint, _edge(r - petal, 0.02) * chosen)
                out = _mix(out, shade, 0.7 * _edge(r - petal * 0.55, 0.05) * chosen)
            out = _mix(out, colour("yellow"), _edge(r - 0.075 * size, 0.02))
    return out


def camouflage(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    out = np.broadcast_to(paints[0], (*u.shape, 3))
    for k, paint in enumerate(paints[1:]):
        salt = seed + 11.0 * k
        n = bumps(u * 6.5, v * 9, np.zeros_like(u) + 0.5, salt)
        n = n + 0.45 * bumps(u * 15, v * 19, np.zeros_like(u) + 0.5, salt + 3)
        out = _mix(out, paint, smooth(0.16, 0.2, n))
    return out


def zigzag(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    shifted = v + 0.055 * np.abs(((u / 0.13) % 1) * 2 - 1)
    return _mix(paints[0], paints[1], _edge(np.abs((shifted / 0.105) % 1 - 0.5) - 0.24, 0.03))


def diamonds(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Argyle: tall diamonds, with thin lines that cross them."""
    x, y = u / 0.17, v / 0.24
    a, b = x + y, x - y
    out = _mix(paints[0], paints[1], ((np.floor(a) + np.floor(b)) % 2).astype(np.float32))
    line = paints[2 % len(paints)] if len(paints) > 2 else colour("white")
    for w in (a, b):
        out = _mix(out, line, 0.8 * _edge(np.abs((w + 0.5) % 1 - 0.5) - 0.02, 0.02))
    return out


def blocked(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Colour block: bands of whole colours, the main one on top."""
    out = _mix(paints[0], paints[1], smooth(-0.003, 0.003, v - 0.46))
    if len(paints) > 2:
        out = _mix(out, paints[2], smooth(-0.003, 0.003, v - 0.66))
    return out


def leopard(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """Dark broken rings with a warm heart."""
    out = np.broadcast_to(paints[0], (*u.shape, 3))
    period = 0.07
    x, y = u / period, v / period
    cx, cy = np.floor(x), np.floor(y)
    wobble = 0.13 * bumps(u * 60, v * 60, np.zeros_like(u), 5.0)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            ix, iy = cx + dx, cy + dy
            px = x - ix - 0.25 - 0.5 * hashed(ix, iy, 3.0 + seed)
            py = y - iy - 0.25 - 0.5 * hashed(ix, iy, 4.0 + seed)
            r = np.hypot(px, py * 1.2) + wobble
            gap = hashed(ix, iy, 9.0 + seed) * 6.28
            broken = np.cos(np.arctan2(py, px) - gap) < 0.75
            out = _mix(out, paints[0] * 0.55, _edge(r - 0.25, 0.03))
            out = _mix(out, paints[1], _edge(np.abs(r - 0.3) - 0.085, 0.03) * broken)
    return out


def tie_dyed(u: Field, v: Field, paints: Paints, seed: int) -> Linear:
    """A spiral of dye from the middle."""
    x, y = u - 0.5, v - 0.45
    r, theta = np.hypot(x, y), np.arctan2(y, x)
    wave = theta * len(paints) / 6.2832 * 2 + r * 5.5 + 0.16 * bumps(u * 9, v * 9, u * 0, 2.0)
    wave = (wave % len(paints)).astype(np.float32)
    out = np.zeros((*u.shape, 3), np.float32)
    for k, paint in enumerate(paints):
        d = np.abs((wave - k + len(paints) / 2) % len(paints) - len(paints) / 2)
        out += paint * np.clip(1 - d, 0, 1)[..., None]
    return out * (0.92 + 0.12 * bumps(u * 40, v * 40, u * 0, 8.0))[..., None]


PATTERNS: dict[str, Callable[[Field, Field, Paints, int], Linear]] = {
    "plain": plain,
    "striped": striped,
    "breton": breton,
    "pinstriped": pinstriped,
    "upright": upright,
    "checked": checked,
    "tartan": tartan,
    "dotted": dotted,
    "floral": floral,
    "camouflage": camouflage,
    "zigzag": zigzag,
    "argyle": diamonds,
    "colour block": blocked,
    "leopard": leopard,
    "tie-dye": tie_dyed,
}
