"""What a burst took is given back."""

import asyncio
import ctypes
import sys

import numpy as np
import pytest

from lookalike.service import memory
from lookalike.service.metrics import resident_bytes


def test_it_trims_when_something_was_served_and_not_otherwise(monkeypatch) -> None:
    trimmed: list[int] = []
    served = 0
    monkeypatch.setattr(memory, "trim", lambda: trimmed.append(served))

    async def life() -> None:
        nonlocal served
        task = asyncio.create_task(memory.keep_trimmed(lambda: served, seconds=0.005))
        await asyncio.sleep(0.05)
        assert trimmed == []
        served = 7
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(life())
    assert trimmed == [7]


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="the C library is not glibc",
)
def test_trimming_gives_back_what_was_freed_between_things_that_stay() -> None:
    small = 32 * 1024  # from the heap, never mapped on its own
    made = [np.ones(small, np.uint8) for _ in range(3000)]
    kept = made[::100]  # so that the heap can't shrink by itself
    before = resident_bytes()
    del made
    memory.trim()
    assert before - resident_bytes() > 60e6
    assert len(kept) == 30


def test_service_that_runs_is_kept_trimmed(start, monkeypatch) -> None:
    seen: list[int] = []

    async def watched(served, seconds=0.0) -> None:
        while True:
            seen.append(served())
            await asyncio.sleep(0.01)

    monkeypatch.setattr(memory, "keep_trimmed", watched)
    client = start()
    before = max(seen, default=0)
    client.get("/healthz")
    client.get("/healthz")
    assert client.app.state.service.load.served >= before + 2
