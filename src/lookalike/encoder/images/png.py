"""PNG. Of an animated one (APNG) the default picture, nearly always its first frame, is taken."""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image, PngImagePlugin

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageUnreadable

SIGNATURE = rb"\x89PNG\r\n\x1a\n"

_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
"""The chunks that make the pixels. Pillow gets no others: text and colour profiles that unpack to many times
their size, the later frames of an animation, private chunks."""
_MAX_CHUNKS = 100_000
"""20 MiB in the 8 KiB chunks that encoders write are 2,560."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type to samples of a pixel."""
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""The passes of an interlaced PNG: first column and row, step between columns and rows."""


def read(data: bytes) -> Unopened:
    kept: list[bytes] = [data[:8]]
    pixels: list[memoryview] = []
    header = exif = b""
    whole = memoryview(data)
    for kind, start, end in _chunks(data):
        if bool(header) is (
            kind == b"IHDR"
        ):  # the header comes first, and once: Pillow takes the last
            raise ImageUnreadable("the PNG is damaged")
        if kind == b"IHDR":
            header = data[start:end]
        if kind in _NEEDED:
            kept.append(data[start - 8 : end + 4])
        if kind == b"IDAT":
            pixels.append(whole[start:end])
        elif kind == b"eXIf" and not exif:
            exif = data[start:end]
    if len(header) != 13 or not pixels:
        raise ImageUnreadable("the PNG is truncated")
    width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", header)

    def open_() -> Image.Image:
        picture = PngImagePlugin.PngImageFile(io.BytesIO(b"".join(kept)))
        picture.load()
        if exif:
            picture.info["exif"] = exif
        _scale_transparent_colour(picture, bits)
        length = _length(width, height, bits * _CHANNELS[colours], bool(interlaced))
        if (interlaced or _ends_blank(picture)) and not _is_whole(pixels, length):
            raise ImageUnreadable("the PNG is truncated")
        return picture

    return Unopened(width, height, open_)


def _scale_transparent_colour(picture: Image.Image, bits: int) -> None:
    """Pillow makes eight bits of most pixels, but not of the colour that is to be transparent."""
    key = picture.info.get("transparency")
    if isinstance(key, int) and picture.mode == "L":
        picture.info["transparency"] = key * 255 // (2**bits - 1)
    elif isinstance(key, tuple) and bits == 16:
        picture.info["transparency"] = tuple(value >> 8 for value in key)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's kind, and where its content starts and ends. The last may end before it should."""
    at, count = 8, 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, min(at + 8 + length, len(data))
        if kind == b"IEND":
            return
        at += 12 + length
        count += 1
        if count > _MAX_CHUNKS:
            raise ImageUnreadable("the PNG is in too many pieces")


def _ends_blank(picture: Image.Image) -> bool:
    """Is the last row of the picture all zeros, as rows are that were never decoded?

    Pillow leaves them so, without a word, when the compressed data ends early but properly.
    """
    width, height = picture.size
    return picture.crop((0, height - 1, width, height)).getbbox(alpha_only=False) is None


def _length(width: int, height: int, bits: int, interlaced: bool) -> int:
    """How many bytes the picture's rows have, each with its filter byte; `bits` are those of a pixel."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns = -(-(width - left) // across) if width > left else 0
        rows = -(-(height - top) // down) if height > top else 0
        if columns:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _is_whole(pieces: Sequence[memoryview], length: int) -> bool:
    """Do these compressed pieces hold at least `length` bytes? Needs little memory."""
    inflater = zlib.decompressobj()
    for piece in pieces:
        rest: bytes | memoryview = piece
        while rest and length > 0 and not inflater.eof:
            length -= len(inflater.decompress(rest, 1 << 20))
            rest = inflater.unconsumed_tail
    return length <= 0
