"""The last errors that the service answered with: enough to know what goes wrong, nothing of what was asked."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

KEPT = 100

_OWN = frozenset({408, 429})
"""Statuses below 500 that tell of the service rather than of the request."""


@dataclass(frozen=True, slots=True)
class AnsweredError:
    """One answer of 400 or above. `time`: ISO 8601, UTC. `route` is the pattern, never the path."""

    time: str
    route: str
    method: str
    status: int
    code: str | None
    request_id: str


class LastErrors:
    """The last `kept` errors of the service, and as many that were the client's: a flood of wrong keys doesn't
    wash away the one failure that matters.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._own: deque[tuple[int, AnsweredError]] = deque(maxlen=kept)
        self._clients: deque[tuple[int, AnsweredError]] = deque(maxlen=kept)
        self._count = 0
        self._lock = threading.Lock()

    def add(self, route: str, method: str, status: int, code: str | None, request_id: str) -> None:
        """An error was answered just now."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        error = AnsweredError(now, route, method, status, code, request_id)
        with self._lock:
            self._count += 1
            kept = self._own if status >= 500 or status in _OWN else self._clients
            kept.append((self._count, error))

    def newest_first(self) -> list[AnsweredError]:
        with self._lock:
            both = [*self._own, *self._clients]
        return [error for _, error in sorted(both, key=lambda one: -one[0])]
