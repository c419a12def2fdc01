"""The serving core: many small requests in, full batches through the model.

A request is admitted if there is room, its pictures are decoded (its texts tokenized) in a pool, and each of
them then waits in its tower's lane. The lane's worker takes what waits, up to the batch size, and never waits
for more: alone, a request costs what it costs; together, they share. Nothing here knows of HTTP.

    Batcher.images / .texts   admission by items and bytes, or QueueFull
      -> pool                 bytes to pixels, strings to ids; one bad picture fails alone
      -> lane (per tower)     first come, first served, mixed across requests
      -> worker (per lane)    one inference at a time; a failing batch is tried again one by one
      -> Ticket.future        an Answer, in the order of the request
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.text_cache import TextCache, TextVector
from lookalike.encoder.tokenizer import Tokens
from lookalike.errors import (
    ClientGone,
    DeadlinePassed,
    InferenceFailed,
    LookalikeError,
    QueueFull,
    ServiceError,
    Stopping,
    TowerNotLoaded,
    WorkerFailed,
)
from lookalike.models.cards import ModelCard, TowerName

log = logging.getLogger(__name__)

Source = bytes | Callable[[], bytes]
"""A picture file, or what makes one of what the client sent; called in the pool. May raise LookalikeError."""

Reason = Literal["gone", "deadline"]

TEXTS_AT_ONCE = 64
"""Texts that one task of the pool tokenizes, so that a large request doesn't hold up the others."""

FAILURES_IN_A_ROW = 3
"""Batches of which nothing came, one after the other, that say the worker is at fault and not its input."""

LONGEST_RETRY = 60


class Engine(Protocol):
    """What the batcher needs of an encoder."""

    @property
    def card(self) -> ModelCard: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def images(self) -> Callable[[bytes], NDArray[np.uint8]] | None:
        """Bytes to uint8 `[height, width, 3]`; raises ImageError."""
        ...

    def tokenize(self, texts: Sequence[str]) -> Tokens: ...

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]: ...

    def encode_tokens(self, ids: NDArray[np.int64]) -> NDArray[np.float32]: ...


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


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the item that was done last: they add up to what the request took here."""

    queue: float = 0.0
    decode: float = 0.0
    inference: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One result for each picture or text, in the order of the request."""

    results: list[NDArray[np.float32] | LookalikeError]
    """Unit vectors, float32 `[dimension]`, or what is wrong with the picture."""
    truncated: list[int] = field(default_factory=list)
    """Places of the texts that were longer than the context."""
    tokens: int = 0
    timing: Timing = Timing()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether answers can be expected."""

    alive: bool
    restarts: int
    reason: str | None = None


class Ticket:
    """An admitted request. `future` gives its Answer, or raises DeadlinePassed, WorkerFailed, Stopping."""

    def __init__(self, count: int, deadline: float | None) -> None:
        """`deadline`: by `time.monotonic()`."""
        self.future: Future[Answer] = Future()
        self.deadline = deadline
        self._admitted = time.monotonic()
        self._results: list[Any] = [None] * count
        self._open = count
        self._truncated: list[int] = []
        self._tokens = 0
        self._gone = False
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Nobody waits for the answer any more: what is not done yet is not begun."""
        self._gone = True
        self.fail(ClientGone())

    def lapsed(self, now: float) -> Reason | None:
        """Why this request need not be worked on, if so."""
        if self._gone:
            return "gone"
        return "deadline" if self.deadline is not None and now >= self.deadline else None

    def put(
        self, places: Sequence[int], result: Any, *, decode: float = 0.0, inference: float = 0.0
    ) -> None:
        """The result of one thing, which may stand at several places of the request."""
        with self._lock:
            for place in places:
                if isinstance(result, TextVector):
                    self._results[place] = result.vector
                    self._tokens += result.tokens
                    if result.truncated:
                        self._truncated.append(place)
                else:
                    self._results[place] = result
            self._open -= len(places)
            if self._open:
                return
        queue = max(0.0, time.monotonic() - self._admitted - decode - inference)
        answer = Answer(
            self._results, sorted(self._truncated), self._tokens, Timing(queue, decode, inference)
        )
        with suppress(InvalidStateError):  # it may have been given up meanwhile
            self.future.set_result(answer)

    def fail(self, error: ServiceError) -> None:
        """End the whole request."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def late(self) -> DeadlinePassed:
        return DeadlinePassed(round(max(0.0, (self.deadline or 0.0) - self._admitted), 3))


@dataclass(slots=True, eq=False)
class _Entry:
    """One picture or text in a lane. `payload`: pixels `[height, width, 3]` or ids `[length]`."""

    ticket: Ticket
    places: Sequence[int]
    payload: NDArray[Any]
    cost: int
    decode: float
    queued: float
    truncated: bool = False
    text: str | None = None


class _Lane:
    """One tower's queue and its worker."""

    def __init__(
        self,
        tower: TowerName,
        run: Callable[[Sequence[NDArray[Any]]], NDArray[np.float32]],
        probe: NDArray[Any],
        limits: BatchLimits,
        observer: Observer,
        done: Callable[[_Entry, NDArray[np.float32], float], None],
    ) -> None:
        self.tower, self._run, self._probe = tower, run, probe
        self._limits, self._observer, self._done = limits, observer, done
        self._changed = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._current: list[_Entry] = []
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

    def queue(self, entries: Sequence[_Entry]) -> None:
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
        self.queue([_Entry(ticket, (0,), self._probe, 0, 0.0, time.monotonic())])
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

    def _take(self) -> list[_Entry]:
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

    def _infer(self, batch: list[_Entry]) -> None:
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

    def _one_by_one(self, batch: list[_Entry]) -> bool:
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

    def _finish(self, entry: _Entry, vector: NDArray[np.float32], seconds: float) -> None:
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

    def _abandon(self, entries: Sequence[_Entry], error: ServiceError) -> None:
        for entry in entries:
            entry.ticket.fail(error)
            self.release(len(entry.places), entry.cost)


class Batcher:
    """Continuous batching over one encoder. All methods may be called from any thread, and none blocks but
    `warm_up` and `stop`."""

    def __init__(
        self,
        engine: Engine,
        limits: BatchLimits = BatchLimits(),
        observer: Observer | None = None,
    ) -> None:
        self.engine, self.limits = engine, limits
        self._observer = observer or Observer()
        self.cache = TextCache(limits.text_cache, engine.fingerprint)
        self._pool = ThreadPoolExecutor(limits.decoders, thread_name_prefix="prepare")
        self._lanes: dict[TowerName, _Lane] = {}
        card = engine.card
        self._prepare = engine.images
        self._pixels = 0
        if card.image is not None and self._prepare is not None:
            shape = (card.image.height, card.image.width, 3)
            self._pixels = math.prod(shape)
            self._lanes["image"] = _Lane(
                "image", self._run_pixels, np.zeros(shape, np.uint8), limits, self._observer,
                self._image_done,
            )  # fmt: skip
        if card.text is not None:
            self._pad = card.text.pad_id
            probe = engine.tokenize([""]).ids[0]
            self._lanes["text"] = _Lane(
                "text", self._run_ids, probe, limits, self._observer, self._text_done
            )

    # Asking

    def images(
        self, pictures: Sequence[tuple[Source, int]], *, deadline: float | None = None
    ) -> Ticket:
        """Embed pictures, each given with the bytes it holds. `deadline`: by `time.monotonic()`.

        Raises QueueFull, Stopping, WorkerFailed, TowerNotLoaded.
        """
        lane = self._lane("image")
        # while it waits a picture is held first as a file, then as pixels
        costs = [max(held, self._pixels) for _, held in pictures]
        lane.admit(len(pictures), sum(costs), deadline)
        ticket = Ticket(len(pictures), deadline)
        if not pictures:
            ticket.future.set_result(Answer([]))
        for place, ((source, _), cost) in enumerate(zip(pictures, costs, strict=True)):
            self._in_pool(lane, ticket, 1, cost, self._decode, place, source, cost)
        return ticket

    def texts(self, texts: Sequence[str], *, deadline: float | None = None) -> Ticket:
        """Embed texts. `deadline`: by `time.monotonic()`.

        Raises QueueFull, Stopping, WorkerFailed, TowerNotLoaded.
        """
        lane = self._lane("text")
        known = {text: self.cache.get(text) for text in dict.fromkeys(texts)}
        places: dict[str, list[int]] = {}
        hits = 0
        for place, text in enumerate(texts):
            if known[text] is None:
                places.setdefault(text, []).append(place)
            else:
                hits += 1
        missing = list(places)
        if self.limits.text_cache:
            self._observer.cached(hits, len(texts) - hits)
        lane.admit(len(texts) - hits, sum(len(text) for text in missing), deadline)
        ticket = Ticket(len(texts), deadline)
        if not texts:
            ticket.future.set_result(Answer([]))
        for place, text in enumerate(texts):
            if (found := known[text]) is not None:
                ticket.put((place,), found)
        for start in range(0, len(missing), TEXTS_AT_ONCE):
            chunk = missing[start : start + TEXTS_AT_ONCE]
            items = sum(len(places[text]) for text in chunk)
            held = sum(map(len, chunk))
            self._in_pool(lane, ticket, items, held, self._tokenize, chunk, places)
        return ticket

    def depth(self) -> dict[TowerName, tuple[int, int]]:
        """Items and bytes of each tower that are admitted and not yet done."""
        return {tower: lane.depth for tower, lane in self._lanes.items()}

    def health(self) -> Health:
        """Whether all workers are well."""
        now = time.monotonic()
        wrong = [reason for lane in self._lanes.values() if (reason := lane.health(now))]
        restarts = sum(lane.restarts for lane in self._lanes.values())
        return Health(not wrong, restarts, "; ".join(wrong) or None)

    # Life

    def warm_up(self) -> None:
        """One inference by each worker. Raises what it meets."""
        for lane in self._lanes.values():
            lane.warm_up()

    def stop(self, grace: float = 0.0) -> bool:
        """Accept nothing more, finish what was accepted within `grace` seconds, and end. Whether all was
        finished."""
        for lane in self._lanes.values():
            lane.close()
        until = time.monotonic() + grace
        drained = [lane.drain(until) for lane in self._lanes.values()]
        for lane in self._lanes.values():
            lane.end()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return all(drained)

    # In the pool

    def _in_pool(
        self,
        lane: _Lane,
        ticket: Ticket,
        items: int,
        cost: int,
        task: Callable[..., None],
        *args: Any,
    ) -> None:
        def attempt() -> None:
            if lane.lapsed(ticket, items, cost):
                return
            try:
                task(lane, ticket, *args)
            except Exception as error:  # a defect: it must not leave anybody waiting
                log.exception("preparing failed")
                ticket.fail(WorkerFailed(lane.tower, f"{type(error).__name__}", restarting=True))
                lane.release(items, cost)

        try:
            self._pool.submit(attempt).add_done_callback(
                lambda future: (
                    self._never_ran(lane, ticket, items, cost) if future.cancelled() else None
                )
            )
        except RuntimeError:  # the pool was shut down between admission and here
            self._never_ran(lane, ticket, items, cost)

    def _never_ran(self, lane: _Lane, ticket: Ticket, items: int, cost: int) -> None:
        ticket.fail(Stopping())
        lane.release(items, cost)

    def _decode(self, lane: _Lane, ticket: Ticket, place: int, source: Source, cost: int) -> None:
        began = time.monotonic()
        assert self._prepare is not None
        try:
            data = source if isinstance(source, bytes) else source()
            pixels = self._prepare(data)
        except LookalikeError as error:
            seconds = time.monotonic() - began
            self._observer.decoded("image", seconds)
            lane.release(1, cost)
            ticket.put((place,), error, decode=seconds)
            return
        now = time.monotonic()
        self._observer.decoded("image", now - began)
        lane.queue([_Entry(ticket, (place,), pixels, cost, now - began, now)])

    def _tokenize(
        self,
        lane: _Lane,
        ticket: Ticket,
        texts: Sequence[str],
        places: dict[str, list[int]],
    ) -> None:
        began = time.monotonic()
        # one by one: together they would all be padded to the longest
        tokens = [self.engine.tokenize([text]) for text in texts]
        now = time.monotonic()
        self._observer.decoded("text", now - began)
        lane.queue(
            [
                _Entry(
                    ticket, places[text], one.ids[0], len(text), now - began, now,
                    bool(one.truncated[0]), text,
                )
                for text, one in zip(texts, tokens, strict=True)
            ]
        )  # fmt: skip

    # In the workers

    def _run_pixels(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        return self.engine.encode_pixels(np.stack(batch))

    def _run_ids(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        ids = np.full((len(batch), max(map(len, batch))), self._pad, np.int64)
        for row, one in zip(ids, batch, strict=True):
            row[: len(one)] = one
        return self.engine.encode_tokens(ids)

    def _image_done(self, entry: _Entry, vector: NDArray[np.float32], seconds: float) -> None:
        entry.ticket.put(entry.places, vector, decode=entry.decode, inference=seconds)

    def _text_done(self, entry: _Entry, vector: NDArray[np.float32], seconds: float) -> None:
        done = TextVector(vector, len(entry.payload), entry.truncated)
        if entry.text is not None:
            self.cache.put(entry.text, done)
        entry.ticket.put(entry.places, done, decode=entry.decode, inference=seconds)

    def _lane(self, tower: TowerName) -> _Lane:
        lane = self._lanes.get(tower)
        if lane is None:
            raise TowerNotLoaded(tower)
        return lane
