"""The serving core: order and ownership, fairness to the good, and an end to every wait."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.encoder.batcher import Batcher
from lookalike.encoder.lanes import BatchLimits, Observer
from lookalike.encoder.tokenizer import Tokens
from lookalike.errors import (
    ClientGone,
    DeadlinePassed,
    ImageUnreadable,
    InferenceFailed,
    QueueFull,
    Stopping,
    WorkerFailed,
)

SIDE = 4


@dataclass
class ArithmeticEngine:
    """An engine whose vectors say what they were made of: a picture is a decimal number, a text its length
    and a checksum."""

    gate: threading.Event | None = None
    poison: int | None = None
    broken: bool = False
    batches: list[int] = field(default_factory=list)
    fingerprint: str = "f" * 16
    card: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            image=SimpleNamespace(height=SIDE, width=SIDE), text=SimpleNamespace(pad_id=0)
        )
    )

    def images(self, data: bytes) -> np.ndarray:
        if not data.isdigit():
            raise ImageUnreadable("it is no number")
        number = int(data)
        pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
        pixels.flat[:4] = list(number.to_bytes(4, "little"))
        return pixels

    def tokenize(self, texts) -> Tokens:
        rows = [[1 + byte for byte in text.encode()] or [1] for text in texts]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for row, one in zip(ids, rows, strict=True):
            row[: len(one)] = one
        return Tokens(ids, np.array([len(text) > 20 for text in texts]))

    def encode_pixels(self, pixels) -> np.ndarray:
        self._run(len(pixels))
        numbers = pixels.reshape(len(pixels), -1)[:, :4].copy().view("<u4")[:, 0]
        if self.poison is not None and self.poison in numbers:
            raise InferenceFailed("poison")
        return np.stack([numbers, numbers * 2], axis=1).astype(np.float32)

    def encode_tokens(self, ids) -> np.ndarray:
        self._run(len(ids))
        weights = np.arange(1, ids.shape[1] + 1)
        return np.stack([(ids > 0).sum(1), (ids * weights).sum(1) % 9973], 1).astype(np.float32)

    def _run(self, size: int) -> None:
        self.batches.append(size)
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.broken:
            raise RuntimeError("the runtime is gone")


class Counting(Observer):
    def __init__(self) -> None:
        self.drops: dict[str, int] = {}
        self.rejections = self.hits = self.misses = 0
        self.failures: list[bool] = []

    def dropped(self, tower, reason, count) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + count

    def rejected(self, tower, count) -> None:
        self.rejections += count

    def cached(self, hits, misses) -> None:
        self.hits += hits
        self.misses += misses

    def worker_failed(self, tower, restarting) -> None:
        self.failures.append(restarting)


def pictures(*numbers: int) -> list[tuple[bytes, int]]:
    return [(str(number).encode(), 8) for number in numbers]


def wait_for(condition, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.002)


@pytest.fixture
def start():
    """Makes a batcher over an ArithmeticEngine; all are stopped afterwards."""
    made: list[tuple[Batcher, ArithmeticEngine]] = []

    def make(engine: ArithmeticEngine | None = None, **limits):
        engine = engine or ArithmeticEngine()
        counting = Counting()
        batcher = Batcher(engine, BatchLimits(**limits), counting)
        made.append((batcher, engine))
        return batcher, engine, counting

    yield make
    for batcher, engine in made:
        if engine.gate is not None:
            engine.gate.set()
        batcher.stop()


requests = st.lists(
    st.one_of(
        st.lists(st.integers(0, 2**20), min_size=1, max_size=9),
        st.lists(st.text(max_size=24), min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(requests=requests, batch_size=st.integers(1, 7), cache=st.sampled_from([0, 3, 100]))
def test_under_concurrency_every_answer_is_whole_in_order_and_its_owners(
    requests, batch_size, cache
) -> None:
    engine = ArithmeticEngine()
    batcher = Batcher(engine, BatchLimits(batch_size=batch_size, text_cache=cache))

    def ask(request):
        if isinstance(request[0], int):
            return batcher.images(pictures(*request)).future.result(10).results
        return batcher.texts(request).future.result(10).results

    try:
        with ThreadPoolExecutor(6) as clients:
            answers = list(clients.map(ask, requests))
    finally:
        batcher.stop()
    alone = ArithmeticEngine()
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(request[0], int):
            assert [int(v[0]) for v in answer] == request
        else:
            expected = [alone.encode_tokens(alone.tokenize([text]).ids)[0] for text in request]
            np.testing.assert_array_equal(np.stack(answer), np.stack(expected))
    assert max(engine.batches) <= batch_size
    assert batcher.depth() == {"image": (0, 0), "text": (0, 0)}


def test_worker_takes_what_waits_and_never_waits_for_more(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine, batch_size=8)
    first = batcher.images(pictures(1))
    wait_for(lambda: engine.batches == [1])  # alone, it went at once
    rest = [batcher.images(pictures(n)) for n in range(2, 12)]
    wait_for(lambda: len(batcher._lanes["image"]._waiting) == 10)
    engine.gate.set()
    for ticket in [first, *rest]:
        ticket.future.result(5)
    assert engine.batches == [1, 8, 2]


def test_pictures_and_texts_do_not_wait_for_each_other(start) -> None:
    class PicturesStuck(ArithmeticEngine):
        def encode_pixels(self, pixels):
            assert self.gate.wait(10)
            return super().encode_pixels(pixels)

        def _run(self, size): ...

    batcher, _, _ = start(PicturesStuck(gate=threading.Event()))
    stuck = batcher.images(pictures(1))
    batcher.texts(["a shoe"]).future.result(5)
    assert not stuck.future.done()


def test_unreadable_picture_fails_alone(start) -> None:
    batcher, _, _ = start()
    asked = [(b"7", 8), (b"not a picture", 8), (b"9", 8)]
    good, bad, also_good = batcher.images(asked).future.result(5).results
    assert (good[0], also_good[0]) == (7, 9)
    assert isinstance(bad, ImageUnreadable)


def test_picture_that_breaks_the_inference_fails_alone_in_a_batch_of_several_requests(
    start,
) -> None:
    engine = ArithmeticEngine(gate=threading.Event(), poison=13)
    batcher, _, counting = start(engine, batch_size=8)
    hold = batcher.images(pictures(0))
    wait_for(lambda: engine.batches == [1])
    others = [batcher.images(pictures(n)) for n in (11, 12, 13, 14)]
    wait_for(lambda: len(batcher._lanes["image"]._waiting) == 4)
    engine.gate.set()
    results = [ticket.future.result(5).results[0] for ticket in others]
    assert hold.future.result(5)
    assert isinstance(results[2], InferenceFailed)
    assert [int(r[0]) for i, r in enumerate(results) if i != 2] == [11, 12, 14]
    assert batcher.health().alive
    assert not counting.failures


def test_request_whose_client_has_gone_costs_no_inference_and_is_counted(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, counting = start(engine)
    batcher.images(pictures(1))
    wait_for(lambda: engine.batches == [1])
    gone = batcher.images(pictures(2, 3))
    wait_for(lambda: len(batcher._lanes["image"]._waiting) == 2)
    gone.cancel()
    engine.gate.set()
    with pytest.raises(ClientGone):
        gone.future.result(5)
    wait_for(lambda: batcher.depth()["image"] == (0, 0))
    assert engine.batches == [1]
    assert counting.drops == {"gone": 2}


def test_request_whose_deadline_has_passed_costs_no_inference_and_is_counted(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, counting = start(engine)
    batcher.texts(["hold"])
    wait_for(lambda: engine.batches == [1])
    late = batcher.texts(["late"], deadline=time.monotonic() + 0.02)
    wait_for(lambda: len(batcher._lanes["text"]._waiting) == 1)
    time.sleep(0.03)
    engine.gate.set()
    with pytest.raises(DeadlinePassed):
        late.future.result(5)
    assert counting.drops == {"deadline": 1}
    assert engine.batches == [1]


@pytest.mark.parametrize(
    "limits", [{"queue_items": 3}, {"queue_bytes": 3 * SIDE * SIDE * 3}], ids=["items", "bytes"]
)
def test_beyond_what_may_wait_a_request_is_refused_with_a_time_to_come_back(start, limits) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, counting = start(engine, **limits)
    admitted = [batcher.images(pictures(n)) for n in range(3)]
    with pytest.raises(QueueFull) as refused:
        batcher.images(pictures(4))
    assert 1 <= refused.value.retry_after <= 60
    assert counting.rejections == 1
    engine.gate.set()
    for ticket in admitted:
        ticket.future.result(5)
    wait_for(lambda: batcher.depth()["image"] == (0, 0))
    batcher.images(pictures(5)).future.result(5)


def test_request_that_could_not_be_done_in_its_time_is_refused_at_once(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine)
    batcher._lanes["image"]._measure(1, 2.0)
    soon, later = time.monotonic() + 5, time.monotonic() + 100
    batcher.images(pictures(1), deadline=soon)  # alone, it is tried
    batcher.images(pictures(2, 3), deadline=later)
    with pytest.raises(QueueFull) as refused:
        batcher.images(pictures(4), deadline=soon)
    assert refused.value.retry_after == 6
    batcher.images(pictures(4), deadline=later)


def test_time_to_come_back_follows_the_measured_rate(start) -> None:
    batcher, _, _ = start()
    lane = batcher._lanes["image"]
    lane._measure(2, 3.0)  # 1.5 s each
    lane.admit(6, 0)
    assert lane.retry_after() == 9
    lane.release(6, 0)


def test_failed_worker_is_seen_restarted_once_and_then_reported_dead(start) -> None:
    batcher, engine, counting = start()
    batcher.warm_up()

    def fail_three_times() -> None:
        for number in range(3):
            result = batcher.images(pictures(number)).future
            with pytest.raises((WorkerFailed, AssertionError)):
                assert not isinstance(result.result(5).results[0], InferenceFailed)

    engine.gate = threading.Event()
    engine.gate.set()
    original, engine.broken = engine.encode_pixels, True
    probing = threading.Event()

    def held(pixels):
        if len(engine.batches) >= 8:  # the restarted worker's own first inference
            probing.wait(5)
        return original(pixels)

    engine.encode_pixels = held
    fail_three_times()
    wait_for(lambda: counting.failures == [True])
    assert not batcher.health().alive  # not before it has answered once
    engine.broken = False
    probing.set()
    wait_for(lambda: batcher.health().alive)
    assert batcher.health().restarts == 1
    assert int(batcher.images(pictures(5)).future.result(5).results[0][0]) == 5

    engine.broken = True
    fail_three_times()
    wait_for(lambda: counting.failures == [True, False])
    assert "dead" in (batcher.health().reason or "")
    with pytest.raises(WorkerFailed):
        batcher.images(pictures(6))
    engine.broken = False
    assert len(batcher.texts(["the other tower lives"]).future.result(5).results) == 1


def test_worker_that_ends_for_whatever_reason_leaves_nobody_waiting(start) -> None:
    class Ends(ArithmeticEngine):
        def encode_pixels(self, pixels):
            assert self.gate.wait(10)
            raise SystemExit("told to")

    engine = Ends(gate=threading.Event())
    batcher, _, counting = start(engine, batch_size=1)
    tickets = [batcher.images(pictures(n)) for n in range(5)]
    wait_for(lambda: len(batcher._lanes["image"]._waiting) == 4)
    engine.gate.set()
    for ticket in tickets:
        with pytest.raises(WorkerFailed):
            ticket.future.result(5)
    assert counting.failures == [True, False]
    assert batcher.depth()["image"] == (0, 0)


def test_inference_that_hangs_is_seen(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine, stall_seconds=0.02)
    batcher.images(pictures(1))
    wait_for(lambda: not batcher.health().alive)
    assert "has not answered" in batcher.health().reason
    engine.gate.set()
    wait_for(lambda: batcher.health().alive)


def test_text_asked_again_comes_from_the_cache_and_is_counted(start) -> None:
    batcher, engine, counting = start(text_cache=2)
    long = "a text of more than twenty characters"
    first = batcher.texts(["a", long, "a"]).future.result(5)
    assert engine.batches in ([2], [1, 1])  # "a" twice is one inference
    runs = len(engine.batches)
    again = batcher.texts([long, "a"]).future.result(5)
    assert len(engine.batches) == runs
    assert (first.truncated, again.truncated) == ([1], [0])
    assert again.tokens > 0
    np.testing.assert_array_equal(again.results[1], first.results[0])
    assert (counting.hits, counting.misses) == (2, 3)
    batcher.texts(["b"]).future.result(5)
    assert len(batcher.cache) == 2
    batcher.texts([long]).future.result(5)  # the least recently used had to go
    assert counting.misses == 5


def test_cache_of_size_none_keeps_nothing(start) -> None:
    batcher, engine, counting = start(text_cache=0)
    for _ in range(2):
        batcher.texts(["a"]).future.result(5)
    assert engine.batches == [1, 1]
    assert (counting.hits, counting.misses, len(batcher.cache)) == (0, 0, 0)


def test_vectors_of_another_fingerprint_are_not_taken_from_the_cache() -> None:
    from lookalike.encoder.text_cache import TextCache, TextVector

    one, other = TextCache(9, "a" * 16), TextCache(9, "b" * 16)
    one.put("shoe", TextVector(np.ones(2, np.float32), 3, False))
    other._kept = one._kept
    assert one.get("shoe") is not None
    assert other.get("shoe") is None


def test_stop_finishes_what_was_accepted_and_accepts_no_more(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine, batch_size=2)
    accepted = [batcher.images(pictures(n)) for n in range(7)]
    stopping = threading.Thread(target=lambda: outcome.append(batcher.stop(grace=5)))
    outcome: list[bool] = []
    stopping.start()
    wait_for(lambda: not batcher._lanes["image"]._accepting)
    with pytest.raises(Stopping):
        batcher.images(pictures(9))
    engine.gate.set()
    stopping.join(5)
    assert outcome == [True]
    assert [int(t.future.result(0).results[0][0]) for t in accepted] == list(range(7))


def test_stop_ends_the_wait_of_what_it_could_not_finish(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine, batch_size=1)
    tickets = [batcher.images(pictures(n)) for n in range(3)]
    wait_for(lambda: len(batcher._lanes["image"]._waiting) == 2)
    threading.Timer(0.2, engine.gate.set).start()
    assert batcher.stop(grace=0.01) is False
    for ticket in tickets[1:]:
        with pytest.raises(Stopping):
            ticket.future.result(5)
