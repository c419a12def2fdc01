"""Both adapters, a small model's worth of vectors, and collections to put them in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.items import Item, Record
from lookalike.catalog.server import ServerStore
from lookalike.catalog.store import CollectionSpec, IndexSettings, VectorStore

DIMENSION = 16
FINGERPRINT = "0123456789abcdef"


def spec(**settings: object) -> CollectionSpec:
    return CollectionSpec(FINGERPRINT, "a-model", DIMENSION, IndexSettings(**settings))


def unit(seed: int, dimension: int = DIMENSION) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def record(number: int, **fields: object) -> Record:
    """An item whose vectors, words and attributes follow from its number."""
    colour = ("red", "green", "blue")[number % 3]
    attributes = {
        "colour": colour,
        "price": number / 2,
        "stock": number % 5,
        "sale": number % 4 == 0,
        "tags": ["new", colour] if number % 2 else ["old"],
        "added": f"2024-01-{number % 28 + 1:02}",
    }
    item = Item(
        f"item/{number}", f"{number}.jpg", f"{colour} shirt", f"number n{number}", attributes
    )
    return Record(
        **{
            "item": item,
            "image": unit(number),
            "text": unit(10_000 + number) if number % 2 else None,
            "digest": f"d{number}",
            **fields,
        }
    )


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "embedded":
        opened: VectorStore = EmbeddedStore(tmp_path / "store")
    else:
        # the client's in-process mode stands in for a server
        opened = ServerStore(QdrantClient(":memory:"), ":memory:", payload_indexes=False)
    with opened:
        yield opened


@pytest.fixture
def filled(store: VectorStore) -> VectorStore:
    """The store with 60 items in the collection `shirts`."""
    store.create("shirts", spec())
    store.upsert("shirts", FINGERPRINT, [record(number) for number in range(60)])
    return store


@pytest.fixture
def open_embedded(tmp_path: Path) -> Iterator[Callable[[], EmbeddedStore]]:
    """Opens the embedded store of one folder, as often as asked; all are closed afterwards."""
    opened: list[EmbeddedStore] = []

    def open_one() -> EmbeddedStore:
        opened.append(EmbeddedStore(tmp_path / "store"))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
