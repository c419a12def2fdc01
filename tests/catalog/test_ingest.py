"""Taking sources in: into the real engine, through the real decoder, with an encoder that knows colours."""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import finalize

import numpy as np
import pytest
from PIL import Image
from qdrant_client import QdrantClient
from tests.catalog.colours import ColourEncoder
from tests.catalog.shop import make_shop, picture, row, write_feed

from lookalike.catalog import preparing, working
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.fetch import Fetcher
from lookalike.catalog.ingest import Ingest, IngestOptions, IngestSummary, Tally
from lookalike.catalog.items import Item
from lookalike.catalog.overlap import Stages, overlap
from lookalike.catalog.pictures import DataPicture, PictureReader
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.seen import Seen
from lookalike.catalog.server import ServerStore
from lookalike.catalog.sources import Entry, FeedMapping, open_source
from lookalike.errors import (
    FingerprintMismatch,
    PruneRefused,
    SourceInvalid,
    StoreUnavailable,
    TowerNotLoaded,
)


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture
def catalog(tmp_path: Path, encoder: ColourEncoder) -> Iterator[Catalog]:
    with Catalog(EmbeddedStore(tmp_path / "store"), lambda: encoder, tmp_path) as opened:
        yield opened


def run(catalog: Catalog, *feeds: Path, **options: object) -> IngestSummary:
    return catalog.index("shop", [open_source(f) for f in feeds], options=IngestOptions(**options))


def counts(summary: IngestSummary) -> tuple[int, int, int, int, int]:
    tally = summary.tally
    return tally.added, tally.updated, tally.unchanged, tally.failed, tally.pruned


def test_only_what_changed_is_done_again_and_only_as_far_as_it_changed(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 20)
    assert counts(run(catalog, feed)) == (20, 0, 0, 0, 0)
    assert (encoder.pictures, encoder.texts) == (20, 20)
    assert counts(run(catalog, feed)) == (0, 0, 20, 0, 0)
    assert (encoder.pictures, encoder.texts) == (20, 20)

    before = catalog.store.get("shop", ["sku-1", "sku-2", "sku-3"], vectors=True)
    rows = [row(number) for number in range(20)]
    rows[1]["price"] = 999
    rows[2]["title"] = "yellow hat"
    (tmp_path / "pictures" / "3.png").write_bytes(picture(3, "white"))
    write_feed(tmp_path, rows)
    assert counts(run(catalog, feed)) == (0, 3, 17, 0, 0)
    assert (encoder.pictures, encoder.texts) == (21, 21)
    after = catalog.store.get("shop", ["sku-1", "sku-2", "sku-3"], vectors=True)

    def same(sku: str, which: str) -> bool:
        return bool(np.array_equal(getattr(before[sku], which), getattr(after[sku], which)))

    assert after["sku-1"].item.attributes["price"] == 999
    assert same("sku-1", "image")
    assert same("sku-1", "text")
    assert same("sku-2", "image")
    assert not same("sku-2", "text")
    assert not same("sku-3", "image")
    assert same("sku-3", "text")


def test_bad_items_are_counted_and_named_and_stop_nothing(catalog: Catalog, tmp_path: Path) -> None:
    make_shop(tmp_path, 12)
    (tmp_path / "pictures" / "3.png").write_bytes(picture(3)[:200])
    (tmp_path / "pictures" / "4.png").unlink()
    (tmp_path / "pictures" / "5.png").write_bytes(b"<html>")
    feed = write_feed(tmp_path, [*(row(n) for n in range(12)), row(0, title="again")])
    with feed.open("a") as file:
        file.write("{broken\n")
    summary = run(catalog, feed)
    assert counts(summary) == (9, 0, 0, 5, 0)
    assert not summary.complete
    assert summary.report is not None
    lines = [json.loads(line) for line in summary.report.read_text().splitlines()]
    named = {line["where"]: (line["id"], line["code"]) for line in lines}
    assert named == {
        "feed.jsonl:4": ("sku-3", "image_unreadable"),
        "feed.jsonl:5": ("sku-4", "picture_unavailable"),
        "feed.jsonl:6": ("sku-5", "image_unreadable"),
        "feed.jsonl:13": ("sku-0", "duplicate_id"),
        "feed.jsonl:14": (None, "row_invalid"),
    }
    assert "no such file" in next(x["reason"] for x in lines if x["id"] == "sku-4")
    assert catalog.get("shop", "sku-0").item.title == "red shirt"

    # mended, the failures go and the report with them
    make_shop(tmp_path, 12)
    summary = run(catalog, feed)
    assert counts(summary) == (3, 0, 9, 0, 0)
    assert summary.complete
    assert not (tmp_path / "reports" / "shop.jsonl").exists()


def test_prune_removes_what_vanished_with_its_thumbnail_and_spares_what_failed(
    catalog: Catalog, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 10)
    run(catalog, feed)
    (tmp_path / "pictures" / "2.png").write_bytes(b"")  # fails, but is still in the feed
    rows = [row(number) for number in range(7)]
    rows[4] = {"id": "sku-4", "image": 5}  # its row fails
    write_feed(tmp_path, rows)
    assert counts(run(catalog, feed)) == (0, 0, 5, 2, 0)
    assert counts(run(catalog, feed, prune=True)) == (0, 0, 5, 2, 3)
    ids = {one for one, _ in catalog.store.scroll_digests("shop").digests}
    assert ids == {f"sku-{number}" for number in range(7)}
    assert catalog.thumbnail("shop", "sku-6") is not None
    assert catalog.thumbnail("shop", "sku-7") is None


def test_nothing_is_pruned_where_the_feed_cant_be_trusted_for_that(
    catalog: Catalog, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 5)
    run(catalog, feed)
    feed.write_text('{broken\n{"id": "sku-0", "title": "t"}\n')
    summary = run(catalog, feed, prune=True)
    assert "no readable id" in (summary.not_pruned or "")
    assert not summary.complete
    feed.write_text("")
    with pytest.raises(PruneRefused, match="collections drop shop"):
        run(catalog, feed, prune=True)
    assert catalog.store.count("shop") == 5


def test_thumbnails_are_made_in_the_same_pass_and_again_when_one_is_missing(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 3)
    (tmp_path / "pictures" / "1.png").write_bytes(picture(1, size=(1000, 500)))
    run(catalog, feed)
    sizes = []
    for number in range(3):
        data = catalog.thumbnail("shop", f"sku-{number}")
        with Image.open(io.BytesIO(data)) as small:
            sizes.append((small.format, small.size))
    assert sizes == [("JPEG", (80, 60)), ("JPEG", (256, 128)), ("JPEG", (80, 60))]

    catalog.thumbnails.remove("shop", ["sku-1"])
    run(catalog, feed)
    assert catalog.thumbnail("shop", "sku-1") is not None
    assert encoder.pictures == 3
    catalog.drop("shop")
    assert catalog.thumbnail("shop", "sku-0") is None


def test_memory_holds_only_what_is_under_way(tmp_path: Path) -> None:
    """However slow the store is, the source is never read far ahead of it."""
    read, stored = 0, 0
    furthest = 0

    def entries() -> Iterator[int]:
        nonlocal read, furthest
        for number in range(2000):
            read += 1
            furthest = max(furthest, read - stored)
            yield number

    def store(batch: list[int]) -> None:
        nonlocal stored
        threading.Event().wait(0.001)
        stored += len(batch)

    stages = Stages(lambda one: one, lambda one: one, lambda batch: batch, store)
    overlap(entries(), stages, stop=threading.Event(), batch=10, workers=2, ahead=20)
    assert stored == 2000
    assert furthest <= 20 + 10 + 3 * 10 + 1


def test_threads_that_wait_for_the_network_dont_all_decode_at_once(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = most = 0
    lock = threading.Lock()
    decode = encoder.images.decode

    def counted(data: bytes) -> Image.Image:
        nonlocal decoding, most
        with lock:
            decoding += 1
            most = max(most, decoding)
        time.sleep(0.005)
        with lock:
            decoding -= 1
        return decode(data)

    monkeypatch.setattr(encoder.images, "decode", counted)
    monkeypatch.setattr(working, "cores", lambda: 2)
    assert run(catalog, make_shop(tmp_path, 40), workers=16).tally.added == 40
    assert most == 3


def test_runs_of_several_clients_together_decode_no_more_than_one_would(
    encoder: ColourEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (preparing, working):
        monkeypatch.setattr(module, "cores", lambda: 1)
    feed = make_shop(tmp_path, 12)
    met = threading.Barrier(3)
    decode = encoder.images.decode
    crowds: list[int] = []

    def meeting(data: bytes) -> Image.Image:
        if not met.broken:  # nobody waits once it is known that three don't meet
            try:
                met.wait(1)
                crowds.append(3)
            except threading.BrokenBarrierError:
                pass
        return decode(data)

    monkeypatch.setattr(encoder.images, "decode", meeting)
    with (
        Catalog(EmbeddedStore(tmp_path / "store"), lambda: encoder, tmp_path) as catalog,
        ThreadPoolExecutor(3) as clients,
    ):
        for name in ("a", "b", "c"):
            catalog.ensure(name)
        runs = [
            clients.submit(catalog.index, name, [open_source(feed)]) for name in ("a", "b", "c")
        ]
        assert [one.result().tally.added for one in runs] == [12, 12, 12]
    assert met.broken
    assert not crowds


def test_pictures_that_entries_bring_along_are_let_go_before_they_are_stored(
    catalog: Catalog, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uri(str):
        """Tells of its end."""

    lock = threading.Lock()
    encoded = [base64.b64encode(picture(number)).decode() for number in range(80)]
    size = max(map(len, encoded))

    class Feed:
        name = "a feed"
        live = most = drawn = 0

        def total(self) -> int:
            return 80

        def gone(self) -> None:
            with lock:
                self.live -= 1

        def __iter__(self) -> Iterator[Entry]:
            for number, data in enumerate(encoded):
                uri = Uri(f"data:;base64,{data}")
                finalize(uri, self.gone)
                with lock:
                    self.live += 1
                    self.most = max(self.most, self.live)
                yield Entry(str(number), Item(str(number)), DataPicture(uri))
                del uri
            all_drawn.set()

    all_drawn = threading.Event()
    encode = encoder.encode_pixels
    held_up: list[bool] = []

    def late(pixels: np.ndarray) -> np.ndarray:
        if not held_up:  # as much is read ahead as will be
            held_up.append(all_drawn.wait(0.5))
        return encode(pixels)

    monkeypatch.setattr(encoder, "encode_pixels", late)
    feed = Feed()
    options = IngestOptions(batch=4, workers=2, held_bytes=12 * size)
    assert catalog.index("shop", [feed], options=options).tally.added == 80
    assert feed.live == 0
    assert feed.most <= 18  # 4 + 8 by weight, one more of each, and those in hand


def test_entries_that_hold_their_pictures_are_held_back_by_weight() -> None:
    held = most = 0
    lock = threading.Lock()

    def entries() -> Iterator[int]:
        nonlocal held, most
        for number in range(100):
            with lock:
                held += 1
                most = max(most, held)
            yield number

    def take(one: int) -> None:
        nonlocal held
        with lock:
            held -= 1

    stages: Stages = Stages(lambda one: one, take, lambda b: b, lambda b: None, lambda _: 1000)
    stop = threading.Event()
    overlap(entries(), stages, stop=stop, batch=4, workers=2, ahead=64, ahead_bytes=5000)
    assert most <= 7


def test_stages_overlap() -> None:
    """Preparing, encoding and storing of 12 batches, 20 ms each: in turn it would take 720 ms."""

    def slow(value: object) -> object:
        time.sleep(0.02)
        return value

    stages: Stages = Stages(slow, lambda one: one, slow, slow)
    began = time.monotonic()
    overlap(range(12), stages, stop=threading.Event(), batch=1, workers=1, ahead=4)
    assert time.monotonic() - began < 0.5


def test_what_a_stage_raises_ends_the_run_with_a_first_part_stored() -> None:
    for at in ("encode", "store"):
        stored: list[int] = []

        def encode(batch: list[int], at: str = at) -> list[int]:
            if at == "encode" and 30 in batch:
                raise StoreUnavailable("here", "broken")
            return batch

        def store(batch: list[int], at: str = at, stored: list[int] = stored) -> None:
            if at == "store" and 30 in batch:
                raise StoreUnavailable("here", "broken")
            stored += batch

        stages: Stages = Stages(lambda one: one, lambda one: one, encode, store)
        with pytest.raises(StoreUnavailable, match="broken"):
            overlap(range(1000), stages, stop=threading.Event(), batch=10, workers=2, ahead=20)
        assert stored == list(range(30))


def test_stopped_it_ends_cleanly_and_goes_on_next_time(catalog: Catalog, tmp_path: Path) -> None:
    feed = make_shop(tmp_path, 400)
    stop = threading.Event()

    def watch(tally: Tally) -> None:
        if tally.added >= 32:
            stop.set()

    options = IngestOptions(prune=True, batch=8)
    first = catalog.index("shop", [open_source(feed)], options=options, observer=watch, stop=stop)
    assert first.stopped
    assert not first.complete
    assert 32 <= first.tally.added < 400
    assert catalog.store.count("shop") == first.tally.added
    second = run(catalog, feed)
    assert counts(second) == (400 - first.tally.added, 0, first.tally.added, 0, 0)


class Away:
    """A store that goes away at its nth write, for so many calls."""

    at, calls, writes = 2, 0, 0

    def upsert(self, *given: object) -> None:
        self.writes += 1
        if self.at <= self.writes < self.at + self.calls:
            raise StoreUnavailable("here", "it went away")
        super().upsert(*given)


class AwayEmbedded(Away, EmbeddedStore):
    """The engine's process ends."""


class AwayServer(Away, ServerStore):
    """The server can't be reached."""


@pytest.fixture(params=["embedded", "server"])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> AwayEmbedded | AwayServer:
    if request.param == "embedded":
        return AwayEmbedded(tmp_path / "store")
    return AwayServer(QdrantClient(":memory:"), ":memory:", payload_indexes=False)


def test_a_store_that_comes_back_is_waited_for(
    away: AwayEmbedded | AwayServer, encoder: ColourEncoder, tmp_path: Path
) -> None:
    away.calls = 2
    with Catalog(away, lambda: encoder, tmp_path) as catalog:
        assert counts(run(catalog, make_shop(tmp_path, 40))) == (40, 0, 0, 0, 0)


def test_a_store_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    away: AwayEmbedded | AwayServer, encoder: ColourEncoder, tmp_path: Path
) -> None:
    away.calls = 100
    feed = make_shop(tmp_path, 40)
    with Catalog(away, lambda: encoder, tmp_path) as catalog:
        with pytest.raises(StoreUnavailable, match="it went away"):
            run(catalog, feed, patience=0.2)
        assert away.count("shop") == 16
        away.calls = 0
        assert counts(run(catalog, feed)) == (24, 0, 16, 0, 0)


def test_one_vector_that_the_store_refuses_fails_alone(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = make_shop(tmp_path, 10)
    encode = encoder.encode_pixels

    def with_a_bad_one(pixels: np.ndarray) -> np.ndarray:
        vectors = encode(pixels)
        vectors[3] = np.nan
        return vectors

    monkeypatch.setattr(encoder, "encode_pixels", with_a_bad_one)
    summary = run(catalog, feed)
    assert counts(summary) == (9, 0, 0, 1, 0)
    assert json.loads(summary.report.read_text())["code"] == "vector_invalid"
    assert catalog.get("shop", "sku-3") is None


def test_vectors_of_another_model_are_refused_before_anything_is_read(
    catalog: Catalog, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 3)
    run(catalog, feed)
    other = Catalog(catalog.store, lambda: ColourEncoder(1), tmp_path)
    with pytest.raises(FingerprintMismatch, match="collections reindex shop"):
        run(other, feed)


def test_a_model_that_has_no_image_tower_is_not_the_fault_of_each_picture(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path
) -> None:
    encoder.images = None
    with pytest.raises(TowerNotLoaded):
        run(catalog, make_shop(tmp_path, 3))


def test_several_sources_are_one_catalogue(catalog: Catalog, tmp_path: Path) -> None:
    one = make_shop(tmp_path / "one", 4)
    two = write_feed(tmp_path, [{"id": "text-only", "title": "a gift card"}], "two.jsonl")
    summary = run(catalog, one, two, prune=True)
    assert counts(summary) == (5, 0, 0, 0, 0)
    assert summary.tally.total == 5
    assert run(catalog, one, prune=True).tally.pruned == 1
    with pytest.raises(SourceInvalid):
        open_source(tmp_path / "nowhere")


def test_a_url_is_the_same_picture_until_it_is_fetched_again(
    catalog: Catalog, encoder: ColourEncoder, tmp_path: Path
) -> None:
    web = {"http://x.example/1.png": picture(1)}
    asked: list[str] = []

    class Web(Fetcher):
        def fetch(self, url: str) -> bytes:
            asked.append(url)
            return web[url]

    feed = write_feed(tmp_path, [{"id": "1", "image": "http://x.example/1.png"}])
    catalog.ensure("shop")

    def ingest(**options: object) -> Tally:
        reader = PictureReader(10**6, Web())
        with FailureReport(tmp_path / "report.jsonl") as report:
            run = Ingest(
                catalog.store,
                "shop",
                working.LocalWorkers(encoder),
                reader,
                catalog.thumbnails,
                report,
                options=IngestOptions(**options),
            )
            return run.run([open_source(feed)]).tally

    assert ingest().added == 1
    assert catalog.get("shop", "1").item.image == "http://x.example/1.png"
    assert ingest().unchanged == 1
    assert len(asked) == 1
    assert ingest(refetch=True).unchanged == 1
    assert len(asked) == 2
    web["http://x.example/1.png"] = picture(2)
    assert ingest().unchanged == 1
    assert ingest(refetch=True).updated == 1


def test_csv_and_folders_go_the_same_way(catalog: Catalog, tmp_path: Path) -> None:
    make_shop(tmp_path, 4)
    (tmp_path / "feed.csv").write_text(
        "sku,photo,name,price\n" + "".join(f"{n},pictures/{n}.png,shirt,{n}.5\n" for n in range(4))
    )
    mapping = FeedMapping.parse(["id=sku", "image=photo", "title=name"])
    assert catalog.index("a", [open_source(tmp_path / "feed.csv", mapping)]).complete
    assert catalog.get("a", "2").item.attributes == {"price": 2.5}
    assert catalog.index("b", [open_source(tmp_path / "pictures")]).tally.added == 4
    assert catalog.get("b", "2.png").item.image == str(tmp_path / "pictures/2.png")


def test_ids_are_remembered_in_a_few_bytes_each() -> None:
    seen = Seen()
    assert seen.add(["a", "b", "a"]) == [False, False, True]
    for start in range(0, 50_000, 100):
        assert not any(seen.add([f"id-{n}" for n in range(start, start + 100)]))
    assert len(seen) == 50_002
    assert seen.among(["id-0", "id-49999", "id-50000", "b"]).tolist() == [True, True, False, True]
    assert sum(run.nbytes for run in seen._runs) == 8 * 50_002
    assert len(seen._runs) <= 17


def test_what_became_of_each_entry_is_told(catalog: Catalog, tmp_path: Path) -> None:
    make_shop(tmp_path, 2)
    feed = write_feed(tmp_path, [row(0), row(1), row(9)])
    told: dict[str, tuple[str | None, str]] = {}
    catalog.index(
        "shop", [open_source(feed)], on_done=lambda d: told.update({d.where: (d.id, d.status)})
    )
    assert told == {
        "feed.jsonl:1": ("sku-0", "added"),
        "feed.jsonl:2": ("sku-1", "added"),
        "feed.jsonl:3": ("sku-9", "failed"),
    }
