"""What can be counted of a request: it is the same on every machine, and at every time.

decodings      pictures that libjpeg decoded
inferences     calls of a tower
dumps          documents that were written as JSON
store calls    questions to the engine's process, and their bytes both ways
answer         bytes of the answer
copies         the most memory that a request of a large body held at once, in lengths of that body; 12 of
               them are orjson's, which sets aside that much to parse in and touches little of it
memory         the same, in KiB, of a picture's way from bytes to pixels: Python's memory and NumPy's
calls          function calls, Python's and C's, of all of the service's threads
"""

import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import simplejpeg

from benchmarks.regression.figures import Figure, Kind
from benchmarks.regression.subject import BODIES, PICTURE, REQUESTS, Request, Subject, running
from lookalike.catalog.engine.connection import Connection

REPEATS = 5
ONE_BY_ONE = ("eight pictures", "sixteen texts")
"""Requests whose parts come to the tower as they are ready: how many inferences that makes is chance."""


class CountedCalls:
    """Counts function calls of the threads that were started while it is installed, when switched on."""

    def __init__(self) -> None:
        self.on = False
        self.count = 0

    def __call__(self, _frame: Any, event: str, _argument: Any) -> None:
        if self.on and event in ("call", "c_call"):
            self.count += 1

    @contextmanager
    def installed(self) -> Iterator[None]:
        threading.setprofile(self)
        try:
            yield
        finally:
            threading.setprofile(None)  # type: ignore[arg-type]
            sys.setprofile(None)


@contextmanager
def counted(subject: Subject, counts: Counter[str]) -> Iterator[None]:
    """Counts what is worth a count of its own."""

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return call(*arguments, **named)

        return wrapper

    ask, dumps = Connection.call, orjson.dumps

    def asking(self: Connection, op: str, body: bytes = b"", *rest: Any, **header: Any) -> Any:
        answer, out = ask(self, op, body, *rest, **header)
        if op != "stats":  # asked now and then by whoever looks after the index
            counts["store calls"] += 1
            counts["store bytes"] += sum(map(len, (body, out, dumps(header), dumps(answer))))
        return answer, out

    towers = subject.encoder._towers
    wrapped = {name: counting("inferences", tower) for name, tower in towers.items()}
    decode = counting("decodings", simplejpeg.decode_jpeg)
    with (
        mock.patch.object(simplejpeg, "decode_jpeg", decode),
        mock.patch("orjson.dumps", counting("dumps", dumps)),
        mock.patch.object(Connection, "call", asking),
        mock.patch.dict(towers, wrapped),  # type: ignore[arg-type]
    ):
        yield


def peak(call: Callable[[], object]) -> int:
    """Bytes that were allocated beyond those before, at the most."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    call()
    return tracemalloc.get_traced_memory()[1] - before


def measure(folder: Path) -> Iterator[Figure]:
    calls = CountedCalls()
    with calls.installed(), running(folder) as subject:
        for name, request in REQUESTS.items():
            yield from of_request(subject, calls, name, request)
        for name, body in BODIES.items():
            held = least_peak(lambda body=body: subject.ask(body))  # type: ignore[misc]
            yield Figure(f"{name}: copies", held / len(body.content), "bodies", Kind.MEMORY)
        prepare = subject.encoder.prepare_images
        held = least_peak(lambda: prepare([PICTURE]))
        yield Figure("picture to pixels: memory", held / 1024, "KiB", Kind.MEMORY)


def of_request(
    subject: Subject, calls: CountedCalls, name: str, request: Request
) -> Iterator[Figure]:
    subject.ask(request(0))  # once uncounted: caches, imports
    counts: Counter[str] = Counter()
    with counted(subject, counts):
        answer = subject.ask(request(1))
    for what in ("decodings", "inferences", "dumps", "store calls"):
        if what != "inferences" or name not in ONE_BY_ONE:
            yield Figure(f"{name}: {what}", counts[what], "", Kind.EXACT)
    if counts["store bytes"]:
        yield Figure(f"{name}: store bytes", counts["store bytes"], "B", Kind.BYTES)
    yield Figure(f"{name}: answer", len(answer), "B", Kind.BYTES)
    made = []
    for number in range(REPEATS):
        calls.count, calls.on = 0, True
        subject.ask(request(2 + number))
        calls.on = False
        made.append(calls.count)
    yield Figure(f"{name}: calls", min(made), "", Kind.CALLS)


def least_peak(call: Callable[[], object]) -> int:
    """Bytes that were allocated beyond those before, at the most; of the time when that was least."""

    def peak() -> int:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    call()
    least = min(peak() for _ in range(REPEATS))
    tracemalloc.stop()
    return least
