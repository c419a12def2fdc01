"""Whether a running process serves from a bundle: each holds a shared lock on the bundle's card while it does.

The kernel keeps the lock, so a process that dies, however it dies, holds none. A shared lock needs no right to
write, so it works in a read-only cache. Windows has no such lock, so nothing is ever seen to be in use there.
"""

import contextlib
from pathlib import Path
from typing import Any, BinaryIO

from lookalike.models.bundle import CARD

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def hold(bundle: Path) -> BinaryIO | None:
    """Mark a bundle as in use for as long as the file that is given back stays open.

    None if it can't be marked: the folder lies where locks don't work, or is being removed.
    """
    if fcntl is None:
        return None
    try:
        file = (bundle / CARD).open("rb")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def in_use(bundle: Path) -> bool:
    """Whether any process, this one included, holds the bundle."""
    if fcntl is None:
        return False
    with contextlib.suppress(FileNotFoundError), (bundle / CARD).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # locks don't work here, so nobody can have one
            return False
    return False
