"""The embedded engine's processes: what happens when they, or the service, are killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import DIMENSION, FINGERPRINT, record, spec, unit

from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.engine import hosted
from lookalike.catalog.engine.hosted import Hosted
from lookalike.catalog.store import IndexSettings, Part, Search
from lookalike.errors import (
    EngineFailed,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreUnavailable,
)

Opener = Callable[[], EmbeddedStore]


def worker(store: EmbeddedStore, name: str = "shirts") -> psutil.Process:
    return psutil.Process(store._collection(name).hosted.pid)


def builder(store: EmbeddedStore, name: str = "shirts") -> psutil.Process | None:
    children = worker(store, name).children()
    return children[0] if children else None


def until(met: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def fill(store: EmbeddedStore, count: int, **settings: object) -> None:
    store.create("shirts", spec(**settings))
    store.upsert("shirts", FINGERPRINT, [record(number) for number in range(count)])


def search(store: EmbeddedStore, number: int) -> str:
    return store.search("shirts", Search((Part(unit(number)),), fingerprint=FINGERPRINT))[0].id


# Ownership


def test_a_folder_in_use_names_its_holder_and_the_running_service(
    open_embedded: Opener, tmp_path: Path
) -> None:
    store = open_embedded()
    code = (
        "import sys; from pathlib import Path; from lookalike.catalog.embedded import EmbeddedStore\n"
        "from lookalike.errors import StoreLocked\n"
        "try: EmbeddedStore(Path(sys.argv[1]))\n"
        "except StoreLocked as error: print(error.pid, error.url); print(error)"
    )
    store.announce("http://127.0.0.1:8123")
    second = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert second.stdout.startswith(f"{os.getpid()} http://127.0.0.1:8123\n")
    assert "--url http://127.0.0.1:8123" in second.stdout
    with pytest.raises(StoreLocked):
        open_embedded()
    store.close()
    open_embedded()


def test_a_folder_is_free_as_soon_as_its_holder_is_killed_and_no_worker_is_left(
    tmp_path: Path, open_embedded: Opener
) -> None:
    with Writer(tmp_path) as child:
        child.acknowledged(5)
        workers = child.workers()
        assert workers
        child.kill()
        store = open_embedded()
        until(lambda: not any(alive(one) for one in workers), 5)
        assert store.count("shirts") >= 5 * WRITTEN_AT_ONCE


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_interrupt_from_the_terminal_leaves_the_workers_to_the_service(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 10)
    process = worker(store)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert store.count("shirts") == 10
    assert worker(store).pid == process.pid


def test_workers_start_when_needed_and_end_with_the_store(open_embedded: Opener) -> None:
    store = open_embedded()
    fill(store, 10)
    store.close()
    store = open_embedded()
    assert store._collection("shirts").hosted.pid is None
    store.count("shirts")
    process = worker(store)
    store.close()
    assert not alive(process)
    with pytest.raises(StoreUnavailable):
        store.count("shirts")
    assert not store.alive()


# Killed workers


def test_what_was_acknowledged_survives_25_kills_of_the_worker(open_embedded: Opener) -> None:
    store = open_embedded()
    store.create("shirts", spec())
    rng = random.Random(1)
    acknowledged: set[str] = set()
    stop = threading.Event()
    failures: list[Exception] = []

    def write(offset: int) -> None:
        number = offset
        while not stop.is_set():
            records = [record(number + 2 * n) for n in range(20)]
            number += 40
            try:
                store.upsert("shirts", FINGERPRINT, records)
            except StoreUnavailable:
                continue  # killed three times in a row; not acknowledged
            except Exception as error:
                failures.append(error)
                return
            acknowledged.update(one.item.id for one in records)

    threads = [threading.Thread(target=write, args=(offset,)) for offset in range(2)]
    for thread in threads:
        thread.start()
    killed: set[int] = set()
    seen, unanswered = 0, 0
    while len(killed) < 25:
        time.sleep(rng.uniform(0, 0.06))
        if len(acknowledged) > seen:
            seen, unanswered = len(acknowledged), 0
        # five in a row without an answer, and a collection is rightly given up for a while
        pid = store._collection("shirts").hosted.pid
        if pid is not None and pid not in killed and unanswered < 3:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
            unanswered += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(acknowledged) > 500
    assert store.get("shirts", sorted(acknowledged)).keys() == acknowledged
    assert store.count("shirts") >= len(acknowledged)
    assert store.alive()


WRITTEN_AT_ONCE = 20

WRITER = """
import sys
import time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import FINGERPRINT, record, spec
from lookalike.catalog.embedded import EmbeddedStore
if len(sys.argv) > 4:
    from crashing import crash_at
    crash_at(sys.argv[4])
store = EmbeddedStore(Path(sys.argv[1]))
if "shirts" not in [one.name for one in store.collections()]:
    store.create("shirts", spec(index_from=10**6))
print("open", store.count("shirts"), flush=True)
number = int(sys.argv[3])
while True:
    store.upsert("shirts", FINGERPRINT, [record(number + n) for n in range(20)])
    number += 20
    print(number, flush=True)
    if len(sys.argv) > 4:
        time.sleep(0.01)
        if number == 400:
            store.build_index("shirts")
"""


class Writer:
    """A process that writes numbered items, and says after which number it has."""

    def __init__(self, folder: Path, start: int = 0, *more: str) -> None:
        here = str(Path(__file__).parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder / "store"), here, str(start), *more],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.done = start
        self.there_at_start = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.startswith("open"):
            self.there_at_start = int(line.split()[1])
        elif line:
            self.done = int(line)
        return line

    def acknowledged(self, batches: int) -> None:
        goal = self.done + batches * WRITTEN_AT_ONCE
        while self.done < goal:
            assert self._line(), "the writer ended"

    def rest(self) -> None:
        while self._line():
            pass
        self._process.wait()

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self._process.pid).children(recursive=True)

    def kill(self) -> None:
        self._process.kill()
        self.rest()


def test_what_was_acknowledged_survives_10_kills_of_the_whole_process(
    tmp_path: Path, open_embedded: Opener
) -> None:
    rng = random.Random(2)
    done = 0
    for _ in range(10):
        with Writer(tmp_path, done) as child:
            child.acknowledged(1)
            assert child.there_at_start >= done
            time.sleep(rng.uniform(0, 0.1))
            child.kill()
            done = child.done
    store = open_embedded()
    expected = {f"item/{number}" for number in range(done)}
    assert expected <= store.get("shirts", sorted(expected)).keys()
    # at most one batch was stored and not acknowledged
    assert done <= store.count("shirts") <= done + WRITTEN_AT_ONCE


def test_a_worker_that_keeps_dying_is_given_up_with_a_reason(
    open_embedded: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_embedded()
    fill(store, 10)
    monkeypatch.setattr(hosted, "CRASH_WINDOW", 2.0)
    module = "lookalike.catalog.engine.no_such_worker"
    start = store._supervisor.start
    with monkeypatch.context() as broken:
        broken.setattr(store._supervisor, "start", lambda _, arguments: start(module, arguments))
        worker(store).kill()
        for _ in range(8):
            with pytest.raises(StoreUnavailable):
                store.count("shirts")
        with pytest.raises(StoreUnavailable, match="times within"):
            store.count("shirts")
        assert not store.alive()
    until(store.alive)
    assert store.count("shirts") == 10


def test_a_damaged_collection_is_named_and_the_others_work(
    open_embedded: Opener, tmp_path: Path
) -> None:
    store = open_embedded()
    fill(store, 10)
    store.create("shoes", spec())
    shard = store._collection("shirts").hosted.shard
    store.close()
    shutil.rmtree(shard / "segments")
    (shard / "edge_config.json").write_text("{")
    store = open_embedded()
    with pytest.raises(StoreDamaged, match="'shirts'"):
        store.count("shirts")
    assert store.count("shoes") == 0


# Index builds


def test_a_build_begins_by_itself_and_covers_everything(open_embedded: Opener) -> None:
    store = open_embedded()
    fill(store, 400, index_from=300)
    until(lambda: store.facts("shirts").index.state == "ready")
    assert store.facts("shirts").index.indexed == 400
    assert store.facts("shirts").index.pending == 0
    generations = [
        one.name for one in store._collection("shirts").hosted.folder.glob("g*") if one.is_dir()
    ]
    assert generations == ["g2"]
    # few additions are no reason for another
    store.upsert("shirts", FINGERPRINT, [record(number) for number in range(400, 450)])
    assert store.facts("shirts").index.pending == 50
    assert search(store, 444) == "item/444"


def test_search_and_writes_go_on_during_a_build_and_nothing_is_missing_after(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 3000, index_from=10**6)
    build = threading.Thread(target=lambda: store.build_index("shirts", wait=True))
    build.start()
    until(lambda: store.facts("shirts").index.state == "building")
    searches = written = 0
    deleted: list[str] = []
    while build.is_alive():
        number = 3000 + written
        store.upsert("shirts", FINGERPRINT, [record(number)])
        written += 1
        assert search(store, number) == f"item/{number}"  # at once, whichever shard is in service
        if written % 5 == 0:
            victim = f"item/{written}"
            deleted.append(victim)
            assert store.delete("shirts", [victim]) == 1
        searches += 1
        time.sleep(0.01)
    assert searches > 20
    facts = store.facts("shirts")
    assert facts.index.state == "ready"
    assert facts.items == store.count("shirts") == 3000 + written - len(deleted)
    expected = {f"item/{n}" for n in range(3000 + written)} - set(deleted)
    assert store.get("shirts", sorted(expected | set(deleted))).keys() == expected


def test_a_killed_builder_leaves_the_old_index_and_the_next_build_works(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 2000, index_from=10**6)
    for delay in (0.0, 0.05, 0.15, 0.3):
        store.build_index("shirts")
        until(lambda: builder(store))
        time.sleep(delay)
        if process := builder(store):
            process.kill()
        until(lambda: store.facts("shirts").index.state != "building")
        assert store.count("shirts") == 2000
        assert search(store, 7) == "item/7"
    state = store.facts("shirts").index
    assert (state.state, state.indexed) == ("failed", 0)
    assert "builder" in (state.reason or "")
    assert store.build_index("shirts", wait=True).indexed == 2000
    store.upsert("shirts", FINGERPRINT, [record(2000)])
    assert store.count("shirts") == 2001


PHASES = ["built", "hold", "seal", "catch_up", "pointer", "swapped"]


def act_at(phase: str, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something once, when a build comes to this phase."""
    left = [act]
    monkeypatch.setattr(hosted, "BUILD_NICE", 0)

    def once() -> None:
        if left:
            left.pop()()

    def before(owner: object, name: str, *, after: bool = False) -> None:
        original = getattr(owner, name)

        def wrapped(*args: object, **kwargs: object) -> object:
            begun = owner is not hosted or args[1] != {"generation": "g1"}
            if begun and not after:
                once()
            result = original(*args, **kwargs)
            if begun and after:
                once()
            return result

        monkeypatch.setattr(owner, name, wrapped)

    if phase in ("seal", "catch_up"):
        ask = Hosted._ask

        def asked(self: Hosted, connection: object, op: str, **header: object) -> object:
            answer = ask(self, connection, op, **header)
            # the catch_up that counts is the one after writes are held
            if op == phase and (op != "catch_up" or self._swapping):
                once()
            return answer

        monkeypatch.setattr(Hosted, "_ask", asked)
    else:
        name, after = {
            "built": ("_built", True),
            "hold": ("_hold", True),
        }.get(phase, ("", False))
        if phase in ("pointer", "swapped"):
            before(hosted, "write_durably", after=phase == "swapped")
        else:
            before(Hosted, name, after=after)


@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_killed_at_any_phase_of_a_build_loses_nothing(
    phase: str, open_embedded: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_embedded()
    fill(store, 300, index_from=10**6)
    happened = threading.Event()

    def kill() -> None:
        worker(store).kill()
        happened.set()

    act_at(phase, monkeypatch, kill)
    written = 300
    store.build_index("shirts")
    while not happened.is_set() or store.facts("shirts").index.state == "building":
        store.upsert("shirts", FINGERPRINT, [record(written)])
        written += 1
        time.sleep(0.005)  # the builder has the lowest priority of all
    for number in range(written, written + 5):
        store.upsert("shirts", FINGERPRINT, [record(number)])
    expected = {f"item/{n}" for n in range(written + 5)}
    assert store.count("shirts") == len(expected)
    assert store.get("shirts", sorted(expected)).keys() == expected
    monkeypatch.undo()
    assert store.build_index("shirts", wait=True).state == "ready"
    assert store.get("shirts", sorted(expected)).keys() == expected


@pytest.mark.parametrize("phase", ["built", "pointer", "swapped"])
def test_the_whole_process_killed_at_any_phase_of_a_build_loses_nothing(
    phase: str, tmp_path: Path, open_embedded: Opener
) -> None:
    with Writer(tmp_path, 0, phase) as child:
        child.rest()  # it kills itself
        done = child.done
    assert done >= 400
    store = open_embedded()
    expected = {f"item/{number}" for number in range(done)}
    assert store.get("shirts", sorted(expected)).keys() == expected
    assert store.count("shirts") <= done + WRITTEN_AT_ONCE
    folder = store._collection("shirts").hosted.folder
    assert sorted(one.name for one in folder.glob("g*")) == [
        store._collection("shirts").hosted.generation
    ]
    assert not (folder / "journal").exists()
    assert store.build_index("shirts", wait=True).state == "ready"
    assert store.count("shirts") >= done


def test_dropping_a_collection_that_is_being_indexed_is_quick_and_clean(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 3000, index_from=10**6)
    store.build_index("shirts")
    until(lambda: builder(store))
    process = builder(store)
    store.drop("shirts")
    assert store.collections() == []
    assert process is not None
    assert not alive(process)
    assert list((store._folder.path / "collections").iterdir()) == []


def test_quantization_comes_with_the_next_build_and_keeps_exact_scores(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 500, index_from=10**6)
    store.build_index("shirts", wait=True)
    assert store.facts("shirts").index.quantized is False
    store.configure("shirts", IndexSettings(index_from=10**6, quantization="scalar"))
    until(lambda: store.facts("shirts").index.quantized)
    hits = store.search("shirts", Search((Part(unit(900)),), fingerprint=FINGERPRINT, limit=5))
    for hit in hits:
        expected = float(unit(900) @ unit(int(hit.id.split("/")[1])))
        assert hit.score == pytest.approx(expected, abs=1e-5)


def test_a_query_that_the_engine_cannot_answer_is_an_error_and_not_the_end(
    open_embedded: Opener,
) -> None:
    store = open_embedded()
    fill(store, 10)
    before = worker(store).pid
    hosting = store._collection("shirts").hosted
    with pytest.raises(EngineFailed, match="search"):
        hosting.call("search", b"1234", lanes=[], offset=0, limit=1)
    with pytest.raises(EngineFailed):
        hosting.call("no_such_thing")
    assert store.count("shirts") == 10
    assert worker(store).pid == before


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(path)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_refuses_writes_loses_nothing_and_lets_them_be_repeated(
    small_disk: Path,
) -> None:
    filler = small_disk / "filler"
    with EmbeddedStore(small_disk / "store") as store:
        fill(store, 100)
        free = shutil.disk_usage(small_disk).free
        filler.write_bytes(b"x" * (free - 4 * 2**20))
        with pytest.raises(StoreFull) as caught:
            store.upsert("shirts", FINGERPRINT, [record(n) for n in range(100, 200)])
        assert caught.value.retriable
        assert caught.value.free is not None
        with pytest.raises(StoreError):
            store.build_index("shirts", wait=True)
        time.sleep(1)  # its own flush fails too, and must not end it
        assert store.count("shirts") == 100
        assert search(store, 42) == "item/42"
    with EmbeddedStore(small_disk / "store") as store:
        with pytest.raises(StoreFull):
            store.create("more", spec())
        with pytest.raises(StoreFull):
            store.upsert("shirts", FINGERPRINT, [record(n) for n in range(100, 200)])
        filler.unlink()
        assert store.count("shirts") == 100
        store.upsert("shirts", FINGERPRINT, [record(n) for n in range(100, 200)])
        assert store.count("shirts") == 200
        assert [one.name for one in store.collections()] == ["shirts"]


def test_descriptions_are_replaced_whole(open_embedded: Opener) -> None:
    store = open_embedded()
    fill(store, 3)
    folder = store._collection("shirts").hosted.folder
    described = json.loads((folder / "collection.json").read_text())
    assert described["dimension"] == DIMENSION
    assert not list(folder.glob("*.new"))
