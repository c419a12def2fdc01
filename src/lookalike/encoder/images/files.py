"""Which format a file is in, told by its content. Everything that is not listed here is refused.

The list is what keeps Pillow's other plugins, some of which call external programs, out of reach.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from lookalike.encoder.images import bmp, gif, heif, jpeg, png, tiff, webp
from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageFormatUnsupported, ImageUnreadable


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    """For people."""
    signature: re.Pattern[bytes]
    """What a file in this format begins with."""
    read: Callable[[bytes], Unopened]
    """Reads the header of a file. Raises ImageFormatUnsupported, ImageUnreadable, and whatever damaged
    headers make parsers raise."""


_FORMATS = tuple(
    Format(name, re.compile(signature, re.DOTALL), read)
    for name, signature, read in (
        ("JPEG", jpeg.SIGNATURE, jpeg.read),
        ("PNG", png.SIGNATURE, png.read),
        ("WebP", webp.SIGNATURE, webp.read),
        ("GIF", gif.SIGNATURE, gif.read),
        ("AVIF", heif.AVIF_SIGNATURE, heif.read_avif),
        ("HEIC", heif.HEIC_SIGNATURE, heif.read_heic),
        ("TIFF", tiff.SIGNATURE, tiff.read),
        ("BMP", bmp.SIGNATURE, bmp.read),
    )
)

_REFUSED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(signature, re.DOTALL), name)
    for signature, name in (
        (rb"....ftyp(qt  |isom|iso\d|mp4\d|avc1|M4V |3gp.|dash)", "a video"),
        (rb"\x1aE\xdf\xa3", "a video"),
        (rb"RIFF....AVI ", "a video"),
        (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
        (rb"\x00\x00\x00\x0cJXL |\xff\x0a", "JPEG XL"),
        (rb"%PDF-", "PDF"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
        (rb"8BPS", "Photoshop's PSD"),
        (rb"\x00\x00[\x01\x02]\x00[\x01-\xff]\x00", "ICO"),
        (rb"qoif", "QOI"),
        (rb"DDS ", "DDS"),
        (rb"P[1-6][\s#]", "PNM"),
        (
            rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]{0,200}>\s*)?(<!--.{0,500}?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg",
            "SVG",
        ),
    )
)
"""Formats that people do send, so that they are told what is wrong and not just that something is."""


def format_of(data: bytes) -> Format:
    """The format of a file. Raises ImageFormatUnsupported, ImageUnreadable."""
    if not data:
        raise ImageUnreadable("it is empty")
    for known in _FORMATS:
        if known.signature.match(data):
            return known
    for signature, name in _REFUSED:
        if signature.match(data):
            raise ImageFormatUnsupported(name)
    raise ImageUnreadable("it is not a picture in a known format")
