"""With filters: by the number of conditions, and by the share of the catalogue that passes.

Every item has eight attributes, random numbers from 0 to 1 that have nothing to do with its vector or with
each other, and a condition is `u0 < x`. So the share that passes is whatever is asked for: one item in ten with
1, 2, 4 or 8 conditions, and 1, 10, 50 and 100% with one. Recall is against exact search among those that pass.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.catalog import (
    DIMENSION,
    FINGERPRINT,
    K,
    centres,
    exact,
    fill,
    members,
    timed,
)
from benchmarks.growth.alone import Row
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.filters import And, Between, Filter
from lookalike.catalog.store import CollectionSpec, IndexSettings, Part, Search

CONDITIONS = (0, 1, 2, 4, 8)
PASSING = 0.1
"""Of all items, however many conditions there are."""
SHARES = (0.01, 0.1, 0.5, 1.0)
CHECKED = 100
"""Queries whose hits are held against exact search."""


def numbers(count: int) -> np.ndarray:
    """The attributes of all items, `[count, 8]`, 0 to 1."""
    return np.random.default_rng(5).random((count, max(CONDITIONS)))


def below(bound: float, conditions: int) -> Filter | None:
    """The first so many attributes are all less than `bound`."""
    parts = tuple(Between(f"u{number}", lt=bound) for number in range(conditions))
    return And(parts) if len(parts) > 1 else next(iter(parts), None)


def cases() -> list[tuple[str, int, float]]:
    """Curve, conditions, and the share of all items that is to pass."""
    by_number = [("conditions", n, PASSING if n else 1.0) for n in CONDITIONS]
    return [*by_number, *(("share", 1, share) for share in SHARES)]


def run(count: int, queries: int) -> Iterator[Row]:
    """One row for each case."""
    drawn = numbers(count)
    vectors = members(7, centres(count), queries)

    def attributes(number: int) -> Mapping[str, float]:
        return {f"u{at}": float(value) for at, value in enumerate(drawn[number])}

    with (
        tempfile.TemporaryDirectory(prefix="lookalike-growth-") as folder,
        EmbeddedStore(Path(folder)) as store,
    ):
        settings = IndexSettings(index_from=10**9)  # built when asked for
        store.create("bench", CollectionSpec(FINGERPRINT, "synthetic", DIMENSION, settings))
        fill(store, "bench", count, attributes)
        store.flush("bench")
        built = 0.0
        if count >= IndexSettings().index_from:
            built = store.build_index("bench", wait=True).build_seconds or 0.0
        for curve, conditions, share in cases():
            bound = share ** (1 / conditions) if conditions else 1.0
            passing = np.all(drawn[:, :conditions] < bound, axis=1)
            searches = [
                Search((Part(vector),), fingerprint=FINGERPRINT, limit=K,
                       filter=below(bound, conditions))
                for vector in vectors
            ]  # fmt: skip
            truth = exact(vectors[:CHECKED], count, passing)
            hits = [
                {int(hit.id) for hit in store.search("bench", one)} for one in searches[:CHECKED]
            ]
            right = [len(set(row.tolist()) & got) for row, got in zip(truth, hits, strict=True)]
            times = timed(lambda n: store.search("bench", searches[n % queries]), queries)  # noqa: B023
            yield {
                "curve": curve,
                "vectors": count,
                "build_s": built,
                "conditions": conditions,
                "share": float(passing.mean()),
                "p50_ms": times["p50"],
                "p99_ms": times["p99"],
                "recall_at_10": float(np.mean(right)) / min(K, int(passing.sum())),
            }
