"""A lock that many may share, or one have alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Writers of a collection share it; whoever swaps the collection has it alone. The one waits until the
    sharers have left, and doesn't keep others from entering while it waits.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharers = 0
        self._taken = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Enter together with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken)
            self._sharers += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharers -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Enter when nobody is in, and keep everybody out."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken and not self._sharers)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()
