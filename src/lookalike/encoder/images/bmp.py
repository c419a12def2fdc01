"""BMP, in all variants that Pillow reads."""

import io

from PIL import BmpImagePlugin

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageTooLarge

SIGNATURE = rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"
"""With the length of the second header: two letters alone begin many a text."""

_RUN_LENGTHS = (1, 2)
MAX_RUN_LENGTH_PIXELS = 4_000_000
"""Pillow decodes run-length encoded BMPs in Python: some seconds for this many, without a limit for minutes."""


def read(data: bytes) -> Unopened:
    # Opening a BMP reads its header and its table of colours, no pixels.
    picture = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    width, height = picture.size
    if picture.info["compression"] in _RUN_LENGTHS and width * height > MAX_RUN_LENGTH_PIXELS:
        raise ImageTooLarge(width * height, MAX_RUN_LENGTH_PIXELS)
    return Unopened(width, height, lambda: picture)
