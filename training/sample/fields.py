"""Scalar fields over the picture: blur, noise, smooth steps. All seeded, all numpy and Pillow."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field: TypeAlias = NDArray[np.float32]
"""One number per pixel, `[height, width]`, or per point, `[n]`."""


def smooth(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def resized(a: Field, width: int, height: int) -> Field:
    image = Image.fromarray(np.ascontiguousarray(a, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _box(a: Field, radius: int, axis: int) -> Field:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(a, pad, mode="edge"), axis=axis, dtype=np.float64)
    n = a.shape[axis]
    high = np.take(total, np.arange(2 * radius + 1, 2 * radius + 1 + n), axis=axis)
    low = np.take(total, np.arange(n), axis=axis)
    return ((high - low) / (2 * radius + 1)).astype(np.float32)


def blur(a: Field, sigma: float) -> Field:
    """Gaussian blur (three box blurs); a wide one is done on a smaller copy."""
    if sigma < 0.4:
        return a
    height, width = a.shape
    shrink = max(1, int(sigma / 5))
    small = resized(a, width // shrink, height // shrink) if shrink > 1 else a
    radius = max(1, round(np.sqrt(sigma / shrink * sigma / shrink * 4 + 1) / 2))
    for _ in range(3):
        small = _box(_box(small, radius, 0), radius, 1)
    return resized(small, width, height) if shrink > 1 else small


def noise(size: int, cells: float, rng: np.random.Generator, stretch: float = 1.0) -> Field:
    """Smooth noise in about -1..1 with `cells` bumps across; `stretch` > 1 draws them out downwards."""
    nx, ny = max(2, round(cells)), max(2, round(cells / stretch))
    grid = rng.standard_normal((ny + 3, nx + 3)).astype(np.float32)
    return resized(grid, size, size) * 0.7


def hashed(ix: Field, iy: Field, salt: float) -> Field:
    """A number in 0..1 for every pair of whole numbers; the same one each time."""
    a = ix.astype(np.int64) * 374761393 + iy.astype(np.int64) * 668265263
    a = (a + int(salt * 1000) * 2147483647) & 0xFFFFFFFF
    a = ((a ^ (a >> 13)) * 1274126177) & 0xFFFFFFFF
    a = ((a ^ (a >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((a ^ (a >> 15)) & 0xFFFFFF).astype(np.float32) / 0xFFFFFF


def bumps(x: Field, y: Field, z: Field, salt: float = 0.0) -> Field:
    """Smooth noise in -1..1 of points in space, with a period of about one unit."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    tx, ty, tz = x - fx, y - fy, z - fz
    tx, ty, tz = (t * t * (3 - 2 * t) for t in (tx, ty, tz))
    total = np.zeros_like(x)
    for dx in (0, 1):
        wx = tx if dx else 1 - tx
        for dy in (0, 1):
            wy = ty if dy else 1 - ty
            for dz in (0, 1):
                wz = tz if dz else 1 - tz
                corner = hashed((fx + dx) + 57 * (fz + dz), (fy + dy) + 131 * (fz + dz), salt)
                total += wx * wy * wz * corner
    return (total * 2 - 1).astype(np.float32)


def turbulence(x: Field, y: Field, z: Field, salt: float = 0.0, octaves: int = 3) -> Field:
    """Several octaves of `bumps`, about -1..1."""
    total, scale, weight = np.zeros_like(x), 1.0, 0.6
    for octave in range(octaves):
        total += weight * bumps(x * scale, y * scale, z * scale, salt + octave)
        scale, weight = scale * 2.03, weight * 0.5
    return total
