"""WebP: of an animation, the first frame.

Pillow's decoder makes two canvases of four bytes a pixel when it opens a file, so the size is read before. That
no frame is larger than the canvas, libwebp checks itself.
"""

import io
import struct

from PIL import WebPImagePlugin

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageUnreadable

SIGNATURE = rb"RIFF....WEBP"


def read(data: bytes) -> Unopened:
    width, height = _size(data)
    return Unopened(width, height, lambda: WebPImagePlugin.WebPImageFile(io.BytesIO(data)))


def _size(data: bytes) -> tuple[int, int]:
    if len(data) < 30 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise ImageUnreadable("the WebP is truncated")
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ImageUnreadable("the WebP is damaged")
