"""Part of what Pillow's resize would give, to the bit, for the price of that part.

OpenCLIP makes the shorter side of a picture fit, then crops the longer. Of a long and thin picture it so makes
many times the pixels that are kept: 14 billion of one that is 64 million pixels long and one wide.

Pillow's `box` argument can't do this: it takes the box in single precision, and then some pixels differ.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoder.images.unopened import Box

WINDOWED_MODES = frozenset({"L", "RGB", "LA", "La", "RGBA", "RGBa", "CMYK", "YCbCr"})
"""Modes with eight bits a sample, which Pillow resizes with whole numbers."""

_PRECISION = 22
"""Bits after the point of Pillow's weights."""

_Floats = NDArray[np.float64]


def resize_window(
    picture: Image.Image, size: tuple[int, int], window: Box, resample: Image.Resampling
) -> Image.Image:
    """`picture.resize(size, resample).crop(window)` to the bit, without making what the crop drops.

    The window must span one whole side of `size`, the mode be one of WINDOWED_MODES, and the filter bicubic or
    bilinear. Pillow resizes one axis, rounds to eight bits, then resizes the other. The axis that the
    window spans is left to Pillow, the other is done here.
    """
    if picture.size == size:
        return picture.crop(window)
    if picture.mode in ("LA", "RGBA"):
        # weighted by alpha, as Pillow does, so that the colour of transparent pixels doesn't bleed
        weighted = picture.convert({"LA": "La", "RGBA": "RGBa"}[picture.mode])
        return resize_window(weighted, size, window, resample).convert(picture.mode)
    width, height = picture.size
    left, top, right, bottom = window
    tall = (left, right) == (0, size[0])
    if tall:
        taps = _taps(height, size[1], top, bottom, resample)
        part = picture.crop((0, taps.start, width, taps.stop))
    else:
        taps = _taps(width, size[0], left, right, resample)
        part = picture.crop((taps.start, 0, taps.stop, height))

    def by_pillow(part: Image.Image) -> Image.Image:
        return part.resize((size[0], part.height) if tall else (part.width, size[1]), resample)

    if tall is _down_first(picture.size, size):
        return by_pillow(taps.applied(part, axis=0 if tall else 1))
    return taps.applied(by_pillow(part), axis=0 if tall else 1)


def _down_first(size: tuple[int, int], resized: tuple[int, int]) -> bool:
    """Does Pillow resize down before it resizes across? Since version 13 it does where that saves work."""
    less_across, less_down = (of - to for of, to in zip(size, resized, strict=True))
    return less_down > 0 and less_down > 2 * less_across


@dataclass(frozen=True, slots=True)
class _Taps:
    """Which source pixels make each target pixel along one axis, with which weights."""

    start: int
    stop: int
    """The source pixels that are used at all."""
    first: NDArray[np.int64]
    """`[n]`: for each target pixel the first source pixel, counted from `start`."""
    weights: NDArray[np.int32]
    """`[n, taps]`: 22 bits after the point; zero where a target pixel has fewer taps."""

    def applied(self, picture: Image.Image, axis: int) -> Image.Image:
        """A picture of the used pixels only, resized along `axis` (0 is down)."""
        pixels = np.asarray(picture)
        shape = list(pixels.shape)
        shape[axis] = len(self.first)
        along = [1] * pixels.ndim
        along[axis] = len(self.first)
        total = np.full(shape, 1 << (_PRECISION - 1), np.int32)
        for tap in range(self.weights.shape[1]):
            source = np.minimum(self.first + tap, pixels.shape[axis] - 1)
            total += pixels.take(source, axis) * self.weights[:, tap].reshape(along)
        rounded = np.clip(total >> _PRECISION, 0, 255).astype(np.uint8)
        return Image.frombytes(picture.mode, (shape[1], shape[0]), rounded.tobytes())


def _taps(length: int, resized: int, begin: int, end: int, resample: Image.Resampling) -> _Taps:
    """For the target pixels from `begin` up to `end` of an axis that goes from `length` to `resized` pixels.

    The operations and their order are those of Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
    """
    weight, support = _FILTERS[resample]
    scale = length / resized
    stretch = max(scale, 1.0)
    support *= stretch
    centre = (np.arange(begin, end) + 0.5) * scale
    first = np.maximum(np.trunc(centre - support + 0.5), 0)
    last = np.minimum(np.trunc(centre + support + 0.5), length)
    steps = np.arange(math.ceil(support) * 2 + 1)
    weights = weight((steps + first[:, None] - centre[:, None] + 0.5) * (1.0 / stretch))
    weights[steps >= (last - first)[:, None]] = 0.0
    weights /= np.add.accumulate(weights, axis=1)[
        :, -1:
    ]  # one after the other, as a loop in C adds
    whole = np.trunc(weights * (1 << _PRECISION) + np.where(weights < 0, -0.5, 0.5))
    start = int(first.min())
    return _Taps(
        start=start,
        stop=int(last.max()),
        first=first.astype(np.int64) - start,
        weights=whole.astype(np.int32),
    )


def _bicubic(x: _Floats) -> _Floats:
    a, x = -0.5, np.abs(x)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _bilinear(x: _Floats) -> _Floats:
    return np.maximum(1.0 - np.abs(x), 0.0)


_FILTERS: dict[Image.Resampling, tuple[Any, float]] = {
    Image.Resampling.BICUBIC: (_bicubic, 2.0),
    Image.Resampling.BILINEAR: (_bilinear, 1.0),
}
"""Each filter with how far it reaches, in source pixels when the size is kept."""
