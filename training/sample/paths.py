"""Outlines: closed curves through a few points, as polygons.

A point is `(x, y)` for a smooth one or `(x, y, 1)` for a corner. x goes right, y down, the picture is 0..1.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Point: TypeAlias = tuple[float, float] | tuple[float, float, int]
Polygon: TypeAlias = NDArray[np.float32]
"""`[n, 2]`"""


def curve(points: Sequence[Point], closed: bool = True, steps: int = 12) -> Polygon:
    """A smooth curve through the points: cubic Bezier pieces, tangents along the neighbours."""
    at = np.array([p[:2] for p in points], np.float64)
    corner = [len(p) == 3 and bool(p[2]) for p in points]
    n = len(at)
    out: list[NDArray[np.float64]] = []
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    for i in range(n if closed else n - 1):
        j = (i + 1) % n
        a, b = at[i], at[j]
        length = np.hypot(*(b - a)) or 1e-9

        def tangent(k: int, a: NDArray = a, b: NDArray = b) -> NDArray[np.float64]:
            straight = corner[k] or (not closed and k in (0, n - 1))
            direction = b - a if straight else at[(k + 1) % n] - at[k - 1]
            return direction / (np.hypot(*direction) or 1e-9)

        c1, c2 = a + tangent(i) * length / 3, b - tangent(j) * length / 3
        out.append(
            (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * c1 + 3 * (1 - t) * t**2 * c2 + t**3 * b
        )
    if not closed:
        out.append(at[-1:])
    return np.concatenate(out).astype(np.float32)


def mirrored(right: Sequence[Point], middle: float = 0.5) -> list[Point]:
    """The whole outline from its right half, listed from the top down."""
    left: list[Point] = [
        (2 * middle - p[0], *p[1:])  # type: ignore[misc]
        for p in reversed(right)
        if abs(p[0] - middle) > 1e-6
    ]
    return [*right, *left]


def flipped(points: Sequence[Point], middle: float = 0.5) -> list[Point]:
    """The same outline on the other side."""
    return [(2 * middle - p[0], *p[1:]) for p in reversed(points)]  # type: ignore[misc]


def filled(polygon: Polygon, size: int) -> NDArray[np.float32]:
    """1 inside, 0 outside, `[size, size]`."""
    fine = size * 2  # drawn twice as large, so that the edge comes out soft
    image = Image.new("L", (fine, fine))
    corners = [(float(x * fine), float(y * fine)) for x, y in polygon]
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return np.asarray(image.reduce(2), np.float32) / 255


def stroked(line: Polygon, width: float, size: int, dash: float = 0.0) -> NDArray[np.float32]:
    """A line of `width` with round joints; `dash` > 0 makes stitches of that length."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    pixels = max(1, round(width * size))
    points = [(float(x * size), float(y * size)) for x, y in line]
    if dash:
        for a, b in _dashes(line, dash):
            draw.line([(a[0] * size, a[1] * size), (b[0] * size, b[1] * size)], 255, pixels)
    else:
        draw.line(points, fill=255, width=pixels, joint="curve")
        r = pixels / 2
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return np.asarray(image, np.float32) / 255


def _dashes(line: Polygon, dash: float) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.arange(0, along[-1], dash)
    x, y = np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])
    ends = np.minimum(at + dash * 0.6, along[-1])
    x2, y2 = np.interp(ends, along, line[:, 0]), np.interp(ends, along, line[:, 1])
    return [
        ((float(a), float(b)), (float(c), float(d)))
        for a, b, c, d in zip(x, y, x2, y2, strict=True)
    ]
