"""Maps of collections: what is drawn, how, and how often."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.catalog.conftest import FINGERPRINT, record, spec

from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.filters import Equal, Not
from lookalike.catalog.items import Item
from lookalike.catalog.maps.drawing import Draughtsman
from lookalike.catalog.maps.layout import Layout, k_means, lay_out, scaled
from lookalike.catalog.maps.maps import WAITING, Maps, Sample, read_sample
from lookalike.catalog.maps.naming import name_clusters
from lookalike.catalog.store import Part, Recommend, Search, VectorStore
from lookalike.errors import CollectionMissing, EngineFailed, ExtraMissing, QueueFull


def blobs(kinds: int = 4, each: int = 30, dimension: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around `kinds` far directions, and which each is of."""
    rng = np.random.default_rng(7)
    centres = np.linalg.qr(rng.standard_normal((dimension, kinds)))[0].T
    of = np.repeat(np.arange(kinds), each)
    vectors = centres[of] + 0.08 * rng.standard_normal((kinds * each, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def assert_apart(layout: Layout, of: np.ndarray) -> None:
    """Every point's nearest neighbour on the map is of its own kind, and so are clusters."""
    distances = np.linalg.norm(layout.xy[:, None] - layout.xy[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert np.mean(of[distances.argmin(axis=1)] == of) > 0.95
    for cluster in range(layout.clusters.max() + 1):
        assert len(set(of[layout.clusters == cluster])) == 1


def test_alike_items_lie_together_and_clusters_are_found() -> None:
    pytest.importorskip("sklearn")
    vectors, of = blobs(each=15)
    layout = lay_out(vectors)
    assert (layout.method, layout.clustering) == ("tsne", "hdbscan")
    assert np.abs(layout.xy).max() == pytest.approx(1)
    assert layout.clusters.max() >= 3  # one kind may be several clusters, but no cluster is of two
    assert_apart(layout, of)
    again = lay_out(vectors)
    assert np.array_equal(again.xy, layout.xy)


def test_components_and_k_means_need_only_numpy() -> None:
    vectors, of = blobs(kinds=3)
    layout = lay_out(vectors, "pca")
    assert (layout.method, layout.clustering) == ("pca", "kmeans")
    assert_apart(layout, of)
    assert np.array_equal(lay_out(vectors, "pca").clusters, layout.clusters)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_items_have_places_and_no_clusters(count: int) -> None:
    vectors, _ = blobs()
    layout = lay_out(vectors[:count])
    assert layout.xy.shape == (count, 2)
    assert layout.clusters.tolist() == [-1] * count
    assert layout.clustering == "none"


def test_equal_vectors_are_no_trouble() -> None:
    same = np.repeat(blobs()[0][:1], 40, axis=0)
    for wanted in ("auto", "pca"):
        layout = lay_out(same, wanted)
        assert np.isfinite(layout.xy).all()
    assert set(k_means(same)) == {0}


def test_both_axes_have_one_scale() -> None:
    wide = scaled(np.array([[0.0, 5.0], [10.0, 5.0], [5.0, 7.5]]))
    assert wide.tolist() == [[-1.0, -0.25], [1.0, -0.25], [0.0, 0.25]]


@pytest.fixture
def without_sklearn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started from here find no scikit-learn."""
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("without_sklearn")
def test_without_scikit_learn_the_components_are_drawn() -> None:
    vectors, of = blobs(kinds=3)
    draughtsman = Draughtsman()
    layout = draughtsman.draw(vectors, "auto")
    assert layout.method == "pca"
    assert_apart(layout, of)
    with pytest.raises(ExtraMissing, match=r"lookalike\[map\]"):
        draughtsman.draw(vectors, "tsne")


def test_drawing_has_the_lowest_priority() -> None:
    code = (
        "import os, sys, json; sys.argv = ['drawing', 'pca', str(os.getppid())]\n"
        "from lookalike.catalog.maps import drawing\n"
        "drawing.main()\n"
        "print(json.dumps([os.nice(0)]), file=sys.stderr)\n"
    )
    given = io.BytesIO()
    np.save(given, blobs()[0])
    done = subprocess.run(
        [sys.executable, "-c", code], input=given.getvalue(), capture_output=True, check=True
    )
    assert done.stderr.decode().strip() == f"[{min(19, os.nice(0) + 19)}]"


def test_a_drawing_can_be_stopped_and_leaves_no_process() -> None:
    pytest.importorskip("sklearn")
    draughtsman = Draughtsman()
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4000, 64)).astype(np.float32)
    failed: list[Exception] = []

    def draw() -> None:
        try:
            draughtsman.draw(vectors, "tsne")
        except EngineFailed as error:
            failed.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    while draughtsman._child is None:
        thread.join(0.01)
    draughtsman.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert failed
    assert draughtsman._child.returncode is not None
    with pytest.raises(EngineFailed):
        draughtsman.draw(vectors, "tsne")


# The sample


def test_sample_is_those_with_the_vector_and_says_what_it_leaves_out(filled: VectorStore) -> None:
    whole = read_sample(filled, "shirts", "text", 100)
    assert (whole.total, whole.looked_at, whole.without) == (60, 60, 30)
    assert len(whole.items) == len(whole.vectors) == 30
    wanted = filled.get("shirts", [whole.items[3].id], vectors=True)[whole.items[3].id].text
    np.testing.assert_allclose(whole.vectors[3], wanted, atol=1e-6)
    part = read_sample(filled, "shirts", "image", 20)
    assert (part.total, part.looked_at, len(part.items)) == (60, 20, 20)
    red = read_sample(filled, "shirts", "image", 100, Equal("colour", "red"))
    assert red.total == len(red.items) == 20
    assert {item.attributes["colour"] for item in red.items} == {"red"}
    with pytest.raises(CollectionMissing):
        read_sample(filled, "none", "image", 20)


def test_sample_is_fair(tmp_path: Path) -> None:
    """Of a feed in order, a third is taken from its first, middle and last third alike."""
    with EmbeddedStore(tmp_path) as store:
        store.create("shirts", spec())
        store.upsert("shirts", FINGERPRINT, [record(number) for number in range(900)])
        sample = read_sample(store, "shirts", "image", 300)
    numbers = np.array([int(item.id.split("/")[1]) for item in sample.items])
    counts = np.histogram(numbers, bins=3, range=(0, 900))[0]
    assert counts.min() > 70  # 100 each, and a deviation of 7


# Drawing once


def sample_of(seed: int, count: int = 12) -> Sample:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 8)).astype(np.float32)
    return Sample(tuple(Item(str(at)) for at in range(count)), vectors, count, 0)


def test_the_same_is_drawn_once_whoever_asks() -> None:
    drawn: list[int] = []
    go = threading.Event()

    def draw(vectors: np.ndarray, wanted: str) -> Layout:
        drawn.append(len(vectors))
        go.wait(10)
        return lay_out(vectors, "pca")

    maps = Maps(draw)
    first, second = maps.layout(sample_of(1), "auto"), maps.layout(sample_of(1), "auto")
    other = maps.layout(sample_of(2), "auto")
    assert first is second
    go.set()
    assert other.result(10) is not first.result(10)
    assert maps.layout(sample_of(1), "auto").result(0) is first.result(0)
    assert len(drawn) == 2
    maps.layout(sample_of(1), "pca").result(10)
    assert len(drawn) == 3
    maps.close()


def test_too_many_that_wait_are_refused_and_a_failure_is_not_kept() -> None:
    go = threading.Event()

    def draw(vectors: np.ndarray, wanted: str) -> Layout:
        go.wait(10)
        raise EngineFailed("map", "no")

    maps = Maps(draw)
    coming = [maps.layout(sample_of(seed), "auto") for seed in range(WAITING + 1)]
    with pytest.raises(QueueFull):
        maps.layout(sample_of(99), "auto")
    go.set()
    for one in coming:
        with pytest.raises(EngineFailed):
            one.result(10)
    again = maps.layout(sample_of(0), "auto")
    assert again is not coming[0]
    maps.close()


# Names


def items(*kinds: tuple[str | None, str | None]) -> list[Item]:
    return [
        Item(str(at), title=title, attributes={"kind": kind, "shop": "ours"} if kind else {})
        for at, (kind, title) in enumerate(kinds)
    ]


def test_clusters_are_called_by_what_sets_them_apart() -> None:
    given = items(
        *[("dress", "a thing")] * 5,
        ("hat", "a thing"),
        *[("hat", "a thing")] * 4,
        *[(None, f"The winter boots {at}") for at in "abc"],
        *[(None, None)] * 2,
    )
    names = name_clusters(given, [0] * 6 + [1] * 4 + [2] * 3 + [3, -1])
    assert [(n.attribute, n.value, n.size) for n in names] == [
        ("kind", "dress", 6),
        ("kind", "hat", 4),
        (None, "winter", 3),
        (None, None, 1),
    ]
    assert names[0].share == pytest.approx(5 / 6)


def test_the_narrower_of_two_names_is_taken() -> None:
    """All are of one department that half of all are of; half are of a category that few are of."""
    given = [
        Item(str(at), attributes={"department": "grocery", "category": category})
        for at, category in enumerate(["banana"] * 5 + ["apple"] * 2 + ["pear"] * 3 + ["milk"] * 20)
    ] + [Item(f"c{at}", attributes={"department": "clothing"}) for at in range(30)]
    names = name_clusters(given, [0] * 10 + [-1] * 50)
    assert (names[0].attribute, names[0].value, names[0].share) == ("category", "banana", 0.5)


# Within a choice


def test_only_items_within_are_found_on_both_stores(filled: VectorStore) -> None:
    within = tuple(f"item/{number}" for number in (3, 4, 5, 6, 1000))
    part = Part(item="item/3")
    search = Search((part,), within=within, exclude=("item/5",), filter=Not(Equal("stock", 1)))
    assert {hit.id for hit in filled.search("shirts", search)} == {"item/4"}
    hybrid = Search((part,), target="hybrid", words="shirt", within=within, limit=50)
    assert {hit.id for hit in filled.search("shirts", hybrid)} == {"item/4", "item/5", "item/6"}
    for strategy in ("average", "best"):
        liked = Recommend(("item/3",), within=within, strategy=strategy)
        assert {hit.id for hit in filled.recommend("shirts", liked)} == {
            "item/4",
            "item/5",
            "item/6",
        }
    assert filled.search("shirts", Search((part,), within=())) == []
