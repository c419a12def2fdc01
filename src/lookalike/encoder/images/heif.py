"""HEIC, through pillow-heif (the extra `[heif]`), and AVIF, through Pillow. Both are HEIF files.

Neither library decodes anything when it opens a file. Should the coded picture be larger than the file says,
libheif refuses it; libavif decodes up to 268 million pixels and scales them down, which takes up to some
1.6 GB for a moment: the one case in which our limit on pixels does not bound the memory.
"""

import io
import re

from PIL import AvifImagePlugin, Image

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageFormatUnsupported, ImageUnreadable

AVIF_SIGNATURE = rb"....ftyp(?:.{4}){0,30}?(?:avif|avis)"
HEIC_SIGNATURE = rb"....ftyp(?:.{4}){0,30}?(?:hei[cxms]|hev[cxms]|mif1|msf1)"
"""The box that begins these files lists brands; one may be hidden behind others."""

_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)


def read_avif(data: bytes) -> Unopened:
    if not AvifImagePlugin.SUPPORTED:  # in a Pillow built without it; Pillow's own wheels have it
        raise ImageFormatUnsupported("AVIF")
    _check_boxes(data)
    # An AVIF says how to turn it outside of its EXIF data, which Pillow would unpack and pack again.
    # Under a name that libavif does not know, it is passed over.
    picture = AvifImagePlugin.AvifImageFile(io.BytesIO(_EXIF_ITEM.sub(rb"\1skip", data)))
    width, height = picture.size
    return Unopened(width, height, lambda: picture)


def read_heic(data: bytes) -> Unopened:
    try:
        import pillow_heif
    except ImportError:
        raise ImageFormatUnsupported("HEIC", extra="heif") from None
    _check_boxes(data)
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    if not len(file):
        raise ImageUnreadable("the HEIC has no picture in it")

    def open_() -> Image.Image:
        picture: Image.Image = file.to_pillow()
        picture.info.pop("exif", None)  # libheif has turned the picture upright already
        return picture

    width, height = file.size
    return Unopened(width, height, open_)


def _check_boxes(data: bytes) -> None:
    """The file is a row of boxes, each with its length. Does the last one end where the file does?"""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 0:  # up to the end
            return
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8:
            return  # for the library to judge
        at += length
    if at > len(data):
        raise EOFError
