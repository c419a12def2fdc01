"""One tower's queue, and the worker that empties it."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.tickets import Reason, Ticket
from lookalike.errors import (
    InferenceFailed,
    LookalikeError,
    QueueFull,
    ServiceError,
    Stopping,
    WorkerFailed,
)
from lookalike.models.cards import TowerName

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
"""Batches of which nothing came, one after the other, that say the worker is at fault and not its input."""

LONGEST_RETRY = 60


class Observer:
    """Told what happens, from several threads; must be quick. This one ignores it all."""

    def decoded(self, tower: TowerName, seconds: float) -> None: ...
    def waited(self, tower: TowerName, seconds: float) -> None: ...
    def batch(self, tower: TowerName, size: int, seconds: float) -> None: ...
    def dropped(self, tower: TowerName, reason: Reason, count: int) -> None: ...
    def rejected(self, tower: TowerName, count: int) -> None: ...
    def cached(self, hits: int, misses: int) -> None: ...
    def worker_failed(self, tower: TowerName, restarting: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What may wait, and what goes through a tower at once. Each lane has its own `queue_items` and
    `queue_bytes`: bytes of files and of the pixels that they become, whichever are more."""

    batch_size: int = 16
    queue_items: int = 512
    queue_bytes: int = 64 * 2**20
    decoders: int = 2
    text_cache: int = 10_000
    stall_seconds: float = 60.0
    """An inference that takes longer is taken for a dead worker."""


@dataclass(slots=True, eq=False)
class Entry:
    """One picture or text in a lane. `payload`: pixels `[height, width, 3]` or ids `[length]`."""

    ticket: Ticket
    places: Sequence[int]
    payload: NDArray[Any]
    cost: int
    decode: float
    queued: float
    truncated: bool = False
    text: str | None = None


class Lane:
    """One tower's queue and its worker."""

    def __init__(
        self,
        tower: TowerName,
        run: Callable[[Sequence[NDArray[Any]]], NDArray[np.float32]],
        probe: NDArray[Any],
        limits: BatchLimits,
        observer: Observer,
        done: Callable[[Entry, NDArray[np.float32], float], None],
    ) -> None:
        self.tower, self._run, self._probe = tower, run, probe
        self._limits, self._observer, self._done = limits, observer, done
        self._changed = threading.Condition()
        self._waiting: deque[Entry] = deque()
        self._current: list[Entry] = []
        self._items = self._bytes = 0  # admitted and not yet done, decoded or not
        self._accepting = True
        self._ending = False
        self._state: Literal["running", "restarting", "dead"] = "running"
        self._reason: str | None = None
        self.restarts = 0
        self._busy_since: float | None = None
        self._barren = 0
        self._seconds_per_item = 0.0
        self._worker = self._start()

    # Asking

    @property
    def depth(self) -> tuple[int, int]:
        """Items and bytes that are admitted and not yet done."""
        return self._items, self._bytes

    def health(self, now: float) -> str | None:
        """What is wrong with the worker, if anything is."""
        if self._state != "running":
            return f"the {self.tower} worker is {self._state}: {self._reason}"
        since = self._busy_since
        if since is not None and now - since > self._limits.stall_seconds:
            return f"the {self.tower} worker has not answered for {now - since:.0f} s"
        return None if self._worker.is_alive() else f"the {self.tower} worker has ended"

    def retry_after(self) -> int:
        """Seconds in which what is admitted now will be done, by the rate that was measured; 1 to 60."""
        return max(1, min(LONGEST_RETRY, math.ceil(self._items * self._seconds_per_item)))

    # Admitting

    def admit(self, items: int, cost: int, deadline: float | None = None) -> None:
        """Take room, if there is some, and if by the measured rate the deadline can be kept.

        Raises QueueFull, Stopping, WorkerFailed.
        """
        with self._changed:
            if not self._accepting:
                raise Stopping
            if self._state == "dead":
                raise WorkerFailed(self.tower, self._reason or "it ended", restarting=False)
            # whatever fits the limits of a request must be served when nothing else is there
            full = self._items > 0 and (
                self._items + items > self._limits.queue_items
                or self._bytes + cost > self._limits.queue_bytes
                or self._too_late(deadline)
            )
            if full:
                self._observer.rejected(self.tower, items)
                raise QueueFull(self.tower, self.retry_after())
            self._items += items
            self._bytes += cost

    def _too_late(self, deadline: float | None) -> bool:
        """Whether what is there already takes longer: better refused now than dropped then."""
        if deadline is None:
            return False
        return self._items * self._seconds_per_item > deadline - time.monotonic()

    def release(self, items: int, cost: int) -> None:
        """Give room back."""
        with self._changed:
            self._items -= items
            self._bytes -= cost
            if not self._items:
                self._changed.notify_all()

    def lapsed(self, ticket: Ticket, items: int, cost: int) -> bool:
        """Whether the request was dropped, because nobody waits for it or it is too late."""
        reason = ticket.lapsed(time.monotonic())
        if reason is None:
            return False
        if reason == "deadline":
            ticket.fail(ticket.late())
        self._observer.dropped(self.tower, reason, items)
        self.release(items, cost)
        return True

    def queue(self, entries: Sequence[Entry]) -> None:
        """What is ready for the worker."""
        with self._changed:
            if self._state != "dead" and not self._ending:
                self._waiting.extend(entries)
                self._changed.notify()
                return
        self._abandon(entries, Stopping() if self._ending else self._failure(restarting=False))

    def warm_up(self) -> None:
        """One inference, by the worker. Raises what it meets."""
        ticket = Ticket(1, None)
        self.admit(1, 0)
        self.queue([Entry(ticket, (0,), self._probe, 0, 0.0, time.monotonic())])
        result = ticket.future.result()
        if isinstance(result.results[0], LookalikeError):
            raise result.results[0]

    # Ending

    def close(self) -> None:
        """Accept nothing more."""
        with self._changed:
            self._accepting = False

    def drain(self, until: float) -> bool:
        """Whether all that was accepted was done by then."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._items or self._state == "dead", max(0.0, until - time.monotonic())
            )

    def end(self) -> None:
        """Let the worker go; what still waits fails."""
        with self._changed:
            self._accepting, self._ending = False, True
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        self._abandon(left, Stopping())
        self._worker.join(timeout=5.0)

    # Working: by the worker alone

    def _start(self) -> threading.Thread:
        worker = threading.Thread(target=self._guarded, name=f"{self.tower}-worker", daemon=True)
        worker.start()
        return worker

    def _guarded(self) -> None:
        try:
            if self._state == "restarting":
                self._run([self._probe])  # only what has answered once is called running
                with self._changed:
                    self._state = "running"
            while batch := self._take():
                self._current = batch
                self._infer(batch)
                self._current = []
        except (
            BaseException
        ) as error:  # whatever ends a worker must be seen, and nobody left waiting
            self._worker_ended(error)

    def _take(self) -> list[Entry]:
        """What waits, up to the batch size; nothing when it is time to end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ending)
                if self._ending:
                    return []
                size = min(self._limits.batch_size, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(size)]
            if batch := [e for e in taken if not self.lapsed(e.ticket, len(e.places), e.cost)]:
                return batch

    def _infer(self, batch: list[Entry]) -> None:
        began = time.monotonic()
        for entry in batch:
            self._observer.waited(self.tower, began - entry.queued)
        self._busy_since = began
        try:
            vectors = self._run([entry.payload for entry in batch])
        except Exception as error:
            log.warning("a batch of %d %ss failed: %s", len(batch), self.tower, error)
            fruitful = self._one_by_one(batch)
            self._barren = 0 if fruitful else self._barren + 1
            if self._barren >= FAILURES_IN_A_ROW:
                self._current = []
                raise
            return
        finally:
            self._busy_since = None
        seconds = time.monotonic() - began
        self._barren = 0
        self._measure(len(batch), seconds)
        for entry, vector in zip(batch, vectors, strict=True):
            self._finish(entry, vector, seconds)

    def _one_by_one(self, batch: list[Entry]) -> bool:
        """Whether any of a batch that failed as a whole succeeds alone. The others fail alone."""
        fruitful = False
        for entry in batch:
            began = time.monotonic()
            self._busy_since = began
            try:
                vector = self._run([entry.payload])[0]
            except Exception as error:
                failed = (
                    error if isinstance(error, InferenceFailed) else InferenceFailed(str(error))
                )
                entry.ticket.put(entry.places, failed)
                self.release(len(entry.places), entry.cost)
            else:
                fruitful = True
                self._finish(entry, vector, time.monotonic() - began)
        return fruitful

    def _finish(self, entry: Entry, vector: NDArray[np.float32], seconds: float) -> None:
        self._done(entry, vector, seconds)
        self.release(len(entry.places), entry.cost)

    def _measure(self, size: int, seconds: float) -> None:
        self._observer.batch(self.tower, size, seconds)
        each = seconds / size
        known = self._seconds_per_item
        self._seconds_per_item = each if not known else 0.8 * known + 0.2 * each

    def _worker_ended(self, error: BaseException) -> None:
        log.error("the %s worker failed", self.tower, exc_info=error)
        with self._changed:
            self._reason = str(error) or type(error).__name__
            restarting = not self.restarts and not self._ending
            self._state = "restarting" if restarting else "dead"
            self._busy_since, self._barren = None, 0
            lost, self._current = self._current, []
            if restarting:
                self.restarts += 1
            else:
                lost += self._waiting
                self._waiting.clear()
        self._observer.worker_failed(self.tower, restarting)
        self._abandon(lost, self._failure(restarting))
        with self._changed:
            self._changed.notify_all()
        if restarting:
            self._worker = self._start()

    def _failure(self, restarting: bool) -> WorkerFailed:
        return WorkerFailed(self.tower, self._reason or "it ended", restarting)

    def _abandon(self, entries: Sequence[Entry], error: ServiceError) -> None:
        for entry in entries:
            entry.ticket.fail(error)
            self.release(len(entry.places), entry.cost)
