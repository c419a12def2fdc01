"""JPEG: decoded by simplejpeg, with the same pixels as Pillow and a fifth faster.

Both use libjpeg-turbo, the slow (exact) DCT and fancy upsampling, so their pixels agree bit for
bit; tests hold them to it. simplejpeg runs in its strict mode, in which any warning of libjpeg is an
error. Such a file, and any kind of JPEG that simplejpeg does not take, goes to Pillow, so that
Pillow alone decides what is still acceptable. With one exception: a file whose compressed data ends
before its pixels do is refused, where Pillow fills the rest with grey if only there is an end marker.
"""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image, JpegImagePlugin

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageUnreadable

SIGNATURE = rb"\xff\xd8\xff"

MAX_SCANS = 100
"""A progressive JPEG holds its pixels in several passes, some ten in practice. Each costs time for all of the
picture, but may take a few bytes only, so that a file of some megabytes could keep a core busy for an hour."""

_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_SOS, _EOI = 0xDA, 0xD9
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
"""Markers without a segment."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of frame, of every kind of JPEG."""
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_USUAL = _SEQUENTIAL | {0xC2}
"""The kinds of JPEG that are met in practice: baseline, extended and progressive."""
_METADATA = frozenset({0xFE, *range(0xE1, 0xF0)}) - {0xEE}
"""Segments that no decoder needs. APP0 (JFIF) and APP14 (Adobe) say which colours the numbers mean."""

_COLOURS = {
    1: ("GRAY", 1, "L", "L"),
    3: ("RGBX", 4, "RGBX", "RGBX"),
    4: ("CMYK", 4, "CMYK", "CMYK;I"),
}
"""By the number of components: simplejpeg's name for the colours, bytes of a pixel, Pillow's name, and its
name for how they are stored. In CMYK, 0 is full ink: Adobe's convention, which Pillow takes for granted."""


@dataclass(frozen=True, slots=True)
class _Header:
    frame: int
    precision: int
    components: int
    width: int
    height: int
    single: bool
    """All pixels are in the first scan: libjpeg looks for no other."""
    exif: bytes
    metadata: tuple[tuple[int, int], ...]
    """Start and end of each segment before the pixels that no decoder needs."""


def read(data: bytes) -> Unopened:
    header = _header(data)
    if not header.single and data.count(b"\xff\xda") > MAX_SCANS and _too_many_scans(data):
        raise ImageUnreadable(f"the JPEG has more than {MAX_SCANS} scans")
    return Unopened(
        header.width,
        header.height,
        lambda: _open(data, header),
        lambda least: _open(data, header, _divisor(header, least)),
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Each marker with where it starts, and where its segment's content starts and ends.

    Like libjpeg, it skips bytes that are not a marker, the compressed pixels among them.
    """
    at = 2
    while found := _MARKER.search(data, at):
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            return
        if marker in _ALONE:
            at = start
            continue
        length = int.from_bytes(data[start : start + 2], "big")
        if length < 2 or start + length > len(data):
            break
        yield marker, found.start(), start + 2, start + length
        at = start + length
    raise ImageUnreadable("the JPEG is truncated")


def _header(data: bytes) -> _Header:
    frame: tuple[int, bytes] | None = None
    exif = scan = b""
    metadata: list[tuple[int, int]] = []
    for marker, at, start, end in _segments(data):
        if marker in _METADATA:
            metadata.append((at, end))
            if marker == 0xE1 and not exif and data.startswith(b"Exif\0\0", start):
                exif = data[start:end]
        elif marker in _FRAMES:
            if frame is not None:
                raise ImageUnreadable("the JPEG is damaged")
            frame = marker, data[start:end]
        elif marker == _SOS:
            scan = data[start:end]
            break
    if frame is None or len(frame[1]) < 6:
        raise ImageUnreadable("the JPEG has no picture in it")
    kind, content = frame
    return _Header(
        frame=kind,
        precision=content[0],
        height=int.from_bytes(content[1:3], "big"),
        width=int.from_bytes(content[3:5], "big"),
        components=content[5],
        single=kind in _SEQUENTIAL and scan[:1] == content[5:6],
        exif=exif,
        metadata=tuple(metadata),
    )


def _too_many_scans(data: bytes) -> bool:
    scans = 0
    for marker, *_ in _segments(data):
        scans += marker == _SOS
        if scans > MAX_SCANS:
            return True
    return False


def _divisor(header: _Header, least: int) -> int:
    """The largest of libjpeg's quick steps that leaves the shorter side `least` pixels; else 1. In between lie
    three eighths and the like, which take longer than the whole."""
    short = min(header.width, header.height)
    return next((step for step in (8, 4, 2) if math.ceil(short / step) >= least), 1)


def _open(data: bytes, header: _Header, divisor: int = 1) -> Image.Image:
    picture = _by_simplejpeg(data, header, divisor) or _by_pillow(data, header)
    if header.exif:
        picture.info["exif"] = header.exif
    return picture


def _by_simplejpeg(data: bytes, header: _Header, divisor: int = 1) -> Image.Image | None:
    """The decoded picture, or None where Pillow must decide. `divisor`: of its sides; 1, 2, 4 or 8."""
    if (
        header.frame not in _USUAL
        or header.precision != 8
        or header.components not in _COLOURS
        or not (header.width and header.height)
    ):
        return None
    colours, depth, mode, stored = _COLOURS[header.components]
    # A buffer of our own: should libjpeg read another size out of the header than we did, it does not fit.
    size = math.ceil(header.width / divisor), math.ceil(header.height / divisor)
    pixels = np.empty((size[1], size[0], depth), np.uint8)
    # the smallest scale that has as many pixels as this: ours
    scale = {"min_width": size[0], "min_height": size[1]} if divisor > 1 else {}
    try:
        decoded = simplejpeg.decode_jpeg(data, colours, buffer=pixels, strict=True, **scale)
    except ValueError as error:
        if "remature end of" in str(error):
            raise ImageUnreadable("the JPEG is truncated") from error
        return None
    if decoded.shape != pixels.shape:
        return None
    picture = Image.frombuffer(mode, size, pixels, "raw", stored, 0, 1)
    # Pillow keeps RGB in four bytes a pixel too, so this copies nothing
    return Image.fromarrow(picture, "RGB", size) if mode == "RGBX" else picture


def _by_pillow(data: bytes, header: _Header) -> Image.Image:
    # Without the metadata, which Pillow would read: EXIF that unpacks to gigabytes, other pictures, ...
    kept, at = bytearray(), 0
    for start, end in header.metadata:
        kept += data[at:start]
        at = end
    kept += data[at:]
    return JpegImagePlugin.JpegImageFile(io.BytesIO(kept))
