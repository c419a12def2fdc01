"""Room on the disk for models, and what it means when writing fails."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import CacheFull, CacheUnwritable

_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def free_bytes(folder: Path) -> int | None:
    """Free bytes where `folder` is or will be; None if that can't be told."""
    for place in (folder, *folder.absolute().parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def need(folder: Path, size: int) -> None:
    """Raises CacheFull if there are fewer than `size` bytes free: better before the work than at its end."""
    free = free_bytes(folder)
    if free is not None and free < size:
        raise CacheFull(folder, free, size)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system says about a full or protected disk into CacheFull and CacheUnwritable."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise CacheFull(folder, free_bytes(folder)) from error
        if error.errno in _FORBIDDEN:
            raise CacheUnwritable(folder, error.strerror or str(error)) from error
        raise
