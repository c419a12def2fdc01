"""What waits for one tower: how much of it there may be, and the order in which it goes."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lookalike.encoder.tickets import Reason, Ticket
from lookalike.errors import QueueFull, ServiceError, Stopping
from lookalike.models.cards import TowerName

LONGEST_RETRY = 60

BACKGROUND_ITEMS = 64
"""Of what is in no hurry, admitted at once; who brings more waits."""

BACKGROUND_BATCH = 4
"""What is in no hurry goes in small batches: a search that comes meanwhile waits for one of them, and a batch
of 16 would gain it a few per cent."""

BACKGROUND_TURN = 8
"""Batches that may go before what is in no hurry, so that it is not put off for ever."""


class Observer:
    """Told what happens, from several threads; must be quick. This one ignores it all."""

    def decoded(self, tower: TowerName, seconds: float) -> None: ...
    def waited(self, tower: TowerName, seconds: float) -> None: ...
    def batch(self, tower: TowerName, size: int, seconds: float) -> None: ...
    def dropped(self, tower: TowerName, reason: Reason, count: int) -> None: ...
    def rejected(self, tower: TowerName, count: int) -> None: ...
    def cached(self, hits: int, misses: int) -> None: ...
    def worker_failed(self, tower: TowerName, restarting: bool, hung: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What may wait, and what goes through a tower at once. Each tower has its own `queue_items` and
    `queue_bytes`: bytes of files and of the pixels that they become, whichever are more."""

    batch_size: int = 16
    queue_items: int = 512
    queue_bytes: int = 64 * 2**20
    decoders: int = 2
    text_cache: int = 10_000
    stall_seconds: float = 60.0
    """An inference that takes longer, and much longer than others did, hangs: its worker is replaced."""


@dataclass(slots=True, eq=False)
class Entry:
    """One picture or text that waits. `payload`: pixels `[height, width, 3]` or ids `[length]`."""

    ticket: Ticket
    places: Sequence[int]
    payload: NDArray[Any]
    cost: int
    decode: float
    queued: float
    truncated: bool = False
    text: str | None = None
    background: bool = False


class Queue:
    """One tower's queue. All methods may be called from any thread."""

    def __init__(self, tower: TowerName, limits: BatchLimits, observer: Observer) -> None:
        self._tower, self._limits, self._observer = tower, limits, observer
        self.changed = threading.Condition()
        """Guards all that is here, and which worker owes which answer."""
        self._waiting: deque[Entry] = deque()
        self._behind: deque[Entry] = deque()
        self._items = self._bytes = 0  # admitted and not yet done, decoded or not
        self._behind_items = 0
        self._passed_over = 0
        self._accepting = True
        self.ending = False
        self._refusal: Callable[[], ServiceError] | None = None
        self._seconds_per_item = 0.0

    # Asking

    @property
    def depth(self) -> tuple[int, int]:
        """Items and bytes that are admitted and not yet done, without those in no hurry."""
        return self._items, self._bytes

    @property
    def background(self) -> int:
        """Items in no hurry that are admitted and not yet done."""
        return self._behind_items

    @property
    def waiting(self) -> int:
        """Items that are ready for the worker."""
        return len(self._waiting) + len(self._behind)

    def expected(self, items: int) -> float:
        """Seconds that so many take by the rate that was measured; 0 before there is one."""
        return items * self._seconds_per_item

    def retry_after(self) -> int:
        """Seconds in which what is admitted now will be done, by the rate that was measured; 1 to 60."""
        return max(1, min(LONGEST_RETRY, math.ceil(self.expected(self._items))))

    # Coming in

    def admit(self, items: int, cost: int, deadline: float | None = None) -> None:
        """Take room, if there is some, and if by the measured rate the deadline can be kept.

        Raises QueueFull, Stopping, WorkerFailed.
        """
        with self.changed:
            self._check()
            # whatever fits the limits of a request must be served when nothing else is there
            full = self._items > 0 and (
                self._items + items > self._limits.queue_items
                or self._bytes + cost > self._limits.queue_bytes
                or self._too_late(deadline)
            )
            if full:
                self._observer.rejected(self._tower, items)
                raise QueueFull(self._tower, self.retry_after())
            self._items += items
            self._bytes += cost

    def admit_background(self, items: int) -> None:
        """Wait for room and take it. Raises Stopping, WorkerFailed."""
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    not self._accepting
                    or self._refusal is not None
                    or not self._behind_items
                    or self._behind_items + items <= BACKGROUND_ITEMS
                )
            )
            self._check()
            self._behind_items += items

    def _check(self) -> None:
        if not self._accepting:
            raise Stopping
        if self._refusal is not None:
            raise self._refusal()

    def _too_late(self, deadline: float | None) -> bool:
        """Whether what is there already takes longer: better refused now than dropped then."""
        return deadline is not None and self.expected(self._items) > deadline - time.monotonic()

    def lapsed(self, ticket: Ticket, items: int, cost: int, *, background: bool = False) -> bool:
        """Whether the request was dropped, because nobody waits for it or it is too late."""
        reason = ticket.lapsed(time.monotonic())
        if reason is None:
            return False
        if reason == "deadline":
            ticket.fail(ticket.late())
        self._observer.dropped(self._tower, reason, items)
        self.release(items, cost, background=background)
        return True

    def put(self, entries: Sequence[Entry]) -> None:
        """What is ready for the worker."""
        with self.changed:
            error = Stopping() if self.ending else self._refusal and self._refusal()
            if not error:
                for entry in entries:
                    (self._behind if entry.background else self._waiting).append(entry)
                self.changed.notify_all()
                return
        self.fail(entries, error)

    # Going out

    def take(self, given_up: Callable[[], bool]) -> list[Entry]:
        """The next batch, once there is one; nothing when the queue ends or the worker was given up."""
        while True:
            with self.changed:
                self.changed.wait_for(
                    lambda: self._waiting or self._behind or self.ending or given_up()
                )
                if self.ending or given_up():
                    return []
                taken = self._next()
            live = [
                entry
                for entry in taken
                if not self.lapsed(
                    entry.ticket, len(entry.places), entry.cost, background=entry.background
                )
            ]
            if live:
                return live

    def _next(self) -> list[Entry]:
        first = bool(self._waiting) and not (self._behind and self._passed_over >= BACKGROUND_TURN)
        self._passed_over = self._passed_over + 1 if first and self._behind else 0
        queue = self._waiting if first else self._behind
        most = self._limits.batch_size
        size = min(most if first else min(most, BACKGROUND_BATCH), len(queue))
        return [queue.popleft() for _ in range(size)]

    def release(self, items: int, cost: int, *, background: bool = False) -> None:
        """Give room back."""
        with self.changed:
            if background:
                self._behind_items -= items
                self.changed.notify_all()
                return
            self._items -= items
            self._bytes -= cost
            if not self._items:
                self.changed.notify_all()

    def fail(self, entries: Sequence[Entry], error: ServiceError) -> None:
        """End these requests."""
        for entry in entries:
            entry.ticket.fail(error)
            self.release(len(entry.places), entry.cost, background=entry.background)

    def measure(self, size: int, seconds: float) -> None:
        """So many took so long."""
        each = seconds / size
        known = self._seconds_per_item
        self._seconds_per_item = each if not known else 0.8 * known + 0.2 * each

    # Ending

    def refuse(self, refusal: Callable[[], ServiceError]) -> list[Entry]:
        """Nothing will be taken any more: refuse what comes. What still waited, to be failed."""
        with self.changed:
            self._refusal = refusal
            return self._empty()

    def close(self) -> None:
        """Accept nothing more."""
        with self.changed:
            self._accepting = False
            self.changed.notify_all()

    def drain(self, until: float) -> bool:
        """Whether all that was accepted was done by then."""
        with self.changed:
            return self.changed.wait_for(
                lambda: not (self._items or self._behind_items) or self._refusal is not None,
                max(0.0, until - time.monotonic()),
            )

    def end(self) -> list[Entry]:
        """Let the worker go. What still waited, to be failed."""
        with self.changed:
            self._accepting, self.ending = False, True
            return self._empty()

    def _empty(self) -> list[Entry]:
        left = [*self._waiting, *self._behind]
        self._waiting.clear()
        self._behind.clear()
        self.changed.notify_all()
        return left
