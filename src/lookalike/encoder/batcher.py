"""The serving core: many small requests in, full batches through the model.

A request is admitted if there is room, its pictures are decoded (its texts tokenized) in a pool, and each of
them then waits in its tower's lane. The lane's worker takes what waits, up to the batch size, and never waits
for more: alone, a request costs what it costs; together, they share. Nothing here knows of HTTP.

    Batcher.images / .texts   admission by items and bytes, or QueueFull
      -> pool                 bytes to pixels, strings to ids; one bad picture fails alone
      -> queue (per tower)    first come, first served, mixed across requests; what is in no hurry after them
      -> worker (per tower)   one inference at a time; a failing batch is tried again one by one
      -> Ticket.future        an Answer, in the order of the request
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.lanes import Lane
from lookalike.encoder.queues import BACKGROUND_ITEMS, BatchLimits, Entry, Observer
from lookalike.encoder.text_cache import TextCache, TextVector
from lookalike.encoder.tickets import Answer, Ticket
from lookalike.encoder.tokenizer import Tokens
from lookalike.encoder.watchdog import Watchdog
from lookalike.errors import LookalikeError, Stopping, TowerNotLoaded, WorkerFailed
from lookalike.models.cards import ModelCard, TowerName

log = logging.getLogger(__name__)

Source = bytes | Callable[[], bytes]
"""A picture file, or what makes one of what the client sent; called in the pool. May raise LookalikeError."""

TEXTS_AT_ONCE = 64
"""Texts that one task of the pool tokenizes, so that a large request doesn't hold up the others."""


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

    def reload(self, tower: TowerName) -> None:
        """Load a tower once more, in the place of one that fails or hangs."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether answers can be expected."""

    alive: bool
    restarts: int
    """Workers that failed and were replaced."""
    hung: int = 0
    """Workers that hung and were left behind: their threads, and the models that they hold, are still there."""
    reason: str | None = None


class Batcher:
    """Continuous batching over one encoder. All methods may be called from any thread, and none blocks but
    `warm_up`, `stop` and those for the background."""

    def __init__(
        self,
        engine: Engine,
        limits: BatchLimits | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds, by which a new worker proves itself."""
        self.engine, self.limits = engine, limits or BatchLimits()
        limits = self.limits
        self._observer = observer or Observer()
        self.cache = TextCache(limits.text_cache, engine.fingerprint)
        self._pool = ThreadPoolExecutor(limits.decoders, thread_name_prefix="prepare")
        self._lanes: dict[TowerName, Lane] = {}
        card = engine.card
        self._prepare = engine.images
        self._pixels = 0
        if card.image is not None and self._prepare is not None:
            shape = (card.image.height, card.image.width, 3)
            self._pixels = math.prod(shape)
            self._lanes["image"] = Lane(
                "image", self._run_pixels, partial(engine.reload, "image"), np.zeros(shape, np.uint8),
                limits, self._observer, self._image_done, clock,
            )  # fmt: skip
        if card.text is not None:
            self._pad = card.text.pad_id
            probe = engine.tokenize([""]).ids[0]
            self._lanes["text"] = Lane(
                "text", self._run_ids, partial(engine.reload, "text"), probe,
                limits, self._observer, self._text_done, clock,
            )  # fmt: skip
        self._watchdog = Watchdog(
            [lane.watch for lane in self._lanes.values()], limits.stall_seconds
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
        lane.queue.admit(len(pictures), sum(costs), deadline)
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
        lane.queue.admit(len(texts) - hits, sum(len(text) for text in missing), deadline)
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

    # Asking for what is in no hurry

    def background_pixels(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Unit vectors of `[n, height, width, 3]`, after whatever else is asked. Waits for room and for the
        answer. Raises InferenceFailed, Stopping, WorkerFailed.
        """
        return self._in_background("image", [(row, False) for row in pixels])

    def background_texts(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The same of texts. Those that are too long are cut; the cache has nothing to do with it."""
        tokens = [self.engine.tokenize([text]) for text in texts]
        return self._in_background("text", [(t.ids[0], bool(t.truncated[0])) for t in tokens])

    def _in_background(
        self, tower: TowerName, given: Sequence[tuple[NDArray[Any], bool]]
    ) -> list[NDArray[np.float32]]:
        lane = self._lane(tower)
        vectors: list[NDArray[np.float32]] = []
        for start in range(0, len(given), BACKGROUND_ITEMS):
            chunk = given[start : start + BACKGROUND_ITEMS]
            for result in self._patiently(lane, chunk).results:
                if isinstance(result, LookalikeError):
                    raise result
                vectors.append(result)
        return vectors

    def _patiently(self, lane: Lane, chunk: Sequence[tuple[NDArray[Any], bool]]) -> Answer:
        """Ask, and once more if the worker was replaced meanwhile: whoever is in no hurry can wait for it."""
        for attempt in (1, 2):
            lane.queue.admit_background(len(chunk))
            ticket, now = Ticket(len(chunk), None), time.monotonic()
            lane.queue.put(
                [
                    Entry(ticket, (place,), payload, 0, 0.0, now, truncated, background=True)
                    for place, (payload, truncated) in enumerate(chunk)
                ]
            )
            try:
                return ticket.future.result()
            except WorkerFailed as error:
                if attempt == 2 or not error.restarting:
                    raise
        raise AssertionError("unreachable")

    # Being well

    def depth(self) -> dict[TowerName, tuple[int, int]]:
        """Items and bytes of each tower that are admitted and not yet done."""
        return {tower: lane.queue.depth for tower, lane in self._lanes.items()}

    def background(self) -> dict[TowerName, int]:
        """The same of items that are in no hurry."""
        return {tower: lane.queue.background for tower, lane in self._lanes.items()}

    def health(self) -> Health:
        """Whether all workers are well."""
        lanes = self._lanes.values()
        wrong = [reason for lane in lanes if (reason := lane.health())]
        return Health(
            not wrong,
            sum(lane.restarts for lane in lanes),
            sum(lane.hung for lane in lanes),
            "; ".join(wrong) or None,
        )

    # Life

    def warm_up(self) -> None:
        """One inference by each worker. Raises what it meets."""
        for lane in self._lanes.values():
            lane.warm_up()

    def stop(self, grace: float = 0.0) -> bool:
        """Accept nothing more, finish what was accepted within `grace` seconds, and end. Whether all was
        finished."""
        for lane in self._lanes.values():
            lane.queue.close()
        until = time.monotonic() + grace
        drained = [lane.queue.drain(until) for lane in self._lanes.values()]
        self._watchdog.stop()
        for lane in self._lanes.values():
            lane.end()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return all(drained)

    # In the pool

    def _in_pool(
        self,
        lane: Lane,
        ticket: Ticket,
        items: int,
        cost: int,
        task: Callable[..., None],
        *args: Any,
    ) -> None:
        def attempt() -> None:
            if lane.queue.lapsed(ticket, items, cost):
                return
            try:
                task(lane, ticket, *args)
            except Exception as error:  # a defect: it must not leave anybody waiting
                log.exception("preparing failed")
                ticket.fail(WorkerFailed(lane.tower, f"{type(error).__name__}", restarting=True))
                lane.queue.release(items, cost)

        try:
            self._pool.submit(attempt).add_done_callback(
                lambda future: (
                    self._never_ran(lane, ticket, items, cost) if future.cancelled() else None
                )
            )
        except RuntimeError:  # the pool was shut down between admission and here
            self._never_ran(lane, ticket, items, cost)

    def _never_ran(self, lane: Lane, ticket: Ticket, items: int, cost: int) -> None:
        ticket.fail(Stopping())
        lane.queue.release(items, cost)

    def _decode(self, lane: Lane, ticket: Ticket, place: int, source: Source, cost: int) -> None:
        began = time.monotonic()
        assert self._prepare is not None
        try:
            data = source if isinstance(source, bytes) else source()
            pixels = self._prepare(data)
        except LookalikeError as error:
            seconds = time.monotonic() - began
            self._observer.decoded("image", seconds)
            lane.queue.release(1, cost)
            ticket.put((place,), error, decode=seconds)
            return
        now = time.monotonic()
        self._observer.decoded("image", now - began)
        lane.queue.put([Entry(ticket, (place,), pixels, cost, now - began, now)])

    def _tokenize(
        self,
        lane: Lane,
        ticket: Ticket,
        texts: Sequence[str],
        places: dict[str, list[int]],
    ) -> None:
        began = time.monotonic()
        # one by one: together they would all be padded to the longest
        tokens = [self.engine.tokenize([text]) for text in texts]
        now = time.monotonic()
        self._observer.decoded("text", now - began)
        lane.queue.put(
            [
                Entry(
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

    def _image_done(self, entry: Entry, vector: NDArray[np.float32], seconds: float) -> None:
        entry.ticket.put(entry.places, vector, decode=entry.decode, inference=seconds)

    def _text_done(self, entry: Entry, vector: NDArray[np.float32], seconds: float) -> None:
        done = TextVector(vector, len(entry.payload), entry.truncated)
        if entry.text is not None:
            self.cache.put(entry.text, done)
        entry.ticket.put(entry.places, done, decode=entry.decode, inference=seconds)

    def _lane(self, tower: TowerName) -> Lane:
        lane = self._lanes.get(tower)
        if lane is None:
            raise TowerNotLoaded(tower)
        return lane
