"""Collections, items and search over HTTP, on the real engine."""

import base64
import io
import json
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from lookalike.errors import EngineFailed, StoreUnavailable
from tests.service.conftest import NAME, picture


def uri(seed: int) -> str:
    return "data:image/png;base64," + base64.b64encode(picture(seed)).decode()


def item(number: int, **fields: object) -> dict:
    return {
        "id": f"sku/{number}",
        "image": uri(number),
        "title": f"shirt {number}",
        "attributes": {"colour": ("red", "blue")[number % 2], "price": number},
        **fields,
    }


@pytest.fixture(scope="module")
def shop(client: TestClient) -> TestClient:
    """The client, with a collection of eight items."""
    assert client.put("/collections/shop").status_code == 201
    answer = client.post("/collections/shop/items", json=[item(n) for n in range(8)])
    assert answer.json()["added"] == 8, answer.text
    return client


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def test_collection_is_made_shown_changed_listed_and_dropped(client: TestClient) -> None:
    made = client.put("/collections/a.b-c_1", json={"ef": 64})
    assert made.status_code == 201
    facts = made.json()
    assert (facts["name"], facts["model"], facts["items"]) == ("a.b-c_1", NAME, 0)
    assert client.get("/collections/a.b-c_1").json() == facts
    assert client.put("/collections/a.b-c_1").status_code == 200
    changed = client.put("/collections/a.b-c_1", json={"ef": 99}).json()
    assert changed["settings"]["ef"] == 99
    assert "a.b-c_1" in [one["name"] for one in client.get("/collections").json()["collections"]]
    assert client.delete("/collections/a.b-c_1").status_code == 204
    for method in ("GET", "DELETE"):
        missing = client.request(method, "/collections/a.b-c_1")
        assert (missing.status_code, missing.json()["code"]) == (404, "collection_missing")


@pytest.mark.parametrize("name", ["..", "a/b", "é", "x" * 65, " ", "-a"])
def test_name_that_no_collection_can_have_is_refused(client: TestClient, name: str) -> None:
    path = f"/collections/{quote(name, safe='')}".replace("..", "%2E%2E")
    assert client.put(path).status_code == 422
    assert client.get(path).status_code in (404, 422)


def test_items_are_stored_and_each_failure_is_named(client: TestClient) -> None:
    client.put("/collections/mixed")
    sent = [
        item(1),
        item(2, image="data:image/png;base64,AAAA"),
        "no object",
        item(3, image="/etc/passwd"),
        item(4, image="http://example.com/a.png"),
        {"id": "only words", "title": "a shoe", "attributes": {}},
        {"id": "nothing", "attributes": {}},
        item(1),
        item(5, colour="beside attributes"),
        {"id": "like a feed", "title": "coat", "colour": "green"},
    ]
    answer = client.post("/collections/mixed/items", json=sent)
    assert answer.status_code == 200
    outcomes = answer.json()["items"]
    assert [one["index"] for one in outcomes] == list(range(len(sent)))
    assert [i for i, one in enumerate(outcomes) if one["stored"]] == [0, 5, 9]
    codes = {one["index"]: one["error"]["code"] for one in outcomes if not one["stored"]}
    assert codes[1] == "image_unreadable"
    assert codes[3] == codes[4] == "picture_unavailable"
    assert codes[7] == "duplicate_id"
    feed = client.get("/collections/mixed/items/like%20a%20feed").json()
    assert feed["attributes"] == {"colour": "green"}


def test_items_as_a_stream_of_lines_in_any_pieces(client: TestClient) -> None:
    client.put("/collections/stream")
    body = b"".join(json.dumps(item(n)).encode() + b"\n" for n in range(5))
    body += b"\n{broken\n" + json.dumps(item(9)).encode()  # the last line needs no end

    def pieces():
        for start in range(0, len(body), 777):
            yield body[start : start + 777]

    answer = client.post(
        "/collections/stream/items",
        content=pieces(),
        headers={"content-type": "application/x-ndjson"},
    )
    assert answer.status_code == 200, answer.text
    outcomes = answer.json()["items"]
    assert [one["stored"] for one in outcomes] == [True] * 5 + [False, True]
    assert "not JSON" in outcomes[5]["error"]["detail"]
    assert client.get("/collections/stream").json()["items"] == 6


def test_item_that_has_not_changed_costs_nothing_and_a_new_price_keeps_the_vectors(
    client: TestClient,
) -> None:
    client.put("/collections/again")
    client.post("/collections/again/items", json=[item(1), item(2)])
    again = client.post("/collections/again/items", json=[item(1), item(2, title="new")]).json()
    assert (again["unchanged"], again["updated"], again["added"]) == (1, 1, 0)


def test_items_for_a_collection_that_is_not_there_are_refused(client: TestClient) -> None:
    assert client.post("/collections/nowhere/items", json=[item(1)]).status_code == 404


def test_body_of_items_must_be_a_list_of_a_known_kind(shop: TestClient) -> None:
    assert shop.post("/collections/shop/items", json={"id": "a"}).status_code == 422
    answer = shop.post(
        "/collections/shop/items", content=b"id,title", headers={"content-type": "text/csv"}
    )
    assert answer.status_code == 415


def test_item_with_slashes_in_its_id_is_shown_pictured_and_removed(client: TestClient) -> None:
    client.put("/collections/odd")
    odd = "a/b image?%2F/image"
    client.post("/collections/odd/items", json=[item(1, id=odd)])
    path = f"/collections/odd/items/{quote(odd, safe='')}"
    shown = client.get(path)
    assert shown.json() == {
        "id": odd,
        "image": None,
        "title": "shirt 1",
        "description": None,
        "attributes": {"colour": "blue", "price": 1},
    }
    image = client.get(f"{path}/image")
    assert image.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(image.content)).size == (40, 30)
    assert client.delete(path).status_code == 204
    for gone in (client.get(path), client.delete(path), client.get(f"{path}/image")):
        assert (gone.status_code, gone.json()["code"]) == (404, "item_missing")


def test_search_by_picture_finds_the_same_picture_first(shop: TestClient) -> None:
    answer = shop.post("/collections/shop/search", json={"image": uri(3), "limit": 3})
    assert ids(answer)[0] == "sku/3"
    body = answer.json()
    assert body["hits"][0]["score"] == pytest.approx(1, abs=1e-3)
    assert body["hits"][0]["item"]["attributes"] == {"colour": "blue", "price": 3}
    assert len(body["hits"]) == 3
    assert body["took_ms"] > 0
    assert float(answer.headers["server-timing"].split("search;dur=")[1].split(",")[0]) > 0


def test_search_by_text_item_words_and_all_of_them(shop: TestClient) -> None:
    search = "/collections/shop/search"
    assert len(ids(shop.post(search, json={"text": "a shirt"}))) == 8
    by_item = ids(shop.post(search, json={"item": "sku/2"}))
    assert len(by_item) == 7
    assert "sku/2" not in by_item
    found = shop.post(search, json={"text": "shirt 5", "target": "hybrid", "limit": 1})
    assert len(ids(found)) == 1
    query = [{"image": uri(4)}, {"text": "blue", "weight": 0.1}, {"item": "sku/1", "weight": -0.2}]
    assert ids(shop.post(search, json={"query": query, "diversity": 0.1}))[0] == "sku/4"


def test_search_filters_and_pages(shop: TestClient) -> None:
    search = "/collections/shop/search"
    red = {"filter": {"colour": "red", "price": {"lt": 6}}, "text": "x"}
    assert sorted(ids(shop.post(search, json=red))) == ["sku/0", "sku/2", "sku/4"]
    pages = [
        ids(shop.post(search, json={"text": "x", "limit": 3, "offset": offset}))
        for offset in (0, 3, 6)
    ]
    assert sorted(one for page in pages for one in page) == [f"sku/{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "query_invalid"),
        ({"text": "  "}, 422, "query_invalid"),
        ({"text": "x", "filter": {"nope": 1}}, 422, "filter_invalid"),
        ({"text": "x", "filter": {"price": {"about": 1}}}, 422, "filter_invalid"),
        ({"text": "x", "limit": 0}, 422, "request_invalid"),
        ({"text": "x", "limit": 1001}, 422, "too_many"),
        ({"text": "x", "offset": 10_000}, 422, "query_invalid"),
        ({"text": "x", "diversity": 2}, 422, "request_invalid"),
        ({"item": "sku/99"}, 404, "item_missing"),
        ({"image": "bm8gcGljdHVyZQ=="}, 422, "image_unreadable"),
        ({"query": [{"text": "a", "item": "b"}]}, 422, "query_invalid"),
        ({"query": [{"text": "a", "weight": 0}]}, 422, "query_invalid"),
        ({"query": [{"text": "a", "weight": -1}]}, 422, "query_invalid"),
    ],
)
def test_search_that_cannot_be_answered_says_why(shop: TestClient, body, status, code) -> None:
    answer = shop.post("/collections/shop/search", json=body)
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text


def test_recommend_never_gives_the_given_items(shop: TestClient) -> None:
    body = {"positive": ["sku/1", "sku/2"], "negative": ["sku/3"], "limit": 8}
    found = ids(shop.post("/collections/shop/recommend", json=body))
    assert sorted(found) == [f"sku/{n}" for n in (0, 4, 5, 6, 7)]
    missing = shop.post("/collections/shop/recommend", json={"positive": ["sku/77"]})
    assert missing.status_code == 404
    assert shop.post("/collections/shop/recommend", json={"positive": []}).status_code == 422


def test_search_takes_part_in_batching_and_cache(shop: TestClient) -> None:
    def hits() -> float:
        text = shop.get("/metrics").text
        line = next(
            (one for one in text.splitlines() if 'text_cache_total{result="hit"}' in one), "x 0"
        )
        return float(line.split()[-1])

    body = {"text": "a query that repeats"}
    shop.post("/collections/shop/search", json=body)
    before = hits()
    shop.post("/collections/shop/search", json=body)
    assert hits() == before + 1


def test_collection_of_another_model_is_a_conflict_with_what_to_do(shop: TestClient, app) -> None:
    from lookalike.catalog.store import CollectionSpec

    store = app.state.service.catalog.store
    store.create("foreign", CollectionSpec("0" * 16, "other", 512))
    for answer in (
        shop.post("/collections/foreign/search", json={"text": "x"}),
        shop.post("/collections/foreign/items", json=[item(1)]),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "fingerprint_mismatch")


def test_diversity_puts_what_is_unlike_before_a_copy(client: TestClient) -> None:
    client.put("/collections/copies")
    items = [item(1, id="original"), item(1, id="copy"), item(2), item(3)]
    client.post("/collections/copies/items", json=items)
    search = {"image": uri(1), "limit": 2}
    alike = ids(client.post("/collections/copies/search", json=search))
    assert sorted(alike) == ["copy", "original"]
    unlike = ids(client.post("/collections/copies/search", json={**search, "diversity": 1.0}))
    assert len({"copy", "original"} & set(unlike)) == 1


def test_failure_of_the_engine_is_told_without_its_insides(
    client: TestClient, app, monkeypatch
) -> None:
    def fail(name: str) -> None:
        raise EngineFailed("facts", "/a/secret/path")

    monkeypatch.setattr(app.state.service.catalog.store, "facts", fail)
    answer = client.get("/collections/any")
    assert (answer.status_code, answer.json()["code"]) == (500, "engine_failed")
    assert "secret" not in answer.text


def test_store_that_is_away_is_a_503_to_be_tried_again(
    client: TestClient, app, monkeypatch
) -> None:
    def away(name: str) -> None:
        raise StoreUnavailable("engine", "it ended")

    monkeypatch.setattr(app.state.service.catalog.store, "facts", away)
    answer = client.get("/collections/any")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
