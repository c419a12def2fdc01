"""One tower's worker, and what becomes of it: it works, fails, hangs, is replaced, is given up.

A thread can't be killed. A worker that hangs in the runtime is left where it is, with the compiled model that
it holds: what it worked on is failed, and a new worker loads the model from its bundle again. Should the old
one ever come back, it finds that it was given up and ends.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.queues import BatchLimits, Entry, Observer, Queue
from lookalike.encoder.tickets import Ticket
from lookalike.errors import InferenceFailed, LookalikeError, Stopping, WorkerFailed
from lookalike.models.cards import TowerName

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
"""Batches of which nothing came, one after the other, that say the worker is at fault and not its input."""

MUCH_LONGER = 10
"""Times what a batch took until now: a slow model, or a machine that is short of cores, doesn't hang."""

RELOAD_PATIENCE = 5
"""Times `stall_seconds`: what a new worker has to load the model."""

WELL_SECONDS = 3600.0
"""A new worker that still answers after so long is taken for well, and may be replaced as the first one was.
What comes back sooner would come back for ever, and the process is better begun anew. But a process that lives
for months is not given up for two mishaps that have nothing to do with each other."""

JOIN_SECONDS = 5.0
"""What an inference that is under way at the end may still take."""


@dataclass(slots=True, eq=False)
class Worker:
    """A thread, and what it owes. Whoever empties `batch` under the queue's lock owes it from then on."""

    batch: list[Entry] = field(default_factory=list)
    runs: int = 0
    """Inferences begun: tells one from the next."""
    patience: float | None = None
    """Seconds that what is under way may take; None: nothing is."""
    given_up: bool = False
    thread: threading.Thread | None = None


class Lane:
    """One tower's queue and its worker. All methods may be called from any thread."""

    def __init__(
        self,
        tower: TowerName,
        run: Callable[[Sequence[NDArray[Any]]], NDArray[np.float32]],
        reload: Callable[[], None],
        probe: NDArray[Any],
        limits: BatchLimits,
        observer: Observer,
        done: Callable[[Entry, NDArray[np.float32], float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`run`: payloads to vectors; `reload`: load what `run` uses once more; `probe`: a payload to try;
        `clock`: seconds, by which a new worker proves itself."""
        self.tower, self._run, self._reload, self._probe = tower, run, reload, probe
        self._limits, self._observer, self._done, self._clock = limits, observer, done, clock
        self.queue = Queue(tower, limits, observer)
        self._state: Literal["running", "restarting", "dead"] = "running"
        self._reason = ""
        self.restarts = self.hung = 0
        self._barren = 0
        self._replaced: float | None = None
        self._answered = 0.0  # when a batch last came to something
        self._left_behind: threading.Thread | None = None
        self._watched_run, self._stalled = 0, 0.0
        self._worker = self._start()

    def health(self) -> str | None:
        """What is wrong with the worker, if anything is."""
        if self._state != "running":
            return f"the {self.tower} worker is {self._state}: {self._reason}"
        thread = self._worker.thread
        alive = thread is not None and thread.is_alive()
        return None if alive or self.queue.ending else f"the {self.tower} worker has ended"

    def warm_up(self) -> None:
        """One inference, by the worker. Raises what it meets."""
        ticket = Ticket(1, None)
        self.queue.admit(1, 0)
        self.queue.put([Entry(ticket, (0,), self._probe, 0, 0.0, time.monotonic())])
        result = ticket.future.result()
        if isinstance(result.results[0], LookalikeError):
            raise result.results[0]

    def end(self) -> None:
        """Let the worker go; what still waits fails."""
        self.queue.fail(self.queue.end(), Stopping())
        worker = self._worker
        if worker.thread is not None and not worker.given_up:
            worker.thread.join(JOIN_SECONDS)
        with self.queue.changed:  # it hangs, and won't answer what it has
            worker.given_up = True
            lost, worker.batch = worker.batch, []
        self.queue.fail(lost, Stopping())

    # By the watchdog

    def watch(self, elapsed: float) -> None:
        """Replace a worker whose inference hangs. `elapsed`: seconds of this process since the last look."""
        worker = self._worker
        patience = worker.patience
        if patience is None or worker.runs != self._watched_run:
            self._watched_run, self._stalled = worker.runs, 0.0
            return
        self._stalled += elapsed
        if self._stalled > patience:
            self._failed(
                worker, f"an inference has not ended within {self._stalled:.0f} s", hung=True
            )

    # By the worker

    def _start(self, *, replaces: bool = False) -> Worker:
        worker = Worker()
        worker.thread = threading.Thread(
            target=self._work, args=(worker, replaces), name=f"{self.tower}-worker", daemon=True
        )
        worker.thread.start()
        return worker

    def _work(self, worker: Worker, replaces: bool) -> None:
        try:
            if replaces:
                with self._watched(worker, RELOAD_PATIENCE * self._limits.stall_seconds):
                    self._reload()
                    self._run([self._probe])  # only what has answered once is called running
                with self.queue.changed:
                    if worker.given_up:
                        return
                    self._state = "running"
            while batch := self.queue.take(lambda: worker.given_up):
                worker.batch = batch
                self._infer(worker, list(batch))
        except BaseException as error:  # it must be seen, and nobody left waiting
            log.exception("the %s worker failed", self.tower)
            self._failed(worker, str(error) or type(error).__name__)

    @contextmanager
    def _watched(self, worker: Worker, patience: float) -> Iterator[None]:
        worker.runs += 1
        worker.patience = patience
        try:
            yield
        finally:
            worker.patience = None

    def _infer(self, worker: Worker, batch: list[Entry]) -> None:
        began = time.monotonic()
        for entry in batch:
            self._observer.waited(self.tower, began - entry.queued)
        try:
            vectors = self._attempt(worker, batch)
        except Exception as error:
            if worker.given_up:
                return
            log.warning("a batch of %d %ss failed: %s", len(batch), self.tower, error)
            if self._one_by_one(worker, batch):
                self._came_to_something()
            else:
                self._barren += 1
            if self._barren >= FAILURES_IN_A_ROW:
                raise
            return
        seconds = time.monotonic() - began
        if worker.given_up:  # it hung, and what it knows is of no use to anybody
            return
        self._came_to_something()
        self._observer.batch(self.tower, len(batch), seconds)
        self.queue.measure(len(batch), seconds)
        for entry, vector in zip(batch, vectors, strict=True):
            self._settle(worker, entry, lambda e=entry, v=vector: self._done(e, v, seconds))  # type: ignore[misc]

    def _came_to_something(self) -> None:
        self._barren = 0
        self._answered = self._clock()

    def _one_by_one(self, worker: Worker, batch: list[Entry]) -> bool:
        """Whether any of a batch that failed as a whole succeeds alone. The others fail alone."""
        fruitful = False
        for entry in batch:
            began = time.monotonic()
            try:
                vector = self._attempt(worker, [entry])[0]
            except Exception as error:
                failed = (
                    error if isinstance(error, InferenceFailed) else InferenceFailed(str(error))
                )
                self._settle(
                    worker,
                    entry,
                    lambda e=entry, f=failed: e.ticket.put(e.places, f),  # type: ignore[misc]
                )
            else:
                fruitful = True
                seconds = time.monotonic() - began
                self._settle(
                    worker,
                    entry,
                    lambda e=entry, v=vector, s=seconds: self._done(e, v, s),  # type: ignore[misc]
                )
        return fruitful

    def _attempt(self, worker: Worker, batch: list[Entry]) -> NDArray[np.float32]:
        patience = max(self._limits.stall_seconds, MUCH_LONGER * self.queue.expected(len(batch)))
        with self._watched(worker, patience):
            return self._run([entry.payload for entry in batch])

    def _settle(self, worker: Worker, entry: Entry, answer: Callable[[], None]) -> None:
        """Answer it, unless that is no longer this worker's business."""
        with self.queue.changed:
            if worker.given_up:
                return
            worker.batch.remove(entry)
        try:
            answer()
        except BaseException as error:
            entry.ticket.fail(WorkerFailed(self.tower, type(error).__name__, restarting=True))
            raise
        finally:
            self.queue.release(len(entry.places), entry.cost, background=entry.background)

    # Failing

    def _failed(self, worker: Worker, reason: str, *, hung: bool = False) -> None:
        with self.queue.changed:
            if worker.given_up or (hung and worker.runs != self._watched_run):
                return
            worker.given_up = True
            self._reason = reason
            self.hung += hung
            self._barren = 0
            restarting = self._replaceable(hung) and not self.queue.ending
            self._state = "restarting" if restarting else "dead"
            lost, worker.batch = worker.batch, []
            if hung:
                self._left_behind = worker.thread
            if restarting:
                self.restarts += 1
                self._replaced = self._clock()
            else:
                lost = lost + self.queue.refuse(lambda: self._failure(restarting=False))
        if hung:
            log.error("the %s worker hangs and is left behind: %s", self.tower, reason)
        self._observer.worker_failed(self.tower, restarting, hung)
        self.queue.fail(lost, self._failure(restarting))
        if restarting:
            self._worker = self._start(replaces=True)

    def _replaceable(self, hung: bool) -> bool:
        # each one that hangs keeps a model in memory: a second is not left beside the first
        if hung and self._left_behind is not None and self._left_behind.is_alive():
            return False
        return self._replaced is None or self._answered - self._replaced >= WELL_SECONDS

    def _failure(self, restarting: bool) -> WorkerFailed:
        return WorkerFailed(self.tower, self._reason, restarting)
