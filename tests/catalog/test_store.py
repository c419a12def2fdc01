"""What a VectorStore promises, on both adapters."""

from pathlib import Path

import numpy as np
import pytest
from conftest import DIMENSION, FINGERPRINT, record, spec, unit

from lookalike.catalog.attributes import Kind
from lookalike.catalog.filters import parse_filter
from lookalike.catalog.items import Item, Record
from lookalike.catalog.store import IndexSettings, Part, Recommend, Search, VectorStore
from lookalike.errors import (
    CollectionExists,
    CollectionMissing,
    CollectionNameInvalid,
    FacetUnavailable,
    FilterInvalid,
    FingerprintMismatch,
    ItemMissing,
    QueryInvalid,
    SettingInvalid,
    SnapshotInvalid,
    VectorInvalid,
)

pytestmark = pytest.mark.filterwarnings("ignore:Local mode")


def vector_search(number: int, **options: object) -> Search:
    return Search(**{"parts": (Part(unit(number)),), "fingerprint": FINGERPRINT, **options})


def ids(hits: object) -> list[str]:
    return [hit.id for hit in hits]


# Collections


def test_a_new_collection_says_what_it_was_made_for(store: VectorStore) -> None:
    facts = store.create("shirts", spec(m=24, language="german"))
    assert (facts.name, facts.fingerprint, facts.model, facts.dimension) == (
        "shirts",
        FINGERPRINT,
        "a-model",
        DIMENSION,
    )
    assert (facts.items, facts.settings.m, facts.settings.language) == (0, 24, "german")
    assert facts.index.state == "exact"
    assert store.facts("shirts") == facts
    assert [one.name for one in store.collections()] == ["shirts"]


def test_names_are_checked_and_unique(store: VectorStore) -> None:
    store.create("shirts", spec())
    with pytest.raises(CollectionExists):
        store.create("shirts", spec())
    for name in ("", "a/b", "../up", "-x", "a" * 65, "é"):
        with pytest.raises(CollectionNameInvalid):
            store.create(name, spec())


def test_a_missing_collection_is_named_with_those_there_are(store: VectorStore) -> None:
    store.create("shirts", spec())
    for call in (
        lambda: store.facts("shoes"),
        lambda: store.drop("shoes"),
        lambda: store.count("shoes"),
        lambda: store.upsert("shoes", FINGERPRINT, [record(1)]),
        lambda: store.search("shoes", vector_search(1)),
    ):
        with pytest.raises(CollectionMissing, match="shirts"):
            call()


def test_a_dropped_collection_is_gone_and_its_name_free(filled: VectorStore) -> None:
    filled.drop("shirts")
    assert filled.collections() == []
    assert filled.create("shirts", spec()).items == 0


def test_replace_swaps_a_collection_in_under_the_other_name(filled: VectorStore) -> None:
    other = spec()
    other = type(other)("another", "b-model", 4, other.settings)
    filled.create("next", other)
    filled.upsert("next", "another", [Record(Item("one"), image=unit(1, 4))])
    filled.replace("shirts", "next")
    facts = filled.facts("shirts")
    assert (facts.fingerprint, facts.dimension, facts.items) == ("another", 4, 1)
    assert [one.name for one in filled.collections()] == ["shirts"]
    with pytest.raises(CollectionMissing):
        filled.count("next")


def test_vectors_of_another_fingerprint_are_refused_with_what_to_do(filled: VectorStore) -> None:
    with pytest.raises(FingerprintMismatch, match="reindex shirts"):
        filled.upsert("shirts", "other", [record(99)])
    with pytest.raises(FingerprintMismatch):
        filled.search("shirts", vector_search(1, fingerprint="other"))
    assert filled.count("shirts") == 60


def test_settings_can_be_changed_except_the_language(filled: VectorStore) -> None:
    facts = filled.configure("shirts", IndexSettings(ef=64, quantization="scalar"))
    assert (facts.settings.ef, facts.settings.quantization) == (64, "scalar")
    assert ids(filled.search("shirts", vector_search(7, limit=1))) == ["item/7"]
    with pytest.raises(SettingInvalid, match="language"):
        filled.configure("shirts", IndexSettings(language="german"))
    with pytest.raises(SettingInvalid, match="language"):
        filled.create("other", spec(language="klingon"))


# Records


def test_a_record_comes_back_as_it_was_stored(store: VectorStore) -> None:
    item = Item(
        "a/ü 1",
        image="pictures/ü.jpg",
        title="Größe",
        description="two\nlines",
        attributes={
            "n": 3,
            "f": 2.0,
            "yes": True,
            "list": ["a", "b"],
            "dotted.name": "x",
            "sp ace": 2**60,
        },
    )
    stored = Record(item, unit(1), unit(2), digest="abc")
    store.create("shirts", spec())
    store.upsert("shirts", FINGERPRINT, [stored])
    back = store.get("shirts", ["a/ü 1"], vectors=True)["a/ü 1"]
    assert back.item == item
    assert back.digest == "abc"
    assert np.allclose(back.image, stored.image, atol=1e-6)
    assert np.allclose(back.text, stored.text, atol=1e-6)
    plain = store.get("shirts", ["a/ü 1"])["a/ü 1"]
    assert (plain.image, plain.text, plain.item) == (None, None, item)


def test_items_may_lack_either_vector_or_both(store: VectorStore) -> None:
    store.create("shirts", spec())
    records = [
        Record(Item("neither", title="words only")),
        Record(Item("image"), image=unit(1)),
        Record(Item("text"), text=unit(1)),
    ]
    store.upsert("shirts", FINGERPRINT, records)
    assert ids(store.search("shirts", vector_search(1))) == ["image"]
    assert ids(store.search("shirts", vector_search(1, target="text"))) == ["text"]
    assert ids(store.search("shirts", Search(target="hybrid", words="words"))) == ["neither"]


def test_upsert_replaces_wholly_and_repeating_changes_nothing(filled: VectorStore) -> None:
    for _ in range(2):
        filled.upsert("shirts", FINGERPRINT, [Record(Item("item/3", title="new"), text=unit(5))])
        assert filled.count("shirts") == 60
    back = filled.get("shirts", ["item/3"], vectors=True)["item/3"]
    assert (back.item, back.image, back.digest) == (Item("item/3", title="new"), None, None)
    assert "item/3" not in ids(filled.search("shirts", vector_search(3, limit=60)))


def test_vectors_that_would_poison_a_collection_are_refused_before_anything_is_stored(
    filled: VectorStore,
) -> None:
    nan = np.full(DIMENSION, np.nan, np.float32)
    for bad in (unit(1, 8), nan, np.zeros(DIMENSION, np.float32)):
        with pytest.raises(VectorInvalid, match="item 'bad'"):
            filled.upsert("shirts", FINGERPRINT, [record(77), Record(Item("bad"), image=bad)])
    with pytest.raises(VectorInvalid):
        filled.search("shirts", Search(parts=(Part(nan),), fingerprint=FINGERPRINT))
    assert filled.count("shirts") == 60


def test_delete_says_how_many_were_there(filled: VectorStore) -> None:
    assert filled.delete("shirts", ["item/1", "item/2", "item/2", "nope"]) == 2
    assert filled.delete("shirts", ["item/1"]) == 0
    assert filled.count("shirts") == 58
    assert filled.get("shirts", ["item/1", "item/3"]).keys() == {"item/3"}


def test_digests_are_of_those_that_are_there(filled: VectorStore) -> None:
    assert filled.digests("shirts", ["item/1", "nope", "item/9"]) == {
        "item/1": "d1",
        "item/9": "d9",
    }


def test_scroll_gives_every_record_once_though_items_are_written_meanwhile(
    filled: VectorStore,
) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = filled.scroll("shirts", after=after, limit=7)
        seen += [one.item.id for one in page.records]
        # rewritten meanwhile: must be neither skipped nor repeated
        filled.upsert("shirts", FINGERPRINT, [record(number) for number in range(0, 60, 9)])
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(f"item/{number}" for number in range(60))
    digests = filled.scroll_digests("shirts", limit=60)
    assert [one for one, _ in digests.digests] == seen
    assert digests.next is None


def test_digests_are_scrolled_by_a_filter(filled: VectorStore) -> None:
    stock = parse_filter({"stock": 2})
    first = filled.scroll_digests("shirts", filter=stock, limit=7)
    rest = filled.scroll_digests("shirts", filter=stock, limit=7, after=first.next)
    found = [one for one, _ in (*first.digests, *rest.digests)]
    whole = filled.scroll("shirts", filter=stock, limit=100)
    assert found == [one.item.id for one in whole.records]
    assert (len(first.digests), len(rest.digests), rest.next) == (7, 5, None)


def test_scroll_takes_a_filter_and_gives_vectors_when_asked(filled: VectorStore) -> None:
    page = filled.scroll("shirts", filter=parse_filter({"stock": 2}), limit=100, vectors=True)
    assert {one.item.attributes["stock"] for one in page.records} == {2}
    assert len(page.records) == 12
    numbers = [int(one.item.id.split("/")[1]) for one in page.records]
    assert all(
        np.allclose(one.image, unit(number), atol=1e-6)
        for one, number in zip(page.records, numbers, strict=True)
    )


# Search


def test_scores_are_cosines_and_the_best_comes_first(filled: VectorStore) -> None:
    hits = filled.search("shirts", vector_search(500, limit=60))
    expected = {f"item/{n}": float(unit(500) @ unit(n)) for n in range(60)}
    assert ids(hits) == sorted(expected, key=expected.__getitem__, reverse=True)
    assert all(abs(hit.score - expected[hit.id]) < 1e-5 for hit in hits)
    assert hits[0].item.title.endswith("shirt")


def test_target_text_searches_descriptions(filled: VectorStore) -> None:
    hits = filled.search("shirts", vector_search(10_007, target="text", limit=100))
    assert hits[0].id == "item/7"
    assert len(hits) == 30  # the others have no text vector


def test_parts_are_added_with_their_weights(filled: VectorStore) -> None:
    parts = (Part(unit(1)), Part(unit(2), weight=0.5), Part(unit(3), weight=-1.0))
    hits = filled.search("shirts", Search(parts=parts, fingerprint=FINGERPRINT, limit=60))
    wish = unit(1) + 0.5 * unit(2) - unit(3)
    wish /= np.linalg.norm(wish)
    expected = sorted(range(60), key=lambda n: -float(wish @ unit(n)))
    assert ids(hits) == [f"item/{n}" for n in expected]
    assert hits[0].score == pytest.approx(float(wish @ unit(expected[0])), abs=1e-5)
    cancel = (Part(unit(1)), Part(unit(1), weight=-1.0))
    with pytest.raises(QueryInvalid, match="cancel"):
        filled.search("shirts", Search(parts=cancel, fingerprint=FINGERPRINT))


def test_an_item_can_be_the_query_and_is_not_its_own_hit(filled: VectorStore) -> None:
    by_item = filled.search("shirts", Search(parts=(Part(item="item/5"),), limit=10))
    by_vector = filled.search("shirts", vector_search(5, limit=11))
    assert ids(by_item) == ids(by_vector)[1:]
    with pytest.raises(ItemMissing, match="nope"):
        filled.search("shirts", Search(parts=(Part(item="nope"),)))
    filled.upsert("shirts", FINGERPRINT, [Record(Item("bare"))])
    with pytest.raises(ItemMissing, match="no vector"):
        filled.search("shirts", Search(parts=(Part(item="bare"),)))


def test_pages_neither_repeat_nor_skip_even_among_equal_scores(store: VectorStore) -> None:
    store.create("shirts", spec())
    # 90 items with the very same vector, and 60 others
    same = [Record(Item(f"same/{n}"), image=unit(1)) for n in range(90)]
    store.upsert("shirts", FINGERPRINT, [*same, *(record(n) for n in range(2, 62))])
    paged: list[str] = []
    for offset in range(0, 150, 7):
        paged += ids(store.search("shirts", vector_search(1, offset=offset, limit=7)))
    assert len(paged) == len(set(paged)) == 150
    assert set(paged[:90]) == {f"same/{n}" for n in range(90)}
    assert ids(store.search("shirts", vector_search(1, offset=40, limit=60))) == paged[40:100]
    assert store.search("shirts", vector_search(1, offset=150)) == []


def test_a_threshold_cuts_and_exclusions_hold(filled: VectorStore) -> None:
    hits = filled.search("shirts", vector_search(5, threshold=0.3, limit=60))
    assert 1 < len(hits) < 60
    assert all(hit.score >= 0.3 for hit in hits)
    without = filled.search(
        "shirts", vector_search(5, threshold=0.3, limit=60, exclude=("item/5",))
    )
    assert ids(without) == ids(hits)[1:]


def test_words_find_titles_and_descriptions_by_bm25(filled: VectorStore) -> None:
    hits = filled.search("shirts", Search(target="hybrid", words="Shirts number N17"))
    assert hits[0].id == "item/17"  # the rare word decides
    assert hits[0].score > hits[1].score
    colour = filled.search("shirts", Search(target="hybrid", words="green", limit=60))
    assert {hit.item.attributes["colour"] for hit in colour} == {"green"}
    assert filled.search("shirts", Search(target="hybrid", words="zebra")) == []


@pytest.mark.parametrize("fusion", ["rrf", "dbsf"])
def test_hybrid_prefers_what_vectors_and_words_agree_on(filled: VectorStore, fusion: str) -> None:
    search = vector_search(17, target="hybrid", words="n17", fusion=fusion, limit=60)
    hits = filled.search("shirts", search)
    assert hits[0].id == "item/17"
    assert len(hits) == len(set(ids(hits))) == 60
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    words_only = filled.search("shirts", Search(target="hybrid", words="n17", limit=60))
    vectors_only = filled.search("shirts", vector_search(20, target="hybrid", limit=60))
    both = vector_search(20, target="hybrid", words="n17", fusion=fusion, limit=60)
    assert ids(filled.search("shirts", both)) not in (ids(words_only), ids(vectors_only))


def test_diversity_trades_score_for_being_unlike(store: VectorStore) -> None:
    store.create("shirts", spec())
    rng = np.random.default_rng(0)
    near = [unit(1) + rng.normal(0, 0.01, DIMENSION).astype(np.float32) for _ in range(20)]
    other = unit(1) + 0.7 * unit(2)
    store.upsert(
        "shirts",
        FINGERPRINT,
        [
            *(Record(Item(f"near/{n}"), image=vector) for n, vector in enumerate(near)),
            Record(Item("other"), image=other),
        ],
    )
    assert "other" not in ids(store.search("shirts", vector_search(1, limit=5)))
    diverse = store.search("shirts", vector_search(1, limit=5, diversity=0.7))
    assert diverse[1].id == "other"
    assert ids(diverse[:2]) == ids(store.search("shirts", vector_search(1, limit=2, diversity=0.7)))
    words = vector_search(1, limit=5, diversity=0.7, target="hybrid", words="x")
    assert "other" in ids(store.search("shirts", words))


def test_recommend_is_like_the_liked_and_never_one_of_the_given(filled: VectorStore) -> None:
    liked, disliked = ("item/1", "item/2"), ("item/3",)
    hits = filled.recommend("shirts", Recommend(liked, disliked, limit=60))
    assert set(ids(hits)) == {f"item/{n}" for n in range(60)} - {*liked, *disliked}
    wish = unit(1) + unit(2) - unit(3)
    wish /= np.linalg.norm(wish)
    assert hits[0].score == pytest.approx(
        max(float(wish @ unit(n)) for n in range(60) if n not in (1, 2, 3)), abs=1e-5
    )
    best = filled.recommend("shirts", Recommend(liked, disliked, strategy="best", limit=60))
    assert set(ids(best)) == set(ids(hits))
    few = filled.recommend("shirts", Recommend(liked, filter=parse_filter({"colour": "red"})))
    assert {hit.item.attributes["colour"] for hit in few} == {"red"}
    with pytest.raises(ItemMissing):
        filled.recommend("shirts", Recommend(("nope",)))


FILTERS = [
    ({"colour": "red"}, lambda n: n % 3 == 0),
    ({"colour": ["red", "blue"]}, lambda n: n % 3 != 1),
    ({"colour": {"not": "red"}}, lambda n: n % 3 != 0),
    ({"colour": {"not": ["red", "blue"]}}, lambda n: n % 3 == 1),
    ({"tags": "new"}, lambda n: n % 2 == 1),
    ({"tags": "blue"}, lambda n: n % 2 == 1 and n % 3 == 2),
    ({"price": {"gte": 10, "lt": 20}}, lambda n: 10 <= n / 2 < 20),
    ({"price": 4}, lambda n: n == 8),
    ({"price": "4.5"}, lambda n: n == 9),
    ({"price": [1, 1.5, "2"]}, lambda n: n in (2, 3, 4)),
    ({"stock": "3"}, lambda n: n % 5 == 3),
    ({"stock": {"gt": 1, "lte": 3}}, lambda n: n % 5 in (2, 3)),
    ({"sale": True}, lambda n: n % 4 == 0),
    ({"sale": "false"}, lambda n: n % 4 != 0),
    ({"added": {"gte": "2024-01-27"}}, lambda n: n % 28 >= 26),
    ({"added": {"lt": "2024-01-02T00:00:00Z"}}, lambda n: n % 28 == 0),
    ({"added": "2024-01-03"}, lambda n: n % 28 == 2),
    ({"rare": {"exists": True}}, lambda n: n == 60),
    ({"rare": {"exists": False}}, lambda n: n != 60),
    ({"colour": "red", "stock": 0}, lambda n: n % 15 == 0),
    ({"or": [{"colour": "red"}, {"stock": 1}]}, lambda n: n % 3 == 0 or n % 5 == 1),
    ({"and": [{"not": {"colour": "red"}}, {"sale": True}]}, lambda n: n % 3 != 0 and n % 4 == 0),
    ({"not": {"or": [{"colour": "red"}, {"colour": "blue"}]}}, lambda n: n % 3 == 1),
    ({"attributes": {"and": "odd name"}}, lambda n: n == 60),
    ({"dot.ted": 7}, lambda n: n == 60),
]


def test_filters_let_pass_what_they_say(filled: VectorStore) -> None:
    plain = record(60)
    more = {**plain.item.attributes, "rare": "x", "and": "odd name", "dot.ted": 7}
    item = Item(plain.item.id, attributes=more)
    filled.upsert("shirts", FINGERPRINT, [Record(item, image=plain.image)])
    for data, passes in FILTERS:
        where = parse_filter(data)
        expected = {f"item/{n}" for n in range(61) if passes(n)}
        assert expected, data
        hits = filled.search("shirts", vector_search(1, filter=where, limit=100))
        assert set(ids(hits)) == expected, data
        assert filled.count("shirts", where) == len(expected), data


def test_filters_that_fit_no_attribute_are_refused(filled: VectorStore) -> None:
    for data, words in [
        ({"color": "red"}, "colour"),
        ({"price": "cheap"}, "number"),
        ({"colour": {"gt": 3}}, "no ranges"),
        ({"added": {"gt": "yesterday"}}, "date"),
        ({"sale": "maybe"}, "true or false"),
    ]:
        with pytest.raises(FilterInvalid, match=words):
            filled.count("shirts", parse_filter(data))


def test_attributes_are_typed_from_the_data_and_widened(store: VectorStore) -> None:
    store.create("shirts", spec())
    assert store.facts("shirts").attributes == {}

    def put(**attributes: object) -> None:
        store.upsert("shirts", FINGERPRINT, [Record(Item(str(attributes), attributes=attributes))])

    put(size=1, day="2024-02-29", mark="a", odd=1, long="x")
    assert store.facts("shirts").attributes == {
        "size": Kind.INTEGER,
        "day": Kind.DATETIME,
        "mark": Kind.KEYWORD,
        "odd": Kind.INTEGER,
        "long": Kind.KEYWORD,
    }
    put(size=1.5, day="soon", mark="b", odd="one", long="x" * 300)
    assert store.facts("shirts").attributes == {
        "size": Kind.FLOAT,
        "day": Kind.KEYWORD,
        "mark": Kind.KEYWORD,
        "odd": Kind.MIXED,
        "long": Kind.TEXT,
    }
    assert store.count("shirts", parse_filter({"size": {"gte": 1}})) == 2
    assert store.count("shirts", parse_filter({"day": "soon"})) == 1
    assert store.count("shirts", parse_filter({"odd": "one"})) == 1
    assert store.count("shirts", parse_filter({"long": "x" * 300})) == 1


def test_facets_count_values(filled: VectorStore) -> None:
    def facet(*args: object, **kwargs: object) -> list[tuple[object, int]]:
        return [(one.value, one.count) for one in filled.facet("shirts", *args, **kwargs)]

    assert facet("colour") == [("blue", 20), ("green", 20), ("red", 20)]
    assert facet("tags") == [("new", 30), ("old", 30), ("blue", 10), ("green", 10), ("red", 10)]
    assert facet("stock", filter=parse_filter({"colour": "red"}), limit=2) == [(0, 4), (1, 4)]
    assert facet("sale") == [(False, 45), (True, 15)]
    with pytest.raises(FacetUnavailable, match="float"):
        facet("price")
    with pytest.raises(FacetUnavailable, match="colour"):
        facet("color")


def test_near_duplicates_are_found_once_each(store: VectorStore) -> None:
    store.create("shirts", spec())
    records = [record(n) for n in range(40)]
    rng = np.random.default_rng(1)
    for n in (3, 8):
        near = unit(n) + rng.normal(0, 0.005, DIMENSION).astype(np.float32)
        records.append(Record(Item(f"near/{n}"), image=near))
    # more of one kind than one search gives
    records += [Record(Item(f"same/{n}"), image=unit(999)) for n in range(40)]
    store.upsert("shirts", FINGERPRINT, records)
    pairs = list(store.duplicates("shirts", threshold=0.98))
    found = {frozenset((pair.first, pair.second)) for pair in pairs}
    assert len(found) == len(pairs)
    assert {frozenset(("item/3", "near/3")), frozenset(("item/8", "near/8"))} <= found
    assert len(pairs) == 2 + 40 * 39 // 2
    assert all(pair.score >= 0.98 for pair in pairs)
    assert list(store.duplicates("shirts", threshold=0.98, target="text")) == []


# Index and files


def test_an_index_changes_no_answer(filled: VectorStore) -> None:
    before = ids(filled.search("shirts", vector_search(500, limit=60)))
    filled.build_index("shirts", wait=True)
    assert ids(filled.search("shirts", vector_search(500, limit=60))) == before
    filled.upsert("shirts", FINGERPRINT, [record(60)])
    filled.delete("shirts", ["item/59"])
    assert filled.count("shirts") == filled.facts("shirts").items == 60
    after = ids(filled.search("shirts", vector_search(500, limit=61)))
    assert [one for one in after if one != "item/60"] == [one for one in before if one != "item/59"]
    assert ids(filled.search("shirts", vector_search(60, limit=1))) == ["item/60"]


def test_a_snapshot_is_restored_with_everything(filled: VectorStore, tmp_path: Path) -> None:
    path = tmp_path / "shirts.snapshot"
    assert filled.snapshot("shirts", path) == 60
    facts = filled.restore("copy", path)
    original = filled.facts("shirts")
    assert (facts.items, facts.fingerprint, facts.attributes, facts.settings) == (
        60,
        original.fingerprint,
        original.attributes,
        original.settings,
    )
    for search in (
        vector_search(500, limit=60),
        Search(target="hybrid", words="green n7", limit=60),
    ):
        ours, theirs = filled.search("shirts", search), filled.search("copy", search)
        assert ids(ours) == ids(theirs)
        assert [h.item for h in ours] == [h.item for h in theirs]
    assert filled.digests("copy", ["item/4"]) == {"item/4": "d4"}
    with pytest.raises(CollectionExists):
        filled.restore("copy", path)
    assert [one.name for one in tmp_path.glob("*.part")] == []


def test_a_damaged_snapshot_restores_nothing(filled: VectorStore, tmp_path: Path) -> None:
    path = tmp_path / "shirts.snapshot"
    filled.snapshot("shirts", path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-2000] ^= 1
    for damaged in (whole[:-300], whole[: len(whole) // 2], bytes(flipped), b"PK", b""):
        path.write_bytes(damaged)
        with pytest.raises(SnapshotInvalid):
            filled.restore("copy", path)
        assert [one.name for one in filled.collections()] == ["shirts"]


def test_closing_twice_is_no_error(store: VectorStore) -> None:
    store.close()
    store.close()
