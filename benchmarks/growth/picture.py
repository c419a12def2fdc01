"""With the size of a picture: from the file to the 224x224 pixels that ViT-B/32 takes, on one thread."""

import io
from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from benchmarks.encoder import milliseconds
from benchmarks.growth.alone import Row
from benchmarks.service import jpegs
from lookalike.encoder.images import ImagePreprocessor
from lookalike.models.cards import ImageSpec

SIDES = {"JPEG": (224, 400, 800, 1600, 3200), "PNG": (224, 800, 1600), "WebP": (224, 800, 1600)}
OPTIONS = {"JPEG": {"quality": 90}, "PNG": {}, "WebP": {"quality": 80, "method": 2}}
GRAIN = 3.0
"""Of 255, standard deviation. Enlarged alone, a photo would be smoother than any camera's, and too easy."""


def picture_of(side: int) -> Image.Image:
    """A square photo of that many pixels a side, with a camera's grain."""
    photo = Image.open(io.BytesIO(jpegs(1)[0])).resize((side, side), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(side).standard_normal((side, side, 1), dtype=np.float32) * GRAIN
    return Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))


def run(seconds: float) -> Iterator[Row]:
    """One row for each format and size."""
    spec = ImageSpec(height=224, width=224, mean=(0.5,) * 3, std=(0.5,) * 3)
    prepare, quick = ImagePreprocessor(spec), ImagePreprocessor(spec, "fast")
    for kind, sides in SIDES.items():
        for side in sides:
            file = io.BytesIO()
            picture_of(side).save(file, kind, **OPTIONS[kind])
            data = file.getvalue()
            decoded = prepare.decode(data)
            yield {
                "format": kind,
                "side": side,
                "kilobytes": len(data) / 1e3,
                "decode_ms": milliseconds(partial(prepare.decode, data), seconds=seconds),
                "resize_ms": milliseconds(partial(prepare.pixels, decoded), seconds=seconds),
                "whole_ms": milliseconds(partial(prepare, data), seconds=seconds),
                "fast_ms": milliseconds(partial(quick, data), seconds=seconds),
            }
