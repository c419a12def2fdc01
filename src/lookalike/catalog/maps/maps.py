"""Maps of collections: a sample is read, drawn once, and kept for as long as the sample is the same."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lookalike.catalog.filters import Filter
from lookalike.catalog.items import Item, Vector
from lookalike.catalog.maps.drawing import Draughtsman
from lookalike.catalog.maps.layout import Floats, Layout, Wanted
from lookalike.catalog.store import VectorName, VectorStore
from lookalike.errors import QueueFull

PAGE = 64
"""Items of one read: about 2 ms of the engine's time, which a search may have to wait for."""

KEPT = 32
WAITING = 4
"""Maps that may wait while one is drawn; beyond, QueueFull."""

RETRY_AFTER = 10

Draw = Callable[[Floats, Wanted], Layout]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is drawn. `items` are those with a vector, in the order of the rows of `vectors`.

    The first of the store's order are taken, which is that of a hash of their ids: a fair sample, and the
    same one until something is written.
    """

    items: tuple[Item, ...]
    vectors: Floats
    """Float32 `[n, d]`."""
    total: int
    """Items that pass the filter."""
    without: int
    """Of those looked at, how many have no such vector."""

    @property
    def looked_at(self) -> int:
        return len(self.items) + self.without


def read_sample(
    store: VectorStore,
    name: str,
    target: VectorName,
    limit: int,
    filter: Filter | None = None,  # noqa: A002 (the field's word)
) -> Sample:
    """Up to `limit` items. Raises CollectionMissing, FilterInvalid."""
    items: list[Item] = []
    vectors: list[Vector] = []
    without = 0
    after: str | None = None
    while len(items) + without < limit:
        size = min(PAGE, limit - len(items) - without)
        page = store.scroll(name, filter=filter, after=after, limit=size, vectors=True)
        for record in page.records:
            vector = record.image if target == "image" else record.text
            if vector is None:
                without += 1
            else:
                items.append(record.item)
                vectors.append(vector)
        after = page.next
        if after is None:
            break
    rows = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
    return Sample(tuple(items), rows, store.count(name, filter), without)


class Maps:
    """Draws samples, one at a time, and keeps what was drawn by what it was drawn from: whoever asks for the
    same meanwhile waits for the same drawing, and a write to anything that is on a map makes a new one.
    """

    def __init__(self, draw: Draw | None = None) -> None:
        self._draughtsman = Draughtsman()
        self._draw = draw or self._draughtsman.draw
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Layout] = OrderedDict()
        self._coming: dict[bytes, Future[Layout]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="map")

    def layout(self, sample: Sample, wanted: Wanted) -> Future[Layout]:
        """The layout of a sample, now or later. It may be waited for by many: don't cancel it.

        Raises QueueFull. The future raises EngineFailed, ExtraMissing.
        """
        key = _key(sample, wanted)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                done: Future[Layout] = Future()
                done.set_result(kept)
                return done
            if (coming := self._coming.get(key)) is not None:
                return coming
            if len(self._coming) > WAITING:
                raise QueueFull("map", RETRY_AFTER)
            future = self._pool.submit(self._make, key, sample.vectors, wanted)
            self._coming[key] = future
        # outside the lock: a future that is done already calls back at once
        future.add_done_callback(lambda _: self._coming.pop(key, None))
        return future

    def _make(self, key: bytes, vectors: Floats, wanted: Wanted) -> Layout:
        layout = self._draw(vectors, wanted)
        with self._lock:
            self._kept[key] = layout
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return layout

    def close(self) -> None:
        """End what is being drawn."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._draughtsman.stop()


def _key(sample: Sample, wanted: Wanted) -> bytes:
    """Of all that the drawing depends on; not of titles, which may change without a new one."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{wanted} {sample.vectors.shape}".encode())
    digest.update(np.ascontiguousarray(sample.vectors).tobytes())
    return digest.digest()
