"""The table on which flat things are laid out: garments, socks, scarves, cloth bags.

Every piece is an outline with a cloth and a height; light falls from the top left. A piece is padded at its
edges, has folds and seams, and throws a soft shadow on what lies beneath.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image
from training.sample.fields import Field, blur, noise, smooth
from training.sample.palette import Linear, to_srgb
from training.sample.paths import Point, Polygon, curve, filled, stroked

SIZE = 256
"""Side of a finished picture, pixels."""
FINE = 2
"""Drawn this many times larger, then reduced."""

Cloth: TypeAlias = "Linear | tuple[float, float, float]"

_LIGHT = np.array([-0.42, -0.55, 0.72], np.float32)
_LIGHT /= np.linalg.norm(_LIGHT)


class Board:
    """A white table seen from above. Lengths are in picture sides: 0..1, x right, y down."""

    def __init__(self, seed: int, fine: int = FINE) -> None:
        self.size = SIZE * fine
        self.rng = np.random.default_rng(seed)
        axis = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size
        self.x, self.y = np.meshgrid(axis, axis)
        glow = 0.985 - 0.06 * np.hypot(self.x - 0.5, (self.y - 0.45) * 0.9) ** 2 * 2
        self.rgb: Linear = np.repeat(glow[..., None], 3, axis=2).astype(np.float32)
        self.grain = blur(self.rng.standard_normal((self.size,) * 2).astype(np.float32), 0.7)

    # Masks and heights

    def outline(self, points: Sequence[Point]) -> Field:
        return filled(curve(points), self.size)

    def line(self, points: Sequence[Point], width: float, dash: float = 0.0) -> Field:
        return stroked(curve(points, closed=False), width, self.size, dash)

    def polygon(self, polygon: Polygon) -> Field:
        return filled(polygon, self.size)

    def disc(self, x: float, y: float, r: float, squash: float = 1.0) -> Field:
        return (np.hypot(self.x - x, (self.y - y) / squash) < r).astype(np.float32)

    def turned(self, x: float, y: float, degrees: float) -> tuple[Field, Field]:
        """Coordinates about (x, y), with v running along the given direction (90 is straight down)."""
        a = np.deg2rad(90 - degrees)
        dx, dy = self.x - x, self.y - y
        return dx * np.cos(a) - dy * np.sin(a) + 0.5, dx * np.sin(a) + dy * np.cos(a)

    def padded(self, mask: Field, edge: float, height: float) -> Field:
        """A height that rounds off within `edge` of the outline, `height` in the same unit."""
        inside = np.clip(blur(mask, edge * self.size * 0.5) * 2 - 1, 0, 1)
        return height * np.sqrt(np.clip(1 - (1 - inside) ** 2, 0, 1))

    def crease(
        self,
        a: tuple[float, float],
        b: tuple[float, float],
        sag: float,
        width: float,
        height: float,
    ) -> Field:
        """A fold from a to b, bent sideways by `sag`, fading at both ends."""
        ax, ay = a
        dx, dy = b[0] - ax, b[1] - ay
        length = max(float(np.hypot(dx, dy)), 1e-6)
        s = ((self.x - ax) * dx + (self.y - ay) * dy) / length**2
        d = ((self.x - ax) * -dy + (self.y - ay) * dx) / length
        d = d - sag * 4 * s * (1 - s)
        window = smooth(0, 0.35, s) * (1 - smooth(0.55, 1, s))
        # one side of a fold is steep and the other runs out
        shape = np.exp(-((d / width) ** 2)) - 0.5 * np.exp(
            -(((d - width * 1.6) / (width * 1.8)) ** 2)
        )
        return (height * window * shape).astype(np.float32)

    def rumple(self, amount: float, cells: float = 5, stretch: float = 1.6) -> Field:
        """Slow waves of a cloth that lies loosely."""
        return amount * noise(self.size, cells, self.rng, stretch)

    # Laying

    def lay(
        self,
        mask: Field,
        cloth: Cloth,
        *,
        height: Field | float = 0.0,
        edge: float = 0.014,
        puff: float = 0.010,
        cast: float = 0.45,
        reach: float = 0.010,
        texture: float = 0.03,
        gloss: float = 0.0,
        tight: float = 24.0,
    ) -> None:
        """Lay one piece. `cast` is the strength of its shadow, `reach` how far that goes; `texture` the
        grain of the cloth; `gloss` the strength of a highlight as narrow as `tight`."""
        if cast:
            self.shadow(mask, cast, reach)
        relief = self.padded(mask, edge, puff) + height
        shade, shine = self.light(relief, tight)
        albedo = np.asarray(cloth, np.float32)
        albedo = np.broadcast_to(albedo, (*mask.shape, 3))
        lit = albedo * (shade * (1 + texture * 2.2 * self.grain))[..., None]
        lit = lit + gloss * shine[..., None]
        # the outermost rim turns away from the light
        rim = 0.88 + 0.12 * smooth(0.5, 0.95, blur(mask, 0.004 * self.size))
        m = mask[..., None]
        self.rgb = self.rgb * (1 - m) + lit * rim[..., None] * m

    def shadow(self, mask: Field, strength: float, reach: float, drop: float = 0.5) -> None:
        shift = round(reach * drop * self.size)
        moved = np.roll(mask, (shift, shift // 3), (0, 1))
        near, far = blur(moved, reach * self.size * 0.45), blur(moved, reach * self.size * 1.5)
        self.rgb = self.rgb * (1 - strength * (0.6 * near + 0.4 * far))[..., None]

    def light(self, relief: Field, tight: float = 24.0) -> tuple[Field, Field]:
        """How bright a surface of this height is, 1 where it lies flat, and its highlight."""
        gy, gx = np.gradient(relief * self.size)
        length = np.sqrt(gx * gx + gy * gy + 1)
        lambert = (-gx * _LIGHT[0] - gy * _LIGHT[1] + _LIGHT[2]) / length
        shade = 0.36 + 0.64 * np.clip(lambert, 0, None) / _LIGHT[2]
        half = _LIGHT + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        shine = np.clip((-gx * half[0] - gy * half[1] + half[2]) / length, 0, 1) ** tight
        return np.clip(shade, 0.1, 1.3).astype(np.float32), shine.astype(np.float32)

    def engrave(self, mask: Field, depth: float = 0.35, soft: float = 0.0015) -> None:
        """Darken along a line: a seam, a gap, a pleat."""
        self.rgb = self.rgb * (1 - depth * blur(mask, soft * self.size))[..., None]

    def brighten(self, mask: Field, amount: float, soft: float = 0.002) -> None:
        self.rgb = self.rgb + (amount * blur(mask, soft * self.size))[..., None]

    def stitch(self, points: Sequence[Point], paint: Linear, width: float = 0.0022) -> None:
        """A row of stitches along a line."""
        m = (self.line(points, width, dash=0.011) * 0.8)[..., None]
        self.rgb = self.rgb * (1 - m) + paint * m

    def seam(self, points: Sequence[Point], width: float = 0.003, depth: float = 0.4) -> None:
        """A seam: a dark groove with a bright lip."""
        line = self.line(points, width)
        self.engrave(line, depth, 0.0018)
        self.brighten(np.roll(line, round(0.004 * self.size), 0), 0.02 * depth, 0.002)

    def finished(self) -> Image.Image:
        image = Image.fromarray(to_srgb(self.rgb))
        return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
