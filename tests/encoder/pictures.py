"""Pictures for tests, made by code: the same ones every time."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def rgb(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with smooth colours, hard edges and a little noise, unlike itself in every orientation."""
    rng = np.random.default_rng([seed, width, height])
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(x * a + y * b + c) for a, b, c in rng.uniform(2, 9, (3, 3))]
    values = 128 + 90 * np.stack(waves, axis=-1)
    for _ in range(4):
        left, top = rng.integers(0, (width, height))
        across, down = rng.integers(1, (width // 3 + 2, height // 3 + 2))
        values[top : top + down, left : left + across] = rng.uniform(0, 255, 3)
    values += rng.integers(-3, 4, values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def grey(width: int, height: int, seed: int = 0) -> Image.Image:
    return rgb(width, height, seed).convert("L")


def grey16(width: int, height: int, seed: int = 0) -> NDArray[np.uint16]:
    """`[height, width]`, over the whole range of sixteen bits."""
    rng = np.random.default_rng([seed, width, height])
    low = rng.integers(0, 256, (height, width), dtype=np.uint16)
    return np.asarray(grey(width, height, seed)).astype(np.uint16) * 256 + low


def alpha(width: int, height: int) -> Image.Image:
    """From clear to solid along a diagonal, with some of each whole."""
    y, x = np.mgrid[0:height, 0:width]
    slope = (x / max(1, width - 1) + y / max(1, height - 1)) / 2
    return Image.fromarray(np.clip(slope * 400 - 70, 0, 255).astype(np.uint8))


def rgba(width: int, height: int, seed: int = 0) -> Image.Image:
    picture = rgb(width, height, seed)
    picture.putalpha(alpha(width, height))
    return picture


def la(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.merge("LA", (grey(width, height, seed), alpha(width, height)))


def palette(width: int, height: int, seed: int = 0, colours: int = 32) -> Image.Image:
    return rgb(width, height, seed).quantize(colours, dither=Image.Dither.NONE)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The file; `kind` is Pillow's name of the format."""
    file = io.BytesIO()
    picture.copy().save(file, kind, **options)  # a copy, for saving leaves traces in a picture
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """EXIF data that says nothing but this."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def png(
    width: int, height: int, bits: int, colours: int, rows: bytes, *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG of these raw rows, each with its filter byte; `chunks` go before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
