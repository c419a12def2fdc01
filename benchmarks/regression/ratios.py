"""Ratios of times within one run: how many times as long as something that the change can't have touched.

Times are the shortest of many, which a neighbour only makes rarer. They are processor time of the thread where
one thread does the work.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import simplejpeg

from benchmarks.regression.figures import Figure, Kind
from benchmarks.regression.subject import COLLECTION, PICTURE, REQUESTS, Subject, running
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.store import Part, Search
from lookalike.service.responses import Json, embedding


def shortest(call: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    """Seconds of the quickest of `times` calls."""
    call()
    best = float("inf")
    for _ in range(times):
        began = clock()
        call()
        best = min(best, clock() - began)
    return best


def yardstick() -> int:
    """Pure Python of the kind that a request is made of: dictionaries, strings, calls; some 100 us."""
    found: dict[str, int] = {}
    for number in range(400):
        name = f"x{number % 50}"
        found[name] = found.get(name, 0) + len(name)
    return sum(found.values())


def measure(folder: Path) -> Iterator[Figure]:
    with running(folder) as subject:
        yield from of_pictures(subject)
        yield from of_requests(subject)
        yield from of_batches(subject)
        yield from of_answers()
        yield from of_searches(subject)


def of_pictures(subject: Subject) -> Iterator[Figure]:
    prepare = subject.encoder.prepare_images
    alone = shortest(lambda: simplejpeg.decode_jpeg(PICTURE, "RGBX"), 60, time.thread_time)
    whole = shortest(lambda: prepare([PICTURE]), 60, time.thread_time)
    yield ratio("picture to pixels / its decoding alone", whole, alone)


def of_requests(subject: Subject) -> Iterator[Figure]:
    """Processor time of all threads: a cached text needs the loop's own, and wakes another."""
    body = REQUESTS["text, cached"](0)

    async def quickest(times: int) -> float:
        best = float("inf")
        for _ in range(times):
            began = time.process_time()
            await subject.answer(body)
            best = min(best, time.process_time() - began)
        return best

    unit = shortest(yardstick, 300, time.process_time)
    whole = asyncio.run_coroutine_threadsafe(quickest(300), subject.loop).result(60)
    yield ratio("text, cached / pure Python", whole, unit)


def of_batches(subject: Subject) -> Iterator[Figure]:
    """Of one picture or text in a batch of 16 to one alone: what batching gains."""
    encoder = subject.encoder
    assert encoder.card.image is not None
    shape = (encoder.card.image.height, encoder.card.image.width, 3)
    pixels = np.zeros((16, *shape), np.uint8)
    ids = encoder.tokenize(["a red summer dress"] * 16).ids
    for name, run, batch in (
        ("picture", encoder.encode_pixels, pixels),
        ("text", encoder.encode_tokens, ids),
    ):
        one = shortest(lambda run=run, batch=batch: run(batch[:1]), 200, time.perf_counter)  # type: ignore[misc]
        many = shortest(lambda run=run, batch=batch: run(batch), 60, time.perf_counter)  # type: ignore[misc]
        yield ratio(f"{name} in a batch of 16 / alone", many / 16, one)


def of_answers() -> Iterator[Figure]:
    rows = np.random.default_rng(0).standard_normal((16, 512), dtype=np.float32)

    def whole() -> bytes:
        vectors = [embedding(row, "float") for row in rows]
        return bytes(Json({"embeddings": vectors, "errors": []}).body)

    alone = shortest(
        lambda: orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY), 300, time.thread_time
    )
    yield ratio(
        "answer of 16 vectors / orjson alone", shortest(whole, 300, time.thread_time), alone
    )


def of_searches(subject: Subject) -> Iterator[Figure]:
    """The store, through its process, to the engine called in this one, on the same shard."""
    catalog = subject.service.catalog
    store = catalog.store
    assert isinstance(store, EmbeddedStore)
    collection = store._collection(COLLECTION)
    vector = subject.encoder.encode_texts(["a red dress"])[0]
    search = Search((Part(vector),), fingerprint=collection.spec.fingerprint, limit=10)
    through = shortest(lambda: store.search(COLLECTION, search), 400, time.perf_counter)
    unit = shortest(yardstick, 300, time.perf_counter)
    yield ratio("search of the store / pure Python", through, unit)
    body = REQUESTS["search by text"](0)
    whole = shortest(lambda: subject.ask(body), 300, time.perf_counter)
    yield ratio("search by text / search of the store", whole, through)


def ratio(name: str, this: float, to: float) -> Figure:
    return Figure(name, this / to, "", Kind.RATIO)
