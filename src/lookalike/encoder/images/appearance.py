"""The picture as a person sees it: upright, transparency over white, eight bits, grey or RGB.

Colour profiles are not applied: numbers are taken as sRGB. The models were trained that way, a picture in
sRGB would otherwise not keep its exact pixels, and a profile is a program of sorts that a stranger sends. The
price is that Display P3 and Adobe RGB photos look a little paler to the model than to a person, and that
CMYK is converted by the simple formula, which gives stronger colours than print has.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from lookalike.encoder.images.exif import orientation
from lookalike.encoder.images.unopened import PAINTED
from lookalike.errors import ImageFormatUnsupported

_UPRIGHT: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
"""EXIF orientation to what undoes it."""

_WHITE = 255


def as_seen(picture: Image.Image) -> Image.Image:
    """The decoded `picture` in mode `L` or `RGB`, upright; itself if it is so already.

    Grey stays grey: it needs a third of the work, and becomes RGB after resizing with the same result.

    Raises ImageFormatUnsupported for samples that have no natural black and white (32 bits, floating point).
    """
    exif = picture.info.get("exif")
    opaque = _opaque(picture)
    turn = _UPRIGHT.get(orientation(exif)) if isinstance(exif, bytes) else None
    return opaque if turn is None else opaque.transpose(turn)


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        return _eight_bits(picture)
    if picture.mode in ("I", "F"):
        raise ImageFormatUnsupported("a picture with 32-bit or floating-point samples")
    if picture.has_transparency_data:
        return _over_white(picture if picture.mode == "RGBA" else picture.convert("RGBA"))
    if PAINTED in picture.info:
        box = picture.info[PAINTED]
        canvas = Image.new("RGB", picture.size, (_WHITE,) * 3)
        canvas.paste(picture.crop(box).convert("RGB"), box)
        return canvas
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", picture.size, (_WHITE,) * 3)
    canvas.paste(picture, mask=picture)
    return canvas


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen-bit grey by its upper eight bits, as Pillow does with sixteen-bit RGB; its own conversion to
    `L` would make white of everything above 255."""
    samples = np.asarray(picture)
    grey = (samples >> 8).astype(np.uint8)
    if (key := picture.info.get("transparency")) is not None:
        grey[samples == key] = _WHITE
    return Image.fromarray(grey)
