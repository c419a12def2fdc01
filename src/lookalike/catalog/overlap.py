"""Three stages at once: while one batch is stored, the next is encoded, and more are prepared.

Everything between the stages is bounded, so that the slowest stage sets the pace and memory stays as it is.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
Outcome = TypeVar("Outcome")
Ready = TypeVar("Ready")
Encoded = TypeVar("Encoded")

IN_FLIGHT = 3
"""Batches between encoding and stored: one in each of the two stages, and one that waits."""


@dataclass(frozen=True)
class Stages(Generic[Entry, Outcome, Ready, Encoded]):
    """What is done in each stage. Only `prepare` is called by several threads at once."""

    prepare: Callable[[Entry], Outcome]
    """By a pool of threads. Must not raise for one bad entry."""
    take: Callable[[Outcome], Ready | None]
    """By the calling thread, in the order of the entries. None: nothing to encode."""
    encode: Callable[[list[Ready]], Encoded]
    """By one thread, a batch at a time, in order."""
    store: Callable[[Encoded], None]
    """By one thread, in order."""
    weigh: Callable[[Entry], int] = lambda _: 0
    """Bytes that an entry holds while it waits."""


def overlap(
    entries: Iterable[Entry],
    stages: Stages[Entry, Outcome, Ready, Encoded],
    *,
    stop: threading.Event,
    batch: int,
    workers: int,
    ahead: int,
    ahead_bytes: int = 64 * 2**20,
) -> None:
    """Run all entries through the stages.

    At most `ahead` entries, and about `ahead_bytes` of what they hold, are being prepared or wait for it.
    When `stop` is set no more entries are read, and what was prepared is still stored. What a stage raises
    ends the run and is raised here, after the batches before it are stored and those after it dropped.
    """
    failures: list[BaseException] = []
    store_failed = threading.Event()
    slots = threading.BoundedSemaphore(IN_FLIGHT)
    with (
        ThreadPoolExecutor(1, "store") as storing,
        ThreadPoolExecutor(1, "encode") as encoding,
        ThreadPoolExecutor(workers, "prepare") as preparing,
    ):

        def store(encoded: Encoded) -> None:
            try:
                if not store_failed.is_set():
                    stages.store(encoded)
            except BaseException as error:  # raised again by the calling thread
                store_failed.set()
                failures.append(error)
            finally:
                slots.release()

        def encode(group: list[Ready]) -> None:
            try:
                if failures:
                    slots.release()
                    return
                encoded = stages.encode(group)
            except BaseException as error:  # raised again by the calling thread
                failures.append(error)
                slots.release()
            else:
                storing.submit(store, encoded)

        def send(group: list[Ready]) -> None:
            slots.acquire()
            if failures:
                slots.release()
                raise failures[0]
            encoding.submit(encode, group)

        waiting: deque[tuple[Future[Outcome], int]] = deque()
        group: list[Ready] = []
        held = 0

        def take() -> None:
            nonlocal held, group
            future, weight = waiting.popleft()
            held -= weight
            if (ready := stages.take(future.result())) is not None:
                group.append(ready)
                if len(group) >= batch:
                    send(group)
                    group = []

        try:
            for entry in entries:
                weight = stages.weigh(entry)
                waiting.append((preparing.submit(stages.prepare, entry), weight))
                held += weight
                while len(waiting) >= ahead or (held > ahead_bytes and waiting):
                    take()
                if stop.is_set() or failures:
                    break
            while waiting:
                take()
            if group:
                send(group)
            for _ in range(IN_FLIGHT):  # all of them free: everything is stored
                slots.acquire()
        except BaseException:
            for future, _ in waiting:
                future.cancel()
            raise
    if failures:
        raise failures[0]
