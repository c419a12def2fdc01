"""The client of a running service, against the service itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.catalog.shop import make_shop, picture, row, write_feed
from tests.service.conftest import app, bundle, listening

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.conditions import parse_conditions
from lookalike.catalog.filters import (
    And,
    AnyOf,
    Between,
    Equal,
    Exists,
    Filter,
    Not,
    Or,
    parse_filter,
)
from lookalike.catalog.ingest import IngestOptions, IngestSummary
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.remote import RemoteCatalog
from lookalike.catalog.sources import open_source
from lookalike.catalog.store import IndexSettings, Recommend
from lookalike.catalog.wire import filter_json
from lookalike.errors import (
    CollectionMissing,
    FacetUnavailable,
    FilterInvalid,
    ItemMissing,
    ServiceRefused,
    ServiceUnreachable,
    SettingInvalid,
)

__all__ = ["app", "bundle"]  # fixtures of the service's tests


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with listening(app) as at:
        yield at


@pytest.fixture
def there(app: FastAPI, url: str) -> Iterator[Catalog]:
    """The service's own catalogue, which each test leaves empty."""
    catalog: Catalog = app.state.service.catalog
    yield catalog
    for facts in catalog.collections():
        catalog.drop(facts.name)


@pytest.fixture
def remote(url: str, there: Catalog, tmp_path: Path) -> Iterator[RemoteCatalog]:
    with RemoteCatalog(url, tmp_path / "client") as opened:
        yield opened


def index(remote: RemoteCatalog, feed: Path, **options: object) -> IngestSummary:
    return remote.index("shop", [open_source(feed)], options=IngestOptions(**options))


def test_a_feed_goes_through_the_service_and_only_what_changed_is_encoded(
    remote: RemoteCatalog, there: Catalog, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 20)
    first = index(remote, feed)
    assert (first.tally.added, first.tally.total, first.complete) == (20, 20, True)
    again = index(remote, feed)
    assert again.tally.unchanged == 20
    stored = there.get("shop", "sku-3")
    assert stored.item.title == "yellow shirt"
    assert stored.item.image is None  # a path of the client's means nothing to the service
    assert remote.thumbnail("shop", "sku-3") is not None
    assert remote.thumbnail("shop", "sku-99") is None


def test_bad_items_fail_alone_wherever_that_is_noticed(
    remote: RemoteCatalog, tmp_path: Path
) -> None:
    make_shop(tmp_path, 4)
    (tmp_path / "pictures" / "1.png").unlink()  # noticed here
    (tmp_path / "pictures" / "2.png").write_bytes(b"broken")  # noticed there
    feed = write_feed(
        tmp_path, [*(row(n) for n in range(4)), row(0), {"id": "u", "image": "http://x/"}]
    )
    summary = index(remote, feed)
    assert (summary.tally.added, summary.tally.failed) == (2, 4)
    report = summary.report.read_text()
    for named in ("sku-1", "sku-2", "duplicate_id", "--allow-urls"):
        assert named in report


def test_prune_spares_what_failed(remote: RemoteCatalog, there: Catalog, tmp_path: Path) -> None:
    feed = make_shop(tmp_path, 12)
    index(remote, feed)
    rows = [row(n) for n in range(8)]
    rows[0] = {"id": "sku-0", "image": 5}
    write_feed(tmp_path, rows)
    assert index(remote, feed, prune=True).tally.pruned == 4
    assert there.store.count("shop") == 8


def test_everything_that_a_catalogue_can_do_it_can_do_from_afar(
    remote: RemoteCatalog, there: Catalog, tmp_path: Path
) -> None:
    index(remote, make_shop(tmp_path, 12))
    assert [facts.name for facts in remote.collections()] == ["shop"]
    assert remote.facts("shop") == there.facts("shop")

    condition = parse_conditions(["not colour=red", "price<=12"])
    for query in (
        Query((QueryPart(text="blue"),), limit=3, filter=condition),
        Query((QueryPart(image=picture(5)), QueryPart(text="red", weight=-0.5)), limit=3, offset=1),
        Query((QueryPart(item="sku-1"),), limit=3, diversity=0.5),
        Query((QueryPart(text="n3"),), target="hybrid", limit=3),
        Query((QueryPart(item="sku-2"),), target="text", threshold=0.5),
    ):
        assert remote.search("shop", query) == there.search("shop", query)
    liked = Recommend(("sku-0",), ("sku-1",), limit=3, filter=condition, strategy="best")
    settings = IndexSettings(ef=200)
    assert remote.configure("shop", settings).settings == settings
    assert remote.recommend("shop", liked) == there.recommend("shop", liked)
    assert remote.facet("shop", "colour") == there.facet("shop", "colour")
    pairs = list(remote.duplicates("shop", threshold=0.9))
    assert pairs == list(there.duplicates("shop", threshold=0.9))

    exported, saved = tmp_path / "shop.parquet", tmp_path / "shop.snapshot"
    assert remote.export("shop", exported) == 12
    assert remote.import_("copy", exported) == 12
    assert remote.snapshot("shop", saved) == 12
    assert remote.restore("third", saved).items == 12
    german = IndexSettings(language="german")
    assert remote.reindex("shop", settings=german).swapped
    assert remote.delete("copy", ["sku-1"]) == 1
    assert remote.facts("copy").items == 11
    remote.drop("copy")
    assert [facts.name for facts in remote.collections()] == ["shop", "third"]


def test_errors_of_the_service_are_told_as_they_are(remote: RemoteCatalog, tmp_path: Path) -> None:
    index(remote, make_shop(tmp_path, 1))
    with pytest.raises(CollectionMissing, match="'nowhere'"):
        remote.search("nowhere", Query((QueryPart(text="x"),)))
    query = Query((QueryPart(text="x"),), filter=Equal("size", 3))
    with pytest.raises(FilterInvalid, match="there is no such attribute"):
        remote.search("shop", query)
    with pytest.raises(FacetUnavailable, match="'title'"):
        remote.facet("shop", "title")
    with pytest.raises(ItemMissing, match="'sku-9'"):
        list(remote.recommend("shop", Recommend(("sku-9",))))
    with pytest.raises(CollectionMissing):
        list(remote.duplicates("nowhere", threshold=0.9))
    with pytest.raises(CollectionMissing):
        remote.export("nowhere", tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes(b"x")
    with pytest.raises(ServiceRefused, match="is not Parquet"):
        remote.import_("new", tmp_path / "x.parquet")
    with pytest.raises(ServiceRefused, match="not a snapshot"):
        remote.restore("new", tmp_path / "x.parquet")
    with pytest.raises(ServiceRefused, match="with these settings already"):
        remote.reindex("shop")


def test_what_is_no_service_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, html="<html>"))
    with pytest.raises(ServiceRefused, match="no Lookalike service"):
        RemoteCatalog("http://x", tmp_path, transport=page).collections()
    broken = httpx.MockTransport(lambda _: httpx.Response(502, html="<html>"))
    with pytest.raises(ServiceRefused, match="502: Bad Gateway"):
        RemoteCatalog("http://x", tmp_path, transport=broken).collections()
    with pytest.raises(ServiceUnreachable, match="lookalike serve"):
        RemoteCatalog("http://127.0.0.1:9", tmp_path).collections()
    with pytest.raises(SettingInvalid):
        RemoteCatalog("ftp://x", tmp_path)


def test_a_service_without_a_route_says_so_and_nothing_is_pruned_then(tmp_path: Path) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/items") and request.method == "POST":
            items = [
                {"id": json.loads(x)["id"], "status": "added"} for x in request.read().splitlines()
            ]
            return httpx.Response(200, json={"items": items})
        return httpx.Response(200 if request.method == "PUT" else 404, json={})

    remote = RemoteCatalog("http://x", tmp_path, transport=httpx.MockTransport(service))
    with pytest.raises(ServiceRefused, match="no route for this"):
        list(remote.duplicates("shop", threshold=0.9))
    summary = index(remote, make_shop(tmp_path, 3), prune=True)
    assert summary.tally.added == 3
    assert "no route for this" in (summary.not_pruned or "")


def test_a_busy_service_is_waited_for_and_keys_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("lookalike.catalog.connection.time.sleep", waited.append)
    seen: list[str | None] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        if len(seen) < 3:
            return httpx.Response(429, headers={"retry-after": "7"} if len(seen) == 1 else {})
        return httpx.Response(200, json={"collections": []})

    transport = httpx.MockTransport(service)
    remote = RemoteCatalog("http://x", tmp_path, api_key="secret", transport=transport)
    assert remote.collections() == []
    assert waited == [7.0, 1.0]
    assert seen == ["Bearer secret"] * 3


def test_a_download_that_breaks_off_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("gone")

    file = tmp_path / "shop.parquet"
    file.write_text("before")
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=broken()))
    with pytest.raises(ServiceUnreachable):
        RemoteCatalog("http://x", tmp_path, transport=transport).export("shop", file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "filter",
    [
        Equal("or", "x"),
        AnyOf("a", (1, 2)),
        Between("a", gte=1, lt=2.5),
        Exists("not"),
        Not(Equal("a", True)),
        And((Equal("a", "1"), Or((Equal("b", "2"), Not(Exists("c")))))),
    ],
)
def test_a_filter_survives_the_wire(filter: Filter) -> None:  # noqa: A002
    assert parse_filter(filter_json(filter)) == filter
    assert filter_json(None) == {}
