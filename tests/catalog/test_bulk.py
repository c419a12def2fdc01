"""Bulk embedding, all but Ray itself: parcels to real workers in this process, pickled on their way there and
back. What Ray does is in test_bulk_ray.py."""

import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient
from tests.catalog.colours import ColourEncoder
from tests.catalog.shop import make_shop, picture, row, write_feed

from lookalike import errors
from lookalike.catalog.bulk import worker as worker_module
from lookalike.catalog.bulk.cluster import WorkerGoneError
from lookalike.catalog.bulk.crew import HELD, LIVES, Crew
from lookalike.catalog.bulk.messages import Answer, Asked, Greeting, Orders, Unfit
from lookalike.catalog.bulk.planning import Plan, plan
from lookalike.catalog.bulk.supplying import PARCEL, RayWorkers, crew_of, sent_settings
from lookalike.catalog.bulk.worker import Worker
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import CHUNK, IngestOptions, IngestSummary, Tally
from lookalike.catalog.overlap import IN_FLIGHT
from lookalike.catalog.pictures import FilePicture
from lookalike.catalog.server import ServerStore
from lookalike.catalog.sources import open_source
from lookalike.errors import (
    ClusterError,
    FingerprintMismatch,
    ImageTooLarge,
    LookalikeError,
    ModelNotCached,
    TowerNotLoaded,
    WorkersDiffer,
    WorkersLost,
    WorkerUnfit,
)
from lookalike.settings import Settings

ORDERS = Orders(batch=16, refetch=False, thumbnails=True, allow_urls=False, inside=None)
GREETING = Greeting("here", 1, "1.0", ColourEncoder().card, ColourEncoder().fingerprint)


class Near:
    """A worker of this process. What goes to it and comes back is pickled, as on the way to another."""

    def __init__(self, encoder: ColourEncoder, *, shares_files: bool = True) -> None:
        self.worker = Worker({"threads": 2})
        self.worker._encoder = encoder
        self._shares_files = shares_files
        self.asked: list[Asked] = []
        self.dead: str | None = None

    def greet(self) -> Greeting | Unfit:
        return pickle.loads(pickle.dumps(self.worker.greet()))

    def work(self, orders: Orders, parcel: Sequence[Asked]) -> list[Answer]:
        if self.dead:
            raise WorkerGoneError(self.dead)
        self.asked += parcel
        if not self._shares_files:
            parcel = [elsewhere(one) for one in parcel]
        there = pickle.loads(pickle.dumps((orders, parcel)))
        try:
            return pickle.loads(pickle.dumps(self.worker.work(*there)))
        except LookalikeError as error:
            raise pickle.loads(pickle.dumps(error)) from None

    def dismiss(self) -> None:
        self.dead = "it was dismissed"


def elsewhere(asked: Asked) -> Asked:
    """As a machine sees it where nothing of ours is mounted."""
    entry = asked.known.entry
    if not isinstance(entry.picture, FilePicture):
        return asked
    moved = FilePicture(Path("/not/mounted/here") / entry.picture.path.name)
    return replace(asked, known=replace(asked.known, entry=replace(entry, picture=moved)))


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """With no encoder of its own: workers have it."""

    def load() -> ColourEncoder:
        raise AssertionError("no model is loaded where workers encode")

    with Catalog(EmbeddedStore(tmp_path / "bulk/store"), load, tmp_path / "bulk") as opened:
        yield opened


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(EmbeddedStore(tmp_path / "own/store"), ColourEncoder, tmp_path / "own") as opened:
        yield opened


Hire = Callable[..., RayWorkers]


@pytest.fixture
def hire(encoder: ColourEncoder) -> Iterator[Hire]:
    """Two workers."""
    crews: list[Crew] = []

    def make(make_hand: Callable[[], Any] = lambda: Near(encoder), size: int = 2) -> RayWorkers:
        crews.append(Crew(make_hand, size))
        return RayWorkers(crews[-1])

    yield make
    for crew in crews:
        crew.close()


def counts(summary: IngestSummary) -> tuple[int, int, int, int, int]:
    tally = summary.tally
    return tally.added, tally.updated, tally.unchanged, tally.failed, tally.pruned


def contents(catalog: Catalog) -> dict[str, Any]:
    """Everything that is stored of every item, thumbnails too."""
    records = catalog.store.scroll("shop", limit=10_000, vectors=True).records
    return {
        one.item.id: (
            one.payload,
            one.image is not None and one.image.tobytes(),
            one.text is not None and one.text.tobytes(),
            catalog.thumbnail("shop", one.item.id),
        )
        for one in records
    }


def failures(summary: IngestSummary) -> list[dict[str, Any]]:
    assert summary.report is not None
    return [json.loads(line) for line in summary.report.read_text().splitlines()]


@pytest.mark.parametrize("shares_files", [True, False])
def test_the_catalogue_and_the_report_are_those_of_the_local_engine_run_after_run(
    catalog: Catalog,
    local: Catalog,
    hire: Hire,
    encoder: ColourEncoder,
    tmp_path: Path,
    shares_files: bool,
) -> None:
    bulk = hire(lambda: Near(encoder, shares_files=shares_files))
    make_shop(tmp_path, 100)
    folder = tmp_path / "pictures"

    def both(rows: list[dict], **options: object) -> IngestSummary:
        source = open_source(write_feed(tmp_path, rows))
        ran = [
            one.index("shop", [source], options=IngestOptions(**options), workers=workers)
            for one, workers in ((local, None), (catalog, bulk))
        ]
        assert ran[0].tally == ran[1].tally
        assert bool(ran[0].report) == bool(ran[1].report)
        if ran[0].report:
            assert failures(ran[0]) == failures(ran[1])
        assert contents(local) == contents(catalog)
        return ran[1]

    rows = [row(number) for number in range(100)]
    rows[5] = {"id": "sku-5", "image": 7}
    rows[6] = row(0, title="again")
    rows[7] = row(7, image=None)
    rows[8] = row(8, title=None, description=None)
    (folder / "10.png").write_bytes(picture(10)[:100])
    (folder / "11.png").unlink()
    assert counts(both(rows)) == (96, 0, 0, 4, 0)
    assert counts(both(rows)) == (0, 0, 96, 4, 0)

    rows[1]["price"] = 999  # keeps both vectors
    rows[2]["title"] = "yellow hat"  # keeps that of the picture
    (folder / "3.png").write_bytes(picture(3, "white"))  # keeps that of the words
    for one in (local, catalog):
        one.thumbnails.remove("shop", ["sku-4"])
    before = encoder.pictures
    changed = both(rows[:80], prune=True)
    assert counts(changed) == (0, 3 + 1, 72, 4, 20)
    assert (encoder.pictures - before, changed.tally.encoded) == (1, 1)
    assert (bulk.supplied > 0) is not shares_files


def test_pictures_are_decoded_by_workers_and_no_model_is_loaded_here(
    catalog: Catalog, hire: Hire, tmp_path: Path
) -> None:
    summary = catalog.index("shop", [open_source(make_shop(tmp_path, 40))], workers=hire())
    assert summary.complete
    assert "_encoder" not in vars(catalog)


def test_on_a_qdrant_server_it_goes_the_same_way(
    local: Catalog, hire: Hire, tmp_path: Path
) -> None:
    """Qdrant's client in-process stands in for a server."""
    source = open_source(make_shop(tmp_path, 40))
    local.index("shop", [source])
    store = ServerStore(QdrantClient(":memory:"), ":memory:", payload_indexes=False)
    with Catalog(store, ColourEncoder, tmp_path / "server") as catalog:
        workers = hire()
        assert counts(catalog.index("shop", [source], workers=workers)) == (40, 0, 0, 0, 0)
        assert counts(catalog.index("shop", [source], workers=workers)) == (0, 0, 40, 0, 0)
        ours, theirs = contents(catalog), contents(local)
    assert ours.keys() == theirs.keys()
    for id_, (payload, image, text, thumbnail) in theirs.items():
        assert (ours[id_][0], ours[id_][3]) == (payload, thumbnail)
        for mine, other in ((ours[id_][1], image), (ours[id_][2], text)):
            assert np.allclose(np.frombuffer(mine, "f4"), np.frombuffer(other, "f4"), atol=1e-6)


def test_vectors_of_another_model_are_refused_before_anything_is_sent(
    catalog: Catalog, hire: Hire, tmp_path: Path
) -> None:
    source = open_source(make_shop(tmp_path, 3))
    catalog.index("shop", [source], workers=hire())
    other = [Near(ColourEncoder(1)) for _ in range(2)]
    hands = iter(other)
    with pytest.raises(FingerprintMismatch, match="collections reindex shop"):
        catalog.index("shop", [source], workers=hire(lambda: next(hands)))
    assert not other[0].asked


def test_what_a_worker_raises_ends_the_run_in_its_own_words(
    catalog: Catalog, hire: Hire, encoder: ColourEncoder, tmp_path: Path
) -> None:
    encoder.images = None
    with pytest.raises(TowerNotLoaded):
        catalog.index("shop", [open_source(make_shop(tmp_path, 3))], workers=hire())


def test_stopped_it_ends_cleanly_and_goes_on_next_time(
    catalog: Catalog, hire: Hire, tmp_path: Path
) -> None:
    workers, source, stop = hire(), open_source(make_shop(tmp_path, 600)), threading.Event()

    def watch(tally: Tally) -> None:
        if tally.added:
            stop.set()

    first = catalog.index("shop", [source], workers=workers, observer=watch, stop=stop)
    assert first.stopped
    added = first.tally.added
    assert PARCEL <= added < 600
    assert catalog.store.count("shop") == added
    second = catalog.index("shop", [source], workers=workers)
    assert counts(second) == (600 - added, 0, added, 0, 0)


def test_what_is_under_way_is_bounded_by_the_workers_and_not_by_the_feed(
    catalog: Catalog, hire: Hire, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 1)
    write_feed(tmp_path, [row(number, image="pictures/0.png") for number in range(2000)])
    read = done = furthest = 0

    class Feed:
        name = "feed"

        def total(self) -> None:
            return None

        def __iter__(self) -> Iterator[Any]:
            nonlocal read, furthest
            for entry in open_source(feed):
                read += 1
                furthest = max(furthest, read - done)
                yield entry

    def watch(tally: Tally) -> None:
        nonlocal done
        done = tally.done

    assert catalog.index("shop", [Feed()], workers=hire(), observer=watch).tally.added == 2000
    # twice what two workers hold, what waits to be stored, a parcel in the making, and what is looked up
    assert furthest <= (2 * 2 * HELD + IN_FLIGHT + 2) * PARCEL + CHUNK


# The crew


class Fake:
    """A worker that says what it is told to."""

    def __init__(self, greeting: Greeting | Unfit | Exception = GREETING, dies: int = 0) -> None:
        self.greeting, self.dies = greeting, dies
        self.worked = 0

    def greet(self) -> Greeting | Unfit:
        if isinstance(self.greeting, Exception):
            raise self.greeting
        return self.greeting

    def work(self, orders: Orders, parcel: Sequence[Asked]) -> list[Answer]:
        self.worked += 1
        if self.worked <= self.dies:
            raise WorkerGoneError("killed by signal 9")
        return []

    def dismiss(self) -> None:
        pass


def crew_with(*hands: Fake, size: int | None = None) -> Crew:
    coming = iter(hands)
    return Crew(lambda: next(coming), size or len(hands))


def asked(where: str) -> Asked:
    from lookalike.catalog.items import Item
    from lookalike.catalog.preparing import Known
    from lookalike.catalog.sources import Entry

    return Asked(Known(Entry(where, Item(where), None), False, None), False)


NEVER = threading.Event()


def test_a_parcel_whose_worker_died_is_given_to_another_and_the_dead_is_replaced() -> None:
    dies, lives = Fake(dies=1), Fake()
    crew = crew_with(dies, lives, size=1)
    assert crew.work(ORDERS, [asked("a:1")], NEVER) == []
    assert (dies.worked, lives.worked) == (1, 1)


def test_entries_that_kill_every_worker_end_the_run_by_name() -> None:
    hands = [Fake(dies=100) for _ in range(LIVES + 1)]
    crew = crew_with(*hands, size=1)
    with pytest.raises(WorkersLost, match=r"a:1 to a:9.*killed by signal 9"):
        crew.work(ORDERS, [asked("a:1"), asked("a:9")], NEVER)
    assert [one.worked for one in hands] == [1] * LIVES + [0]


def test_a_worker_with_another_model_ends_the_run_and_says_what_differs() -> None:
    crew = crew_with(Fake(), size=1)
    assert crew.model.fingerprint == GREETING.fingerprint
    other = replace(GREETING, node="there", fingerprint="f" * 16)
    crew._join(Fake(), other)
    with pytest.raises(WorkersDiffer, match=f"there.*{'f' * 16}.*here.*{GREETING.fingerprint}"):
        crew.work(ORDERS, [asked("a:1")], NEVER)
    crew = crew_with(Fake(), size=1)
    assert crew.model
    crew._join(Fake(), replace(GREETING, node="there", version="0.9"))
    with pytest.raises(WorkersDiffer, match=r"there has lookalike 0\.9.*here has 1\.0"):
        crew.work(ORDERS, [asked("a:1")], NEVER)


def test_a_worker_that_cant_load_the_model_says_where_and_why() -> None:
    unfit = Unfit("there", ModelNotCached("ViT-B-32", "the hub can't be reached"))
    with pytest.raises(WorkerUnfit, match="on there can't start: model ViT-B-32 is not on this"):
        _ = crew_with(Fake(unfit)).model
    dying = [Fake(WorkerGoneError("out of memory")) for _ in range(LIVES)]
    with pytest.raises(WorkerUnfit, match="out of memory"):
        _ = crew_with(*dying, size=1).model


def test_whoever_waits_for_a_worker_is_freed_by_a_stop() -> None:
    never_ready = threading.Event()

    class Loading(Fake):
        def greet(self) -> Greeting | Unfit:
            never_ready.wait(30)
            return GREETING

    stop = threading.Event()
    stop.set()
    with pytest.raises(ClusterError, match="no worker was ready"):
        crew_with(Loading()).work(ORDERS, [asked("a:1")], stop)
    never_ready.set()


# Planning, and what is sent


@pytest.mark.parametrize(
    ("cores", "workers", "threads", "planned"),
    [
        ([16, 16], 0, 0, Plan(8, 4)),  # full, four threads each
        ([2], 0, 0, Plan(1, 2)),
        ([16, 2], 0, 0, Plan(9, 2)),  # no machine is left out
        ([16, 16], 4, 0, Plan(4, 8)),  # as many threads as leave room for all
        ([2, 6], 2, 0, Plan(2, 3)),
        ([2], 2, 0, Plan(2, 1)),
        ([2], 8, 0, Plan(8, 1)),  # they wait for room
        ([16, 16], 0, 8, Plan(4, 8)),
        ([8], 3, 2, Plan(3, 2)),
        ([0, 4], 0, 0, Plan(1, 4)),  # a head that does no work
        ([], 0, 0, Plan(1, 1)),
    ],
)
def test_workers_fill_the_cluster_unless_told_otherwise(
    cores: list[float], workers: int, threads: int, planned: Plan
) -> None:
    assert plan(cores, workers, threads) == planned


def test_workers_get_what_decides_about_vectors_and_keep_their_own_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle").mkdir()
    settings = Settings().model_copy(
        update={"model_name": "bundle", "precision": "int8", "home": Path("/mine"), "threads": 3}
    )
    hired: list[tuple[Mapping[str, Any], int, int]] = []

    class Cluster:
        def cores(self) -> list[float]:
            return [6.0]

        def gpus(self) -> int:
            return 1

        def hire(self, settings: Mapping[str, Any], threads: int, gpus: int) -> Fake:
            hired.append((settings, threads, gpus))
            return Fake()

    crew_of(Cluster(), settings, 0).close()
    assert len(hired) == 2
    sent, threads, gpus = hired[0]
    assert (sent["model_name"], sent["precision"]) == (str(tmp_path / "bundle"), "int8")
    assert (sent["threads"], threads, gpus) == (3, 3, 0)
    on_gpus = settings.model_copy(update={"model_device": "cuda", "threads": 0})
    crew_of(Cluster(), on_gpus, 0).close()
    assert [one[1:] for one in hired[2:]] == [(6, 1)]
    assert not {"home", "data", "qdrant_url", "qdrant_api_key", "api_key", "api_keys"} & sent.keys()
    assert sent_settings(settings.model_copy(update={"model_name": "tiny"}))["model_name"] == "tiny"


def test_every_error_survives_the_way_between_processes() -> None:
    import inspect

    there = pickle.loads(pickle.dumps(ImageTooLarge(10, 5)))
    assert isinstance(there, ImageTooLarge)
    assert (str(there), there.facts()) == (str(ImageTooLarge(10, 5)), {"pixels": 10, "limit": 5})
    kinds = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    for kind in [one for one in kinds if issubclass(one, LookalikeError)]:
        made = kind.__new__(kind, "words")
        vars(made)["fact"] = 1
        again = pickle.loads(pickle.dumps(made))
        assert (type(again), str(again), again.facts()) == (kind, str(made), made.facts())


def test_urls_are_fetched_by_workers_only_where_that_was_allowed(
    encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Web:
        def __init__(self, limits: object) -> None:
            pass

        def fetch(self, url: str) -> bytes:
            return picture(1)

    monkeypatch.setattr(worker_module, "Fetcher", Web)
    feed = write_feed(tmp_path, [{"id": "1", "image": "http://x.example/1.png"}])
    for allowed, added, failed in ((False, 0, 1), (True, 1, 0)):
        folder = tmp_path / str(allowed)
        crew = Crew(lambda: Near(encoder), 1)
        with Catalog(EmbeddedStore(folder / "store"), ColourEncoder, folder) as catalog:
            ran = catalog.index(
                "shop", [open_source(feed)], workers=RayWorkers(crew), allow_urls=allowed
            )
        assert (ran.tally.added, ran.tally.failed) == (added, failed)
