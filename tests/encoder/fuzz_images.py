"""Feeds damaged pictures to the preprocessor and prints what came of it, as JSON.

`python -m tests.encoder.fuzz_images COUNT SEED`. A process of its own, so that its peak memory can be
told and a crash of a decoder is a failed test and not the end of all tests. The same seed gives the same
files; to see one again: `python -m tests.encoder.fuzz_images COUNT SEED NUMBER > file`.
"""

import collections
import io
import itertools
import json
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.encoder.images import ImageLimits, ImagePreprocessor
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures
from tests.encoder.pictures import encoded

MAX_PIXELS = 1_000_000
DOCUMENTED = frozenset(
    {
        "ImageUnreadable",
        "ImageFormatUnsupported",
        "ImageTooLarge",
        "ImageTooManyBytes",
        "ImageTooSmall",
    }
)

Random = np.random.Generator


def seeds() -> dict[str, list[bytes]]:
    """Small whole files of every format, in many of its variants."""
    width, height = 24, 16
    rgb, grey = pictures.rgb(width, height), pictures.grey(width, height)
    rgba, palette = pictures.rgba(width, height), pictures.palette(width, height)
    grey16 = Image.fromarray(pictures.grey16(width, height))
    cmyk, exif = rgb.convert("CMYK"), pictures.exif(6)
    second, second_palette = (
        make(width, height, seed=1) for make in (pictures.rgb, pictures.palette)
    )
    files = {
        "JPEG": [
            encoded(rgb, "JPEG", exif=exif),
            encoded(rgb, "JPEG", progressive=True, subsampling=0),
            encoded(grey, "JPEG", restart_marker_blocks=2),
            encoded(cmyk, "JPEG", icc_profile=b"icc" * 40),
            encoded(rgb, "MPO", save_all=True, append_images=[second.copy()]),
        ],
        "PNG": [
            encoded(rgb, "PNG", exif=exif),
            encoded(rgba, "PNG", icc_profile=b"icc" * 40),
            encoded(palette, "PNG", transparency=bytes(range(0, 256, 8))),
            encoded(grey16, "PNG"),
            encoded(rgb, "PNG", save_all=True, append_images=[second.copy()]),
        ],
        "WebP": [
            encoded(rgb, "WEBP"),
            encoded(rgba, "WEBP", lossless=True, exif=exif),
            encoded(rgb, "WEBP", save_all=True, append_images=[second.copy()]),
        ],
        "GIF": [
            encoded(palette, "GIF", transparency=3, comment=b"comment"),
            encoded(palette, "GIF", disposal=2, save_all=True, append_images=[second_palette]),
            encoded(grey, "GIF", interlace=1),
        ],
        "BMP": [
            encoded(rgb, "BMP"),
            encoded(palette, "BMP"),
            encoded(grey.convert("1"), "BMP"),
            encoded(rgba, "BMP"),
            run_length_bmp(),
        ],
        "TIFF": [
            encoded(rgb, "TIFF", tiffinfo={274: 6}, exif=exif),
            encoded(rgb, "TIFF", compression="tiff_lzw"),
            encoded(rgba, "TIFF", compression="tiff_adobe_deflate"),
            encoded(rgb, "TIFF", compression="jpeg"),
            encoded(grey.convert("1"), "TIFF", compression="group4"),
            encoded(palette, "TIFF", compression="packbits"),
            encoded(cmyk, "TIFF", big_tiff=True),
            encoded(grey16, "TIFF", save_all=True, append_images=[second.copy()]),
        ],
        "AVIF": [encoded(rgba, "AVIF", speed=10, exif=exif)],
    }
    try:
        import pillow_heif
    except ImportError:
        return files
    file = io.BytesIO()
    pillow_heif.from_pillow(rgb).save(file, exif=exif)
    return {**files, "HEIC": [file.getvalue()]}


def run_length_bmp() -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, 24, 16, 1, 8, 1, 0, 0, 0, 4, 0)
    colours = bytes([0, 0, 0, 0, 90, 0, 0, 0, 0, 90, 0, 0, 255, 255, 255, 0])
    rows = b"\x18\x01\0\0\x0c\x02\x0c\x03\0\0\0\x04\1\2\3\0\x14\1\0\0" * 5 + b"\x18\2\0\1"
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + len(colours)) + info + colours + rows


# Ways to damage a file


def flip(data: bytearray, rng: Random) -> None:
    for _ in range(rng.integers(1, 12)):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)


def flip_head(data: bytearray, rng: Random) -> None:
    for _ in range(rng.integers(1, 6)):
        data[rng.integers(min(len(data), 80))] = rng.integers(256)


def cut(data: bytearray, rng: Random) -> None:
    del data[rng.integers(len(data)) :]


def drop(data: bytearray, rng: Random) -> None:
    start = rng.integers(len(data))
    del data[start : start + rng.integers(1, 40)]


def repeat(data: bytearray, rng: Random) -> None:
    start = rng.integers(len(data))
    piece = data[start : start + rng.integers(1, 60)]
    data[start:start] = piece * int(rng.integers(1, 30))


def blot(data: bytearray, rng: Random) -> None:
    start = rng.integers(len(data))
    length = min(int(rng.integers(1, 30)), len(data) - start)
    data[start : start + length] = bytes([rng.choice([0, 255, 127])]) * length


NUMBERS = (0, 1, 2, 255, 256, 4096, 32767, 32768, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def lie(data: bytearray, rng: Random) -> None:
    """Another number somewhere in the first part, where headers keep sizes and offsets."""
    for _ in range(rng.integers(1, 4)):
        form = rng.choice([">H", "<H", ">I", "<I"])
        value = int(rng.choice(NUMBERS)) % (1 << (16 if form[1] == "H" else 32))
        place = rng.integers(max(1, min(len(data), 300) - 4))
        if place + struct.calcsize(form) <= len(data):
            struct.pack_into(form, data, place, value)


DAMAGES: tuple[Callable[[bytearray, Random], None], ...] = (
    flip,
    flip_head,
    cut,
    drop,
    repeat,
    blot,
    lie,
    lie,
)


def mend_png(data: bytearray) -> None:
    """Right checksums, so that the damage gets further than to them."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


def damaged(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` files with the format that each began as."""
    rng = np.random.default_rng(seed)
    files = seeds()
    every = [data for variants in files.values() for data in variants]
    for kind in itertools.islice(itertools.cycle(files), count):
        data = bytearray(files[kind][rng.integers(len(files[kind]))])
        if rng.random() < 0.1:
            other = every[rng.integers(len(every))]
            data[rng.integers(len(data)) :] = other[rng.integers(len(other)) :]
        for _ in range(rng.integers(1, 3)):
            if data:
                DAMAGES[rng.integers(len(DAMAGES))](data, rng)
        if kind == "PNG" and rng.random() < 0.8:
            mend_png(data)
        yield kind, bytes(data)


def peak() -> float:
    """The most memory that this process had so far, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(count: int, seed: int) -> None:
    warnings.simplefilter("ignore")
    limits = ImageLimits(max_pixels=MAX_PIXELS, max_bytes=2**20)
    sides = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    readers = [
        ImagePreprocessor(ImageSpec(height=24, width=width, resize=resize, **sides), mode, limits)
        for mode in ("natural", "reference", "fast")
        for width, resize in ((24, "shortest"), (32, "longest"))
    ]
    for data in itertools.chain.from_iterable(seeds().values()):
        readers[0](data)  # whole files are read; and every decoder is loaded before memory counts
    before = peak()
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    undocumented: list[str] = []
    slowest = 0.0
    for number, (kind, data) in enumerate(damaged(count, seed)):
        started = time.process_time()
        reader = readers[number // len(DAMAGES) % len(readers)]
        try:
            pixels = reader(data)
            outcome = "read"
            if pixels.shape != (reader.spec.height, reader.spec.width, 3):
                undocumented.append(f"{number}: pixels of shape {pixels.shape}")
        except Exception as error:
            outcome = type(error).__name__
            if outcome not in DOCUMENTED:
                undocumented.append(f"{number}: {error!r}")
        outcomes[kind][outcome] += 1
        slowest = max(slowest, time.process_time() - started)
    result = {
        "outcomes": outcomes,
        "undocumented": undocumented,
        "megabytes": peak() - before,
        "slowest": slowest,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    count, seed, *number = (int(word) for word in sys.argv[1:])
    if number:
        sys.stdout.buffer.write(next(itertools.islice(damaged(count, seed), number[0], None))[1])
    else:
        main(count, seed)
