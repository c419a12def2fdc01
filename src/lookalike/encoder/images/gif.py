"""GIF: its first frame."""

import io
import re
import struct

from PIL import GifImagePlugin, Image

from lookalike.encoder.images.unopened import PAINTED, Unopened
from lookalike.errors import ImageUnreadable

SIGNATURE = rb"GIF8[79]a"

_BLOCK = re.compile(rb"[!,;]")
_MAX_JUNK = 1024
"""Bytes between blocks that mean nothing. There should be none; some encoders leave a few."""
_GRAPHIC_CONTROL = 0xF9


def read(data: bytes) -> Unopened:
    if len(data) < 13:
        raise ImageUnreadable("the GIF is truncated")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = 13 + _table(flags)
    frame, control = _first_frame(data, start)
    left, top, across, down = struct.unpack_from("<HHHH", data, frame + 1)
    right, bottom = left + across, top + down
    # Pillow gets the header, what controls the frame, and the frame: no comments, no application's data.
    slim = data[:start] + control + data[frame:]

    def open_() -> Image.Image:
        picture = GifImagePlugin.GifImageFile(io.BytesIO(slim))
        if (left, top) != (0, 0) or right < width or bottom < height:
            picture.info[PAINTED] = (left, top, right, bottom)
        return picture

    # a frame may reach beyond the canvas, and then Pillow makes the canvas larger
    return Unopened(max(width, right), max(height, bottom), open_)


def _table(flags: int) -> int:
    """Length in bytes of the table of colours that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _first_frame(data: bytes, at: int) -> tuple[int, bytes]:
    """Where the first frame's descriptor is, and the extension that says what is transparent in it."""
    control = b""
    while found := _BLOCK.search(data, at, at + _MAX_JUNK):
        at = found.start()
        if data[at] == ord(","):
            if at + 10 > len(data):
                break
            return at, control
        if data[at] == ord(";"):
            raise ImageUnreadable("the GIF has no picture in it")
        kind, end = data[at + 1 : at + 2], at + 2
        while end < len(data) and data[end]:
            end += 1 + data[end]
        end += 1
        if kind == bytes([_GRAPHIC_CONTROL]):
            control = data[at:end]
        at = end
    raise ImageUnreadable("the GIF is truncated" if at >= len(data) else "the GIF is damaged")
