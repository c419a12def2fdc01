"""The catalogue as the service and the command line use it, on the real engine."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from qdrant_client import QdrantClient
from tests.catalog.colours import ColourEncoder
from tests.catalog.shop import make_shop, picture, row, write_feed

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.filters import Equal, Not
from lookalike.catalog.gate import Gate
from lookalike.catalog.ingest import IngestOptions
from lookalike.catalog.items import Item, Record
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.reindex import beside
from lookalike.catalog.server import ServerStore
from lookalike.catalog.sources import open_source
from lookalike.catalog.store import IndexSettings, Recommend
from lookalike.errors import (
    CollectionMissing,
    ExchangeInvalid,
    FingerprintMismatch,
    QueryInvalid,
    ReindexIncomplete,
    SettingInvalid,
)

ITEMS = 36


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """36 items of six colours in `shop`; for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shop")
    encoder = ColourEncoder()
    feed = make_shop(folder, ITEMS)
    with Catalog(EmbeddedStore(folder / "store"), lambda: encoder, folder) as catalog:
        catalog.index("shop", [open_source(feed)])
        yield catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Twelve items in `shop`, to be changed."""
    encoder = ColourEncoder()
    feed = make_shop(tmp_path, 12)
    with Catalog(EmbeddedStore(tmp_path / "store"), lambda: encoder, tmp_path) as opened:
        opened.index("shop", [open_source(feed)])
        yield opened


def colours(catalog: Catalog, *parts: QueryPart, **fields: object) -> list[str]:
    hits = catalog.search("shop", Query(parts, **{"limit": 4, **fields}))
    return [hit.item.attributes["colour"] for hit in hits]


# Search


def test_words_and_pictures_find_pictures_and_descriptions(shop: Catalog) -> None:
    assert colours(shop, QueryPart(text="something blue")) == ["blue"] * 4
    assert colours(shop, QueryPart(image=picture(99, "green"))) == ["green"] * 4
    assert colours(shop, QueryPart(text="yellow"), target="text") == ["yellow"] * 4
    assert colours(shop, QueryPart(image=picture(99, "black")), target="text") == ["black"] * 4


def test_hybrid_finds_the_exact_word_that_no_vector_knows(shop: Catalog) -> None:
    hits = shop.search("shop", Query((QueryPart(text="n17"),), target="hybrid", limit=3))
    assert "sku-17" in [hit.id for hit in hits]


def test_parts_are_weighed_against_each_other(shop: Catalog) -> None:
    red, blue = QueryPart(text="red"), QueryPart(text="blue", weight=3)
    assert colours(shop, red, blue)[0] == "blue"
    assert colours(shop, QueryPart(item="sku-0"), QueryPart(text="blue", weight=3))[0] == "blue"
    white = QueryPart(text="white")
    assert colours(shop, white)[0] == "white"
    assert colours(shop, white, QueryPart(text="blue", weight=-2))[0] == "yellow"


def test_an_item_finds_its_like_and_never_itself_without_loading_the_model(shop: Catalog) -> None:
    def load() -> ColourEncoder:
        raise AssertionError("nothing has to be encoded")

    catalog = Catalog(shop.store, load, Path("nowhere"))
    hits = catalog.search("shop", Query((QueryPart(item="sku-2"),), limit=5))
    assert [hit.item.attributes["colour"] for hit in hits] == ["blue"] * 5
    assert "sku-2" not in [hit.id for hit in hits]


def test_search_takes_filters_offsets_and_diversity(shop: Catalog) -> None:
    part = QueryPart(text="red")
    assert "red" not in colours(shop, part, filter=Not(Equal("colour", "red")))
    pages = [
        hit.id
        for offset in range(0, ITEMS, 7)
        for hit in shop.search("shop", Query((part,), limit=7, offset=offset))
    ]
    assert len(pages) == len(set(pages)) == ITEMS
    assert len(set(colours(shop, part, diversity=1.0, limit=6))) > 1
    scores = [hit.score for hit in shop.search("shop", Query((part,), threshold=0.9, limit=36))]
    assert scores
    assert min(scores) >= 0.9


def test_a_query_that_means_nothing_is_refused() -> None:
    for wrong in (
        {"text": "a", "item": "b"},
        {},
        {"text": "  "},
        {"text": "a", "weight": 0},
        {"text": "a", "weight": float("nan")},
    ):
        with pytest.raises(QueryInvalid):
            QueryPart(**wrong)
    for parts in ((), (QueryPart(text="a", weight=-1),)):
        with pytest.raises(QueryInvalid):
            Query(parts)


def test_a_collection_that_isnt_there_is_missed_before_the_model_is_loaded(shop: Catalog) -> None:
    def load() -> ColourEncoder:
        raise AssertionError("too early")

    with pytest.raises(CollectionMissing, match="shop"):
        Catalog(shop.store, load, Path()).search("shoes", Query((QueryPart(text="a"),)))


def test_recommend_facets_and_duplicates(shop: Catalog) -> None:
    hits = shop.recommend("shop", Recommend(("sku-0", "sku-6"), ("sku-1",), limit=4))
    assert [hit.item.attributes["colour"] for hit in hits] == ["red"] * 4
    assert {"sku-0", "sku-6", "sku-1"}.isdisjoint(hit.id for hit in hits)
    assert {(one.value, one.count) for one in shop.facet("shop", "colour")} == {
        (name, 6) for name in ("red", "green", "blue", "yellow", "black", "white")
    }
    pairs = list(shop.duplicates("shop", threshold=0.999, target="text"))
    assert len(pairs) == 6 * 6 * 5 // 2


# Reindex


def moved(catalog: Catalog, folder: Path, seed: int = 1) -> Catalog:
    """The same catalogue with another model."""
    return Catalog(catalog.store, lambda: ColourEncoder(seed), folder)


def test_reindex_moves_everything_to_the_new_model_while_the_old_answers(
    catalog: Catalog, tmp_path: Path
) -> None:
    before = {r.item.id: r for r in catalog.store.scroll("shop").records}
    answered = []
    new = moved(catalog, tmp_path)
    ended = new.reindex(
        "shop", observer=lambda _: answered.append(colours(catalog, QueryPart(text="red"))[0])
    )
    assert ended.swapped
    assert (ended.encoded, ended.failed, ended.from_thumbnails) == (12, 0, 0)
    assert set(answered) == {"red"}
    assert [facts.name for facts in new.collections()] == ["shop"]
    assert new.facts("shop").fingerprint == ColourEncoder(1).fingerprint
    after = {r.item.id: r for r in catalog.store.scroll("shop").records}
    assert {k: r.payload for k, r in after.items()} == {k: r.payload for k, r in before.items()}
    assert colours(new, QueryPart(text="blue"), limit=2) == ["blue"] * 2
    with pytest.raises(FingerprintMismatch):
        catalog.search("shop", Query((QueryPart(text="red"),)))
    # and the next run of ingest has nothing to do
    again = new.index("shop", [open_source(tmp_path / "feed.jsonl")])
    assert again.tally.unchanged == 12


def test_reindex_falls_back_to_thumbnails_and_says_so(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "3.png").unlink()
    (tmp_path / "pictures" / "4.png").unlink()
    catalog.thumbnails.remove("shop", ["sku-4"])
    new = moved(catalog, tmp_path)
    with pytest.raises(ReindexIncomplete, match="1 of 12"):
        new.reindex("shop")
    # the old one is as it was, and the half that is done is kept
    assert colours(catalog, QueryPart(text="red"), limit=1) == ["red"]
    assert catalog.store.count("shop") == 12
    half = beside("shop", ColourEncoder(1).fingerprint)
    assert catalog.store.count(half) == 11
    report = (tmp_path / "reports" / "shop.reindex.jsonl").read_text()
    assert json.loads(report)["id"] == "sku-4"

    ended = new.reindex("shop", skip_failed=True)
    assert ended.swapped
    assert (ended.there, ended.encoded, ended.failed) == (11, 0, 1)
    assert catalog.store.count("shop") == 11


def test_reindex_that_was_stopped_goes_on_where_it_was(catalog: Catalog, tmp_path: Path) -> None:
    new = moved(catalog, tmp_path)
    stop = threading.Event()
    stop.set()
    assert not new.reindex("shop", stop=stop).swapped
    assert catalog.facts("shop").fingerprint == ColourEncoder().fingerprint
    assert new.reindex("shop").swapped


def test_what_is_written_during_a_reindex_is_in_the_new_collection(
    catalog: Catalog, tmp_path: Path
) -> None:
    write_feed(tmp_path, [row(0, price=999), *(row(n) for n in range(1, 13))])
    (tmp_path / "pictures" / "12.png").write_bytes(picture(12))
    written = []

    def meanwhile(_: object) -> None:
        if not written:
            written.append(True)
            catalog.index("shop", [open_source(tmp_path / "feed.jsonl")])
            catalog.delete("shop", ["sku-5"])

    new = moved(catalog, tmp_path)
    assert new.reindex("shop", observer=meanwhile).swapped
    assert new.get("shop", "sku-0").item.attributes["price"] == 999
    assert new.get("shop", "sku-12") is not None
    assert new.get("shop", "sku-5") is None
    assert new.store.count("shop") == 12


def test_reindex_to_where_it_is_already_is_refused_but_not_for_another_language(
    catalog: Catalog,
) -> None:
    with pytest.raises(SettingInvalid, match="already"):
        catalog.reindex("shop")
    encoder = catalog.encoder
    done = encoder.pictures
    assert catalog.reindex("shop", settings=IndexSettings(language="german")).swapped
    assert catalog.facts("shop").settings.language == "german"
    assert encoder.pictures == done  # the vectors were copied


def test_names_that_begin_alike_are_reindexed_beside_each_other() -> None:
    names = {beside("n" * 63 + last, fingerprint) for last in "ab" for fingerprint in ("1", "2")}
    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)


def test_the_gate_lets_sharers_in_together_and_the_one_only_alone() -> None:
    gate = Gate()
    inside: list[str] = []
    with gate.shared(), gate.shared():
        waiting = threading.Thread(target=lambda: [inside.append("x") for _ in [0] if _take(gate)])
        waiting.start()
        waiting.join(0.05)
        assert inside == []
    waiting.join(5)
    assert inside == ["x"]


def _take(gate: Gate) -> bool:
    with gate.alone():
        return True


def test_on_a_qdrant_server_it_all_goes_the_same_way(tmp_path: Path) -> None:
    """The client's in-process mode stands in for a server."""
    store = ServerStore(QdrantClient(":memory:"), ":memory:", payload_indexes=False)
    encoder = ColourEncoder()
    feed = make_shop(tmp_path, 12)
    with Catalog(store, lambda: encoder, tmp_path) as catalog:
        assert catalog.index("shop", [open_source(feed)]).tally.added == 12
        assert catalog.index("shop", [open_source(feed)]).tally.unchanged == 12
        assert colours(catalog, QueryPart(text="blue"), limit=2) == ["blue"] * 2
        assert catalog.export("shop", tmp_path / "shop.parquet") == 12
        assert catalog.import_("copy", tmp_path / "shop.parquet") == 12
        new = moved(catalog, tmp_path)
        assert new.reindex("shop").swapped
        assert colours(new, QueryPart(text="green"), limit=2) == ["green"] * 2
        write_feed(tmp_path, [row(n) for n in range(5)])
        pruned = new.index("shop", [open_source(feed)], options=IngestOptions(prune=True))
        assert (pruned.tally.pruned, pruned.tally.unchanged) == (7, 5)


# Export and import


def test_an_export_comes_back_as_it_was(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    catalog.store.upsert(
        "shop",
        catalog.encoder.fingerprint,
        [Record(Item("bare", title="only words", attributes={"tags": ["a", "b"], "sale": True}))],
    )
    assert catalog.export("shop", path) == 13
    assert catalog.import_("copy", path) == 13
    assert catalog.import_("copy", path) == 13
    one, two = (
        {
            r.item.id: (r.payload, *(None if v is None else v.tobytes() for v in (r.image, r.text)))
            for r in catalog.store.scroll(name, limit=100, vectors=True).records
        }
        for name in ("shop", "copy")
    )
    assert one == two
    assert one["bare"][1:] == (None, None)
    assert not list(tmp_path.glob(".*.part"))
    table = pq.read_table(path)  # whoever leaves takes this along
    assert np.array(table["image_vector"][0].as_py()).shape == (16,)
    assert json.loads(table["attributes"][0].as_py())


def test_an_import_refuses_other_fingerprints_and_other_files(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "shop.parquet"
    catalog.export("shop", path)
    moved(catalog, tmp_path).ensure("other")
    with pytest.raises(FingerprintMismatch, match="'other'"):
        catalog.import_("other", path)
    assert catalog.store.count("other") == 0

    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), foreign)
    (tmp_path / "text.parquet").write_text("no")
    whole = path.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    for name in ("foreign", "text", "cut", "nowhere"):
        with pytest.raises(ExchangeInvalid):
            catalog.import_("new", tmp_path / f"{name}.parquet")
    assert "new" not in [facts.name for facts in catalog.collections()]


def test_an_export_that_fails_leaves_the_file_that_was_there(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "shop.parquet"
    path.write_text("before")

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalog.export("shop", path, observer=fail)
    assert path.read_text() == "before"
    assert not list(tmp_path.glob(".*.part"))
