"""Small files that unpack to much: they are read, or refused, at the price of a small file."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.encoder import pictures

COUNT = 15 * 2**20 // 8
"""Fractions in EXIF data, which become Python objects of some hundred bytes each, unpacked."""

SIZE = (40, 30)

CHILD = """
import sys, time
from pathlib import Path
from lookalike.encoder.images import ImagePreprocessor
from lookalike.models.cards import ImageSpec

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024

preprocess = ImagePreprocessor(ImageSpec(height=32, width=32, mean=(0.5,) * 3, std=(0.5,) * 3))
data, before, started = Path(sys.argv[1]).read_bytes(), peak(), time.process_time()
assert preprocess(data).shape == (32, 32, 3)
print(peak() - before, time.process_time() - started)
"""


def fractions() -> bytes:
    return np.arange(1, 2 * COUNT + 1, dtype="<u4").tobytes()


def exif(*entries: bytes, data: bytes) -> bytes:
    """EXIF data with these entries, of which one points to offset 100, where the data is."""
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"Exif\0\0" + (b"II*\0" + struct.pack("<I", 8) + directory).ljust(100, b"\0") + data


RESOLUTION = struct.pack("<HHII", 282, 5, COUNT, 100)
"""The resolution, which should be one fraction, as an array; and its unit, without which nobody looks at it."""
UNIT = struct.pack("<HHIHH", 296, 3, 1, 2, 0)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    values = np.asarray(pictures.rgb(*SIZE)).reshape(SIZE[1], -1)
    return pictures.png(*SIZE, 8, 2, b"".join(b"\0" + row.tobytes() for row in values), *chunks)


def png_text() -> bytes:
    zeros = zlib.compress(bytes(40 * 2**20), 9)
    return png(*((b"zTXt", b"%d\0\0" % number + zeros) for number in range(40)))


def png_profile() -> bytes:
    return png((b"iCCP", b"name\0\0" + zlib.compress(bytes(40 * 2**20), 9)))


def png_animation() -> bytes:
    return png((b"acTL", struct.pack(">II", 2**31, 0)))


def png_pieces() -> bytes:
    return png(*([(b"tEXt", b"")] * 50_000))


def jpeg_exif() -> bytes:
    data = pictures.encoded(pictures.rgb(*SIZE), "JPEG")
    whole = exif(RESOLUTION, UNIT, data=fractions())
    segments = b""
    for at in range(0, len(whole), 65_000):
        part = (b"Exif\0\0" if at else b"") + whole[at : at + 65_000]
        segments += b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part
    scan = data.index(b"\xff\xda")
    # with stray bytes, over which simplejpeg stumbles, so that Pillow has to look
    return data[:2] + segments + data[2:scan] + b"\0\0" + data[scan:]


def tiff_exif() -> bytes:
    tags = {34665: {33434: 1.0}}
    data = bytearray(pictures.encoded(pictures.rgb(*SIZE), "TIFF", tiffinfo=tags))
    pointer = data.index(struct.pack("<HHI", 34665, 4, 1)) + 8
    struct.pack_into("<I", data, pointer, len(data))
    directory = struct.pack("<HHHIII", 1, 33434, 5, COUNT, len(data) + 18, 0)
    return bytes(data) + directory + fractions()


def avif_exif() -> bytes:
    # Turned, for then Pillow unpacks its EXIF data and packs it again. It is one long string here while the
    # file is made, and becomes an array of fractions only after.
    data = fractions()
    turned = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    string = struct.pack("<HHI", 60_000, 1, len(data))
    whole = exif(turned, string + struct.pack("<I", 100), data=data)
    file = pictures.encoded(pictures.rgb(*SIZE), "AVIF", exif=whole)
    assert b"irot" in file
    assert string in file
    return file.replace(string, struct.pack("<HHI", 60_000, 5, COUNT))


def gif_comments() -> bytes:
    data = pictures.encoded(pictures.palette(*SIZE), "GIF")
    comment = b"!\xfe" + b"\x01x" * 2_000_000 + b"\0"
    frame = data.index(b",\0\0\0\0", 13 + 3 * 32)
    return data[:frame] + comment + data[frame:]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize(
    "make",
    [
        png_text,
        png_profile,
        png_animation,
        png_pieces,
        jpeg_exif,
        tiff_exif,
        avif_exif,
        gif_comments,
    ],
    ids=lambda make: make.__name__,
)
def test_metadata_that_unpacks_to_much_is_not_unpacked(
    make: Callable[[], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "bomb"
    file.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    megabytes, seconds = (float(word) for word in done.stdout.split())
    # A few copies of the file, and some time to walk through its pieces; unpacked, the EXIF data takes more
    # than 500 MB and 5 s (TIFF, JPEG) or 1,200 MB and 15 s (AVIF).
    assert megabytes < 20 + 4 * file.stat().st_size / 2**20
    assert seconds < 3
