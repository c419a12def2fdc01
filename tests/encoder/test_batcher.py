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
from lookalike.encoder.queues import BACKGROUND_BATCH, BACKGROUND_TURN, BatchLimits, Observer
from lookalike.encoder.tokenizer import Tokens
from lookalike.encoder.watchdog import Watchdog
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
    reloads: list[str] = field(default_factory=list)
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

    def reload(self, tower) -> None:
        self.reloads.append(tower)

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
        self.hung = 0

    def dropped(self, tower, reason, count) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + count

    def rejected(self, tower, count) -> None:
        self.rejections += count

    def cached(self, hits, misses) -> None:
        self.hits += hits
        self.misses += misses

    def worker_failed(self, tower, restarting, hung) -> None:
        self.failures.append(restarting)
        self.hung += hung


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

    def make(engine: ArithmeticEngine | None = None, clock=time.monotonic, **limits):
        engine = engine or ArithmeticEngine()
        counting = Counting()
        batcher = Batcher(engine, BatchLimits(**limits), counting, clock)
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
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 10)
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
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 4)
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
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 2)
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
    wait_for(lambda: batcher._lanes["text"].queue.waiting == 1)
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
    batcher._lanes["image"].queue.measure(1, 2.0)
    soon, later = time.monotonic() + 5, time.monotonic() + 100
    batcher.images(pictures(1), deadline=soon)  # alone, it is tried
    batcher.images(pictures(2, 3), deadline=later)
    with pytest.raises(QueueFull) as refused:
        batcher.images(pictures(4), deadline=soon)
    assert refused.value.retry_after == 6
    batcher.images(pictures(4), deadline=later)


def test_time_to_come_back_follows_the_measured_rate(start) -> None:
    batcher, _, _ = start()
    queue = batcher._lanes["image"].queue
    queue.measure(2, 3.0)  # 1.5 s each
    queue.admit(6, 0)
    assert queue.retry_after() == 9
    queue.release(6, 0)


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
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 4)
    engine.gate.set()
    for ticket in tickets:
        with pytest.raises(WorkerFailed):
            ticket.future.result(5)
    assert counting.failures == [True, False]
    assert batcher.depth()["image"] == (0, 0)


class Hangs(ArithmeticEngine):
    """An engine whose next inferences, or its loading, don't come back until the gate opens."""

    hangs = 0
    reload_hangs = False
    broken_reload = False

    def encode_pixels(self, pixels):
        if self.hangs:
            self.hangs -= 1
            assert self.gate.wait(20)
        return super().encode_pixels(pixels)

    def reload(self, tower) -> None:
        super().reload(tower)
        if self.reload_hangs:
            assert self.gate.wait(20)
        if self.broken_reload:
            raise InferenceFailed("the graph is not there")

    def _run(self, size): ...


def test_inference_that_hangs_fails_and_a_new_worker_with_the_model_loaded_again_goes_on(
    start,
) -> None:
    engine = Hangs(gate=threading.Event())
    batcher, _, counting = start(engine, stall_seconds=0.1, batch_size=1)
    engine.hangs = 1
    lost, waiting = batcher.images(pictures(1)), batcher.images(pictures(2))
    with pytest.raises(WorkerFailed, match="has not ended within") as failed:
        lost.future.result(5)
    assert failed.value.restarting
    assert int(waiting.future.result(5).results[0][0]) == 2  # what only waited is not lost
    assert engine.reloads == ["image"]
    wait_for(lambda: batcher.health().alive)
    assert (batcher.health().restarts, batcher.health().hung) == (1, 1)
    assert (counting.failures, counting.hung) == ([True], 1)

    engine.gate.set()  # the one that was left behind comes back: it must change nothing
    wait_for(lambda: sum(t.name == "image-worker" for t in threading.enumerate()) == 1)
    assert batcher.depth()["image"] == (0, 0)
    assert int(batcher.images(pictures(3)).future.result(5).results[0][0]) == 3


def test_worker_that_hangs_again_is_given_up_and_every_request_fails_at_once(start) -> None:
    engine = Hangs(gate=threading.Event())
    batcher, _, counting = start(engine, stall_seconds=0.1, batch_size=1)
    engine.hangs = 3
    tickets = [batcher.images(pictures(n)) for n in range(4)]
    for ticket in tickets:
        with pytest.raises(WorkerFailed):
            ticket.future.result(5)
    wait_for(lambda: counting.failures == [True, False])
    assert "dead" in batcher.health().reason
    assert batcher.health().hung == 2
    with pytest.raises(WorkerFailed, match="must be restarted"):
        batcher.images(pictures(9))
    with pytest.raises(WorkerFailed):
        batcher.background_pixels(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert batcher.depth()["image"] == (0, 0)
    assert batcher.texts(["the other tower lives"]).future.result(5)
    assert batcher.stop(grace=0.1)


class Mishaps:
    """Breaks an engine that hangs (and comes back when told to, or not), again and again, by its own clock."""

    def __init__(self, start) -> None:
        self.now = 1000.0
        self.engine = Hangs(gate=threading.Event())
        self.batcher, _, self.counting = start(
            self.engine, clock=lambda: self.now, stall_seconds=0.1, batch_size=1
        )

    def answers(self) -> bool:
        return int(self.batcher.images(pictures(7)).future.result(5).results[0][0]) == 7

    def hang(self, *, comes_back: bool = True) -> None:
        self.engine.hangs = 1
        with pytest.raises(WorkerFailed):
            self.batcher.images(pictures(1)).future.result(5)
        wait_for(lambda: self.engine.hangs == 0)
        if comes_back:
            self.engine.gate.set()
            self.batcher._lanes["image"]._left_behind.join(5)
            self.engine.gate.clear()

    @property
    def restarted(self) -> list[bool]:
        return self.counting.failures


def test_worker_that_answered_for_an_hour_is_replaced_again_and_again(start) -> None:
    mishaps = Mishaps(start)
    for count in range(1, 4):
        mishaps.hang()
        wait_for(lambda: mishaps.batcher.health().alive)
        assert mishaps.batcher.health().restarts == count
        mishaps.now += 3600
        assert mishaps.answers()
    assert mishaps.restarted == [True, True, True]


def test_worker_that_fails_within_the_hour_is_given_up(start) -> None:
    mishaps = Mishaps(start)
    mishaps.hang()
    mishaps.now += 3599
    assert mishaps.answers()
    mishaps.now += 3600  # it was idle: nobody knows whether it was well
    mishaps.hang()
    wait_for(lambda: mishaps.restarted == [True, False])
    assert "dead" in mishaps.batcher.health().reason


def test_second_worker_is_not_left_behind_while_the_first_still_hangs(start) -> None:
    mishaps = Mishaps(start)
    mishaps.hang(comes_back=False)
    mishaps.now += 7200
    assert mishaps.answers()
    mishaps.hang(comes_back=False)
    wait_for(lambda: mishaps.restarted == [True, False])


@pytest.mark.parametrize("how", ["reload_hangs", "broken_reload"])
def test_model_that_cannot_be_loaded_again_ends_every_wait(start, how: str) -> None:
    engine = Hangs(gate=threading.Event(), broken=False)
    batcher, _, counting = start(engine, stall_seconds=0.05, batch_size=1)
    setattr(engine, how, True)
    engine.hangs = 1
    tickets = [batcher.images(pictures(n)) for n in range(3)]
    for ticket in tickets:
        with pytest.raises(WorkerFailed):
            ticket.future.result(5)
    wait_for(lambda: counting.failures == [True, False])
    assert "dead" in batcher.health().reason


def test_slow_model_is_not_taken_for_one_that_hangs(start) -> None:
    engine = Hangs(gate=threading.Event())
    batcher, _, counting = start(engine, stall_seconds=0.05)
    batcher._lanes["image"].queue.measure(1, 0.1)  # so a second is what it may take
    engine.hangs = 1
    threading.Timer(0.3, engine.gate.set).start()
    assert batcher.images(pictures(7)).future.result(5).results[0][0] == 7
    assert not counting.failures


def test_process_that_was_stopped_and_goes_on_has_not_hung(monkeypatch) -> None:
    """SIGSTOP, a paused container: time passed, but nobody had a chance to work in it."""
    seen: list[float] = []
    clock = [0.0]
    monkeypatch.setattr("lookalike.encoder.watchdog.time.monotonic", lambda: clock[0])
    watchdog = Watchdog([seen.append], patience=0.2)
    wait_for(lambda: len(seen) > 1)
    clock[0] += 3600
    wait_for(lambda: max(seen) > 0)
    watchdog.stop()
    assert max(seen) <= 0.02


def test_stop_does_not_wait_for_ever_for_an_inference_that_hangs(start, monkeypatch) -> None:
    engine = Hangs(gate=threading.Event())
    batcher, _, _ = start(engine, batch_size=1)
    engine.hangs = 1
    stuck = batcher.images(pictures(1))
    wait_for(lambda: not engine.hangs)
    monkeypatch.setattr("lookalike.encoder.lanes.JOIN_SECONDS", 0.05)
    assert batcher.stop(grace=0.01) is False
    with pytest.raises(Stopping):
        stuck.future.result(0)


def test_worker_that_ends_amid_single_retries_answers_each_picture_once(start) -> None:
    class EndsLate(ArithmeticEngine):
        def encode_pixels(self, pixels):
            assert self.gate.wait(10)
            if len(pixels) > 1:
                raise InferenceFailed("as a whole")
            if pixels.flat[0] == 3:
                raise SystemExit("told to")
            return super().encode_pixels(pixels)

    engine = EndsLate(gate=threading.Event())
    batcher, _, counting = start(engine, batch_size=8)
    first = batcher.images(pictures(0))
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 0)
    tickets = [batcher.images(pictures(n)) for n in (1, 2, 3, 4)]
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 4)
    engine.gate.set()
    assert [int(t.future.result(5).results[0][0]) for t in (first, *tickets[:2])] == [0, 1, 2]
    for ticket in tickets[2:]:
        with pytest.raises(WorkerFailed):
            ticket.future.result(5)
    wait_for(lambda: batcher.depth()["image"] == (0, 0))
    assert counting.failures == [True]


# What is in no hurry


def pixels_of(*numbers: int) -> np.ndarray:
    engine = ArithmeticEngine()
    return np.stack([engine.images(str(number).encode()) for number in numbers])


def test_background_gives_the_same_vectors_in_order(start) -> None:
    batcher, engine, counting = start()
    numbers = list(range(150))  # more than may wait at once
    assert [int(v[0]) for v in batcher.background_pixels(pixels_of(*numbers))] == numbers
    np.testing.assert_array_equal(
        np.stack(batcher.background_texts(["a", "a pair of shoes"])),
        [engine.encode_tokens(engine.tokenize([text]).ids)[0] for text in ("a", "a pair of shoes")],
    )
    assert batcher.background() == {"image": 0, "text": 0}
    assert (counting.hits, counting.misses, len(batcher.cache)) == (0, 0, 0)


def test_requests_go_before_the_background_which_still_gets_its_turn(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine, batch_size=1)
    order: list[int] = []
    encode = engine.encode_pixels

    def seen(pixels):
        order.extend(int(one.flat[0]) for one in pixels)
        return encode(pixels)

    engine.encode_pixels = seen
    first = batcher.images(pictures(1))
    wait_for(lambda: order == [1])
    with ThreadPoolExecutor(1) as pool:
        behind = pool.submit(batcher.background_pixels, pixels_of(200, 201))
        wait_for(lambda: batcher._lanes["image"].queue.waiting == 2)
        asked = [batcher.images(pictures(n)) for n in range(2, 12)]
        wait_for(lambda: batcher._lanes["image"].queue.waiting == 12)
        engine.gate.set()
        for ticket in (first, *asked):
            ticket.future.result(5)
        assert [int(v[0]) for v in behind.result(5)] == [200, 201]
    assert order[: BACKGROUND_TURN + 1] == list(range(1, BACKGROUND_TURN + 2))
    assert order.index(200) == BACKGROUND_TURN + 1
    assert order.index(11) < order.index(201)


def test_background_goes_in_small_batches_and_takes_no_room_from_requests(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, counting = start(engine, batch_size=16, queue_items=2)
    with ThreadPoolExecutor(3) as pool:
        behind = [pool.submit(batcher.background_pixels, pixels_of(*range(40))) for _ in range(3)]
        wait_for(lambda: engine.batches == [BACKGROUND_BATCH])
        assert batcher.background()["image"] == 40  # the others wait for room
        asked = [batcher.images(pictures(n)) for n in (1, 2)]
        engine.gate.set()
        for ticket in asked:
            ticket.future.result(5)
        assert all(len(one.result(5)) == 40 for one in behind)
    assert max(engine.batches) <= BACKGROUND_BATCH
    assert not counting.rejections


def test_background_waits_for_the_new_worker_when_one_fails(start) -> None:
    engine = Hangs(gate=threading.Event())
    batcher, _, _ = start(engine, stall_seconds=0.1)
    engine.hangs = 1
    assert [int(v[0]) for v in batcher.background_pixels(pixels_of(1, 2, 3, 4, 5))] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert engine.reloads == ["image"]


def test_background_that_waits_for_room_is_told_of_the_stop(start) -> None:
    engine = ArithmeticEngine(gate=threading.Event())
    batcher, _, _ = start(engine)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.background_pixels, pixels_of(*range(40)))
        wait_for(lambda: batcher.background()["image"] == 40)
        second = pool.submit(batcher.background_pixels, pixels_of(*range(40)))
        time.sleep(0.02)
        batcher._lanes["image"].queue.close()
        with pytest.raises(Stopping):
            second.result(5)
        engine.gate.set()
        assert len(first.result(5)) == 40


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
    wait_for(lambda: not batcher._lanes["image"].queue._accepting)
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
    wait_for(lambda: batcher._lanes["image"].queue.waiting == 2)
    threading.Timer(0.2, engine.gate.set).start()
    assert batcher.stop(grace=0.01) is False
    for ticket in tickets[1:]:
        with pytest.raises(Stopping):
            ticket.future.result(5)
