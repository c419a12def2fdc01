"""Small pictures for pages of results, beside the catalogue.

JPEG of 256 pixels on the longer side: some 13 KB each. Files are spread over 256 folders by a hash of the
item's id, appear only when complete, and are written before their item is acknowledged. A thumbnail that is
missing is made again when the item is next seen.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from lookalike.catalog.store import check_name

SIDE = 256
QUALITY = 80
"""At 224x398, JPEG by simplejpeg takes 0.3 ms and 13 KB. WebP by Pillow takes 1.9 ms and 10 KB at the least
effort, 6.4 ms and 8 KB at the usual one: as much as a small model needs for the whole picture.
"""

_PARTS = ".parts"
_STALE = 3600.0


def make_thumbnail(picture: Image.Image) -> bytes:
    """JPEG of at most SIDE pixels on the longer side; smaller pictures are not enlarged."""
    # palettes can't be resized smoothly
    small = picture if picture.mode == "RGB" else picture.convert("RGB")
    if max(small.size) > SIDE:
        scale = SIDE / max(small.size)
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        # Hamming takes two thirds of bicubic's time and is as sharp when making smaller. Large pictures are
        # first reduced by whole steps, which is several times faster and looks the same.
        small = small.resize(size, Image.Resampling.HAMMING, reducing_gap=1.5)
    pixels = np.asarray(small)
    data: bytes = simplejpeg.encode_jpeg(
        pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="420", fastdct=True
    )
    return data


class Thumbnails:
    """The thumbnails of all collections, in a folder of the catalogue's data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, collection: str, id: str) -> Path:  # noqa: A002 (the item's own word)
        """Where the item's thumbnail is, or would be. Raises CollectionNameInvalid, which `..` would be."""
        name = blake2b(id.encode(), digest_size=16).hexdigest()
        return self.folder / check_name(collection) / name[:2] / f"{name[2:]}.jpg"

    def has(self, collection: str, id: str) -> bool:  # noqa: A002
        return self.path(collection, id).exists()

    def get(self, collection: str, id: str) -> bytes | None:  # noqa: A002
        """The JPEG file, or None."""
        try:
            return self.path(collection, id).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put(self, collection: str, id: str, data: bytes) -> None:  # noqa: A002
        """Write the thumbnail; it is there wholly or not at all. Raises OSError."""
        path = self.path(collection, id)
        parts = self.folder / collection / _PARTS
        part = parts / f"{path.stem}.{os.getpid()}.{threading.get_ident()}"
        try:
            _write(part, data)
            try:
                part.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def remove(self, collection: str, ids: Iterable[str]) -> None:
        """Remove those that are there."""
        for one in ids:
            self.path(collection, one).unlink(missing_ok=True)

    def drop(self, collection: str) -> None:
        """Remove all of a collection."""
        shutil.rmtree(self.folder / check_name(collection), ignore_errors=True)

    def sweep(self, collection: str) -> None:
        """Remove what writers that were killed have left."""
        parts = self.folder / collection / _PARTS
        with suppress(FileNotFoundError):
            for part in parts.iterdir():
                with suppress(FileNotFoundError):
                    if time.time() - part.stat().st_mtime > _STALE:
                        part.unlink()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
