"""Giving back to the system what a burst took.

glibc keeps what was freed, in a heap for each thread that shrinks only at its end. After a flood the service
would hold all that the flood needed at its worst moment.
"""

import asyncio
import ctypes
import sys
from collections.abc import Callable
from functools import cache

LOOK_SECONDS = 5.0


@cache
def _libc() -> ctypes.CDLL | None:
    """glibc; other C libraries have no such call, or no need of it."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None


def trim() -> bool:
    """Return the free pages of all heaps. Whether there were any. Lets other threads run meanwhile."""
    libc = _libc()
    return libc is not None and libc.malloc_trim(0) == 1


async def keep_trimmed(served: Callable[[], int], seconds: float = LOOK_SECONDS) -> None:
    """Trim now and then, where something was served since. Ends when it is cancelled.

    `served`: requests until now.
    """
    trimmed_at = served()
    while True:
        await asyncio.sleep(seconds)
        if served() != trimmed_at:
            trimmed_at = served()
            await asyncio.to_thread(trim)
