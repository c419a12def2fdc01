"""What takes long: pairs, files and reindexing, as streams that end with whoever reads them."""

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.exchange import export_parquet
from lookalike.catalog.items import Item, Record
from lookalike.catalog.store import CollectionSpec
from lookalike.errors import StoreUnavailable
from lookalike.service.security import right_for
from tests.catalog.conftest import unit
from tests.service.conftest import Start, listening


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """Over a real socket: what is sent as a stream is read as one."""
    with listening(app) as url, httpx.Client(base_url=url, timeout=30) as opened:
        yield opened


@pytest.fixture(scope="module")
def catalog(app: FastAPI, client: httpx.Client) -> Catalog:
    """The service's, with 60 pairs of alike items in the collection `pairs`."""
    catalog: Catalog = app.state.service.catalog
    spec = CollectionSpec(catalog.encoder.fingerprint, "m", catalog.encoder.dimension)
    catalog.store.create("pairs", spec)
    records = [
        Record(
            Item(f"sku-{n}", f"/etc/{n}.png", f"shirt {n}", attributes={"colour": "red"}),
            image=unit(n // 2, spec.dimension),
            digest=f"d{n}",
        )
        for n in range(120)
    ]
    catalog.store.upsert("pairs", spec.fingerprint, records)
    return catalog


def lines(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line]


def test_ids_come_in_pages_that_together_are_all(client: httpx.Client, catalog: Catalog) -> None:
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get("/collections/pairs/items", params={"limit": 50, **after}).json()
        found += page["ids"]
        if page["next"] is None:
            break
        assert len(page["ids"]) == 50
        after = {"after": page["next"]}
    assert sorted(found) == sorted(f"sku-{n}" for n in range(120))
    for wrong in ({"limit": 0}, {"limit": 10_001}, {"after": "sku-1"}):
        assert client.get("/collections/pairs/items", params=wrong).status_code == 422


def test_items_are_listed_in_full_and_by_a_filter(client: httpx.Client) -> None:
    client.put("/collections/listed").raise_for_status()
    items = [
        {
            "id": f"hat-{n}",
            "title": f"hat {n}",
            "attributes": {"colour": "red" if n % 40 else "blue"},
        }
        for n in range(120)
    ]
    client.post("/collections/listed/items", json=items).raise_for_status()

    def listed(**asked: object) -> dict:
        answer = client.get("/collections/listed/items", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    some = listed(filter='{"colour": "blue"}')
    assert (sorted(some["ids"]), some["next"]) == (["hat-0", "hat-40", "hat-80"], None)
    first = listed(filter='{"colour": "red"}', full="true")
    assert len(first["items"]) == 100
    assert [one["id"] for one in first["items"]] == first["ids"]
    rest = listed(filter='{"colour": "red"}', full="true", after=first["next"])
    assert rest["next"] is None
    whole = {one["id"]: one for one in [*first["items"], *rest["items"]]}
    assert len(whole) == len(first["items"]) + len(rest["items"])
    assert whole.keys() == {f"hat-{n}" for n in range(120) if n % 40}
    assert whole["hat-8"] == {**items[8], "image": None, "description": None}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"filter": "{"}, "filter_invalid"),
        ({"filter": '{"colour": {"near": 1}}'}, "filter_invalid"),
        ({"full": "true", "limit": 1001}, "too_many"),
    ],
)
def test_listing_refuses_what_a_search_would(client: httpx.Client, asked: dict, code: str) -> None:
    answer = client.get("/collections/pairs/items", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_every_pair_of_duplicates_comes_once_as_a_line(
    client: httpx.Client, catalog: Catalog
) -> None:
    answer = client.post("/collections/pairs/duplicates", json={"threshold": 0.999})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    pairs = [tuple(sorted(int(one[f][4:]) for f in ("first", "second"))) for one in lines(answer)]
    assert sorted(pairs) == [(n, n + 1) for n in range(0, 120, 2)]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("nowhere", {}, 404, "collection_missing"),
        ("pairs", {"filter": {"nothing": 1}}, 422, "filter_invalid"),
        ("pairs", {"threshold": 2}, 422, "request_invalid"),
    ],
)
def test_what_is_wrong_from_the_start_is_a_problem_and_no_stream(
    client: httpx.Client, catalog: Catalog, name: str, body: dict, status: int, code: str
) -> None:
    answer = client.post(f"/collections/{name}/duplicates", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_stream_of_lines_that_fails_on_the_way_says_so_in_its_last(
    client: httpx.Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    duplicates = catalog.duplicates

    def failing(*arguments: object, **named: object) -> Iterator[object]:
        yield next(duplicates(*arguments, **named))
        raise StoreUnavailable("engine", "it ended")

    monkeypatch.setattr(catalog, "duplicates", failing)
    pair, error = lines(client.post("/collections/pairs/duplicates", json={"threshold": 0.999}))
    assert pair["score"] > 0.999
    assert (error["error"]["code"], error["error"]["status"]) == ("store_unavailable", 503)


def test_a_file_that_fails_on_the_way_is_cut_off_and_not_whole(
    app: FastAPI, client: httpx.Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(name: str, sink: io.BufferedWriter) -> int:
        for _ in range(10):
            sink.write(bytes(2**20))
        raise StoreUnavailable("engine", "it ended")

    monkeypatch.setattr(catalog, "export_to", failing)
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        client.get("/collections/pairs/export")


def test_work_ends_when_its_reader_goes_and_the_service_never_waits_for_it(
    app: FastAPI, client: httpx.Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def endless(*_: object, observer: object, **__: object) -> Iterator[object]:
        try:
            while True:
                time.sleep(0.01)
                observer(1)
                yield from ()
        finally:
            ended.set()

    monkeypatch.setattr(catalog, "duplicates", endless)
    monkeypatch.setattr("lookalike.service.streams.ALIVE_SECONDS", 0.1)
    with client.stream("POST", "/collections/pairs/duplicates", json={}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"\n"  # nothing found, and it is alive
        assert client.get("/healthz").elapsed.total_seconds() < 1
        assert not ended.is_set()
    assert ended.wait(10)


def test_more_jobs_than_may_wait_are_refused_and_come_back_later(
    client: httpx.Client, app: FastAPI, catalog: Catalog
) -> None:
    from lookalike.service import state

    held = threading.Event()
    jobs = app.state.service.job_calls
    call = type("Call", (), {"gone": False})()
    for _ in range(state.JOB_THREADS + state.JOB_WAITING):
        jobs.submit(call, held.wait, detached=True)
    refused = client.post("/collections/pairs/duplicates", json={})
    held.set()
    assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1


def test_export_is_a_parquet_file_and_import_takes_it_without_paths(
    client: httpx.Client, catalog: Catalog
) -> None:
    answer = client.get("/collections/pairs/export")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["x-items"] == "120"
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 120
    assert table.column("image").to_pylist()[0].startswith("/etc/")
    taken = client.put("/collections/copy/import", content=answer.content)
    assert taken.json() == {"items": 120}
    copied = catalog.store.get("copy", ["sku-7"], vectors=True)["sku-7"]
    assert copied.item == Item("sku-7", None, "shirt 7", attributes={"colour": "red"})
    assert (
        copied.image == catalog.store.get("pairs", ["sku-7"], vectors=True)["sku-7"].image
    ).all()
    catalog.drop("copy")


def test_snapshot_becomes_a_new_collection_and_never_an_old_one(
    client: httpx.Client, catalog: Catalog
) -> None:
    answer = client.get("/collections/pairs/snapshot")
    assert (answer.status_code, answer.headers["x-items"]) == (200, "120")
    restored = client.put("/collections/back/snapshot", content=answer.content)
    assert (restored.status_code, restored.json()["items"]) == (201, 120)
    assert catalog.get("back", "sku-7").item.image is None
    again = client.put("/collections/back/snapshot", content=answer.content)
    assert (again.status_code, again.json()["code"]) == (409, "collection_exists")
    cut = client.put("/collections/cut/snapshot", content=answer.content[:-9])
    assert (cut.status_code, cut.json()["code"]) == (422, "snapshot_invalid")
    assert "cut" not in [facts.name for facts in catalog.collections()]
    catalog.drop("back")


def test_files_that_come_in_are_not_kept(
    client: httpx.Client, app: FastAPI, catalog: Catalog
) -> None:
    refused = client.put("/collections/bad/import", content=b"no parquet" * 1000)
    assert (refused.status_code, refused.json()["code"]) == (422, "exchange_invalid")
    assert "/" not in refused.json().get("path", "")
    assert not list((app.state.service.settings.data / "transfers").iterdir())


def test_a_file_of_another_model_or_too_long_is_refused(
    client: httpx.Client, catalog: Catalog, start: Start, tmp_path: Path
) -> None:
    catalog.store.create("foreign", CollectionSpec("0" * 16, "other", 8))
    export_parquet(catalog.store, "foreign", tmp_path / "foreign.parquet")
    data = (tmp_path / "foreign.parquet").read_bytes()
    answer = client.put("/collections/pairs/import", content=data)
    assert (answer.status_code, answer.json()["code"]) == (409, "fingerprint_mismatch")
    catalog.drop("foreign")
    small = start(catalogue=True, max_stream_bytes=1000)
    answer = small.put("/collections/x/import", content=bytes(1001))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_reindex_tells_how_far_it_is_and_names_what_failed(
    client: httpx.Client, catalog: Catalog
) -> None:
    spec = CollectionSpec("0" * 16, "other", 8)
    catalog.store.create("old", spec)
    records = [Record(Item(f"w-{n}", None, f"shirt {n}"), text=unit(n, 8)) for n in range(4)]
    gone = Record(Item("gone", "/nowhere/a.png", "coat"), image=unit(9, 8))
    catalog.store.upsert("old", spec.fingerprint, [*records, gone])

    said = lines(client.post("/collections/old/reindex", json={}))
    assert [one["failure"]["id"] for one in said if "failure" in one] == ["gone"]
    assert said[-1]["error"]["code"] == "reindex_incomplete"
    assert catalog.facts("old").fingerprint == "0" * 16

    said = lines(client.post("/collections/old/reindex", json={"skip_failed": True}))
    assert (said[-1]["swapped"], said[-1]["failed"], said[-1]["there"]) == (True, 1, 4)
    assert catalog.facts("old").fingerprint == catalog.encoder.fingerprint
    assert catalog.facts("old").items == 4


def test_reindex_is_to_the_model_that_is_served_only(
    client: httpx.Client, catalog: Catalog
) -> None:
    other = client.post("/collections/pairs/reindex", json={"model": "ViT-L-14"})
    assert (other.status_code, other.json()["code"]) == (404, "model_not_found")
    same = client.post("/collections/pairs/reindex", json={})
    assert (same.status_code, same.json()["code"]) == (422, "setting_invalid")
    urls = client.post("/collections/pairs/reindex", json={"allow_urls": True})
    assert (urls.status_code, urls.json()["code"]) == (422, "request_invalid")


def test_reading_keys_may_count_compare_and_save_but_not_change() -> None:
    for method, path in [
        ("POST", "facets"),
        ("POST", "duplicates"),
        ("GET", "export"),
        ("GET", "snapshot"),
        ("GET", "items"),
    ]:
        assert right_for(method, f"/collections/a/{path}") == "read", path
    for method, path in [("PUT", "import"), ("PUT", "snapshot"), ("POST", "reindex")]:
        assert right_for(method, f"/collections/a/{path}") == "write", path


def test_search_keeps_to_a_threshold_and_recommend_to_a_strategy(
    client: httpx.Client, catalog: Catalog
) -> None:
    alike = client.post(
        "/collections/pairs/search", json={"item": "sku-4", "threshold": 0.99}
    ).json()
    assert [hit["id"] for hit in alike["hits"]] == ["sku-5"]
    body = {"positive": ["sku-4", "sku-8"], "limit": 2, "strategy": "best"}
    best = client.post("/collections/pairs/recommend", json=body).json()
    assert sorted(hit["id"] for hit in best["hits"]) == ["sku-5", "sku-9"]
    for wrong in ({"threshold": 1.5}, {"threshold": 0.5, "target": "hybrid"}):
        answer = client.post("/collections/pairs/search", json={"item": "sku-4", **wrong})
        assert answer.status_code == 422
