"""TIFF: its first page.

A TIFF is a directory of tags, and Pillow unpacks many that have nothing to do with the pixels: an
EXIF directory of 20 MB becomes some gigabytes of Python objects. So Pillow gets a copy of the file in
which the first directory holds only the tags that make the picture, and there is no other. That
also settles which of two equal tags counts.
"""

import io
import struct
from dataclasses import dataclass

from PIL import TiffImagePlugin

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageFormatUnsupported, ImageUnreadable

SIGNATURE = rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _STRIP_ROWS, _PLANES = 273, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES = 322, 323, 324
_KEPT = frozenset(
    {
        *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC),
        *(_STRIPS, _SAMPLES, _STRIP_ROWS, _PLANES),
        *(_TILE_WIDTH, _TILE_HEIGHT, _TILES),
        266,  # fill order
        274,  # orientation, which Pillow applies
        279,  # strip byte counts
        292,  # options of fax compression
        293,
        317,  # predictor
        320,  # colour map
        325,  # tile byte counts
        338,  # extra samples
        339,  # sample format
        347,  # JPEG tables
        530,  # YCbCr subsampling and positioning
        531,
        532,  # reference black and white
    }
)

_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}
"""None, fax, LZW, JPEG, deflate, PackBits. The others are rare, and some can ask for gigabytes to unpack
a few bytes."""
_NAMES = {
    6: "old-style JPEG",
    32809: "ThunderScan",
    34676: "SGI Log",
    34677: "SGI Log",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}

_MAX_VALUES = 100_000
"""Values that a tag may have: strips or tiles, mostly. For each, Pillow keeps a few hundred bytes."""
_MAX_TILE = 1 << 24
"""Pixels of a tile, as far as it is larger than the picture. They are decoded, so they take memory."""

_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
"""TIFF type to bytes."""
_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""TIFF type to struct format, for the types that counts and sizes come in."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How classic TIFF and BigTIFF differ."""

    start: int
    """Where the offset of the first directory is."""
    offset: str
    """Format of an offset, and of the values' own place in an entry."""
    count: str
    """Format of the number of entries in a directory."""
    entry: int
    """Bytes of an entry."""


_CLASSIC = _Layout(start=4, offset="I", count="H", entry=12)
_BIG = _Layout(start=8, offset="Q", count="Q", entry=20)


class _Directory:
    """The tags of the first page that make its pixels."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[data[:2]]
        self.layout = _BIG if 0x2B in data[2:4] else _CLASSIC
        (self.at,) = self._unpack(self.layout.offset, self.layout.start)
        (self.total,) = self._unpack(self.layout.count, self.at)
        first = self.at + struct.calcsize(self.order + self.layout.count)
        self.end = first + self.total * self.layout.entry
        if self.end > len(data):
            raise ImageUnreadable("the TIFF is truncated")
        self.entries: dict[int, bytes] = {}
        for at in range(first, self.end, self.layout.entry):
            (tag,) = self._unpack("H", at)
            if tag in _KEPT and tag not in self.entries:
                self.entries[tag] = data[at : at + self.layout.entry]
                if self.count(tag) > _MAX_VALUES:
                    raise ImageUnreadable("the TIFF is in too many pieces")

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        if at + struct.calcsize(self.order + form) > len(self.data):
            raise ImageUnreadable("the TIFF is truncated")
        return struct.unpack_from(self.order + form, self.data, at)

    def count(self, tag: int) -> int:
        """How many values the tag has; none if it isn't there."""
        if tag not in self.entries:
            return 0
        (count,) = struct.unpack_from(self.order + self.layout.offset, self.entries[tag], 4)
        return int(count)

    def value(self, tag: int, default: int | None = None) -> int:
        """The tag's first value."""
        if not self.count(tag):
            if default is None:
                raise ImageUnreadable("the TIFF is damaged")
            return default
        entry = self.entries[tag]
        (kind,) = struct.unpack_from(self.order + "H", entry, 2)
        if kind not in _WHOLE:
            raise ImageUnreadable("the TIFF is damaged")
        place = 4 + struct.calcsize(self.order + self.layout.offset)
        if self.count(tag) * _UNIT[kind] > len(entry) - place:
            (at,) = struct.unpack_from(self.order + self.layout.offset, entry, place)
            return self._unpack(_WHOLE[kind], at)[0]
        (value,) = struct.unpack_from(self.order + _WHOLE[kind], entry, place)
        return int(value)

    def alone(self) -> bytes:
        """The file with these tags only, and no second page."""
        form = self.order + self.layout.count
        directory = struct.pack(form, len(self.entries)) + b"".join(self.entries.values())
        directory += struct.pack(self.order + self.layout.offset, 0)
        file = bytearray(self.data)
        file[self.at : self.at + len(directory)] = directory
        return bytes(file)


def read(data: bytes) -> Unopened:
    tags = _Directory(data)
    width, height = tags.value(_WIDTH), tags.value(_HEIGHT)
    _check_samples(tags)
    _check_pieces(tags, width, height)
    return Unopened(width, height, lambda: TiffImagePlugin.TiffImageFile(io.BytesIO(tags.alone())))


def _check_samples(tags: _Directory) -> None:
    compression = tags.value(_COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        name = _NAMES.get(compression, f"unknown ({compression})")
        raise ImageFormatUnsupported(f"a TIFF with {name} compression")
    bits, photometric = tags.value(_BITS, 1), tags.value(_PHOTOMETRIC, 0)
    if photometric in (0, 1) and (bits == 12 or (bits == 16 and photometric == 0)):
        # Pillow reads both, but the one comes out nearly black, the other as a negative
        raise ImageFormatUnsupported(
            "a TIFF with 12-bit grey" if bits == 12 else "a TIFF with 16-bit grey where 0 is white"
        )


def _check_pieces(tags: _Directory, width: int, height: int) -> None:
    """Are there enough strips or tiles for the picture, and none much larger than it?

    For what no strip covers, Pillow would be silent and the picture black.
    """
    planes = tags.value(_SAMPLES, 1) if tags.value(_PLANES, 1) == 2 else 1
    tiled = {_TILE_WIDTH, _TILE_HEIGHT, _TILES} & tags.entries.keys()
    if tiled and _STRIPS in tags.entries:
        raise ImageUnreadable("the TIFF is damaged")
    if not tiled:
        rows = min(tags.value(_STRIP_ROWS, height), height)
        pieces, across, down = tags.count(_STRIPS), 1, -(-height // rows) if rows else 0
    else:
        tile = tags.value(_TILE_WIDTH), tags.value(_TILE_HEIGHT)
        if not all(tile):
            raise ImageUnreadable("the TIFF is damaged")
        if tile[0] * tile[1] > max(width * height, _MAX_TILE):
            raise ImageUnreadable("the TIFF has tiles that are larger than its picture")
        pieces, across, down = tags.count(_TILES), -(-width // tile[0]), -(-height // tile[1])
    if not 0 < across * down * planes <= pieces:
        raise ImageUnreadable("the TIFF is truncated")
