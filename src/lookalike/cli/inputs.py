"""Where the command line's texts and pictures come from."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from lookalike.catalog.sources.folder import SUFFIXES
from lookalike.errors import ImageError, ImageTooManyBytes, ImageUnreadable, SettingInvalid

T = TypeVar("T")


def lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a UTF-8 stream as they come, without their ends. Bytes that aren't UTF-8 become U+FFFD."""
    for number, line in enumerate(stream):
        text = line.decode("utf-8", errors="replace")
        yield (text.removeprefix("\ufeff") if number == 0 else text).rstrip("\r\n")


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among `paths`, and all pictures (by their suffix) in and below its folders, in order of name.

    Hidden files and folders are left out. Raises SettingInvalid for a folder that holds no picture.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        count = 0
        for folder, subfolders, names in os.walk(path):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and is_picture(file := Path(folder, name)):
                    count += 1
                    yield file
        if not count:
            raise SettingInvalid("--images", f"there is no picture in {path}")


def read_picture(path: Path, limit: int) -> bytes | ImageError:
    """The bytes of a picture's file, or why there are none. A file of more than `limit` bytes is not read."""
    try:
        size = path.stat().st_size
        return path.read_bytes() if size <= limit else ImageTooManyBytes(size, limit)
    except OSError as error:
        return ImageUnreadable(error.strerror or str(error))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
