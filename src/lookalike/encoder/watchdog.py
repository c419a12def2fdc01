"""Somebody who looks whether an inference hangs."""

import threading
import time
from collections.abc import Callable, Sequence

LOOKS = 20
"""In the time after which something hangs."""

MOST_SECONDS = 1.0


class Watchdog:
    """Calls `watch` of each, again and again, with the seconds since its last look.

    A process can be stopped and go on: a container is paused, a laptop sleeps. Then the clock says that much
    time has passed, but nobody had a chance to work in it; so of each look at most two intervals count.
    """

    def __init__(self, watch: Sequence[Callable[[float], None]], patience: float) -> None:
        self._watch = watch
        self._interval = min(MOST_SECONDS, patience / LOOKS)
        self._stopped = threading.Event()
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(self._interval):
            now = time.monotonic()
            elapsed, last = min(now - last, 2 * self._interval), now
            for watch in self._watch:
                watch(elapsed)
