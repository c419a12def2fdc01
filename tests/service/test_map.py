"""The map of a collection over HTTP, searching within a choice of items, and the last errors."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lookalike.catalog.maps.layout import Layout, lay_out
from lookalike.catalog.maps.maps import Maps
from lookalike.service.last_errors import LastErrors
from lookalike.service.routes import mapping
from tests.service.conftest import Start, picture

PATH = "/collections/shirts/map"
COUNT = 24


@pytest.fixture(scope="module", autouse=True)
def shirts(client: TestClient) -> None:
    rows = [
        {
            "id": f"sku/{number}",
            "image": base64.b64encode(picture(number)).decode(),
            "title": f"shirt {number}",
            "attributes": {"colour": ("red", "blue")[number % 2]},
        }
        for number in range(COUNT)
    ]
    rows.append({"id": "words", "title": "only words"})
    assert client.put("/collections/shirts").status_code == 201
    answer = client.post("/collections/shirts/items", json=rows)
    assert answer.json()["failed"] == 0, answer.text


def drawn(client: TestClient, **params: object) -> dict:
    for _ in range(30):
        answer = client.get(PATH, params=params)
        if answer.status_code != 202:
            break
        time.sleep(float(answer.headers["retry-after"]))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_map_has_every_item_and_says_what_was_done(client: TestClient) -> None:
    found = drawn(client, method="pca")
    assert (found["items"], found["sample"], found["without_vector"]) == (COUNT + 1, COUNT + 1, 1)
    assert (found["method"], found["clustering"]) == ("pca", "kmeans")
    assert {point["id"] for point in found["points"]} == {f"sku/{at}" for at in range(COUNT)}
    assert all(-1 <= point["x"] <= 1 and -1 <= point["y"] <= 1 for point in found["points"])
    assert sum(cluster["size"] for cluster in found["clusters"]) == COUNT
    assert {point["cluster"] for point in found["points"]} == {
        cluster["cluster"] for cluster in found["clusters"]
    }


def test_map_by_t_sne_where_it_is_installed(client: TestClient) -> None:
    pytest.importorskip("sklearn")
    found = drawn(client)
    assert (found["method"], found["clustering"]) == ("tsne", "hdbscan")
    assert len(found["points"]) == COUNT


def test_map_is_of_a_sample_target_and_filter(client: TestClient) -> None:
    part = drawn(client, limit=10, method="pca")
    assert part["sample"] == 10
    assert part["items"] == COUNT + 1
    red = drawn(client, filter=json.dumps({"colour": "red"}), method="pca")
    assert len(red["points"]) == red["items"] == COUNT // 2
    assert red["clusters"][0]["attribute"] in ("colour", None)
    text = drawn(client, target="text", method="pca")
    assert "words" in {point["id"] for point in text["points"]}


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"limit": 5001}, 422, "too_many"),
        ({"filter": "{"}, 422, "filter_invalid"),
        ({"filter": '{"colour": {"near": 1}}'}, 422, "filter_invalid"),
        ({"limit": 0}, 422, None),
        ({"target": "bm25"}, 422, None),
    ],
)
def test_what_can_t_be_drawn_is_a_problem(
    client: TestClient, params: dict, status: int, code: str | None
) -> None:
    answer = client.get(PATH, params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert code in (None, answer.json()["code"])
    assert client.get("/collections/none/map").status_code == 404


class SlowDraw:
    """Draws when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0

    def __call__(self, vectors: np.ndarray, wanted: str) -> Layout:
        self.calls += 1
        self.go.wait(20)
        return lay_out(vectors, "pca")


@pytest.fixture
def slow(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> SlowDraw:
    draw = SlowDraw()
    monkeypatch.setattr(app.state.service, "maps", Maps(draw))
    monkeypatch.setattr(mapping, "WAIT", 0.2)
    return draw


def test_who_waits_is_told_to_come_again_and_others_are_served(
    client: TestClient, slow: SlowDraw
) -> None:
    with ThreadPoolExecutor(3) as pool:
        coming = [pool.submit(client.get, PATH) for _ in range(2)]
        began = time.monotonic()
        searched = client.post("/collections/shirts/search", json={"item": "sku/1", "limit": 3})
        assert len(searched.json()["hits"]) == 3
        assert client.get("/healthz").status_code == 200
        assert time.monotonic() - began < 5
        answers = [one.result() for one in coming]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == {"status": "drawing", "points": COUNT}
    assert answers[0].headers["retry-after"] == "1"
    slow.go.set()
    assert len(drawn(client)["points"]) == COUNT
    assert slow.calls == 1


def test_too_many_maps_at_once_are_429(client: TestClient, slow: SlowDraw) -> None:
    statuses = [client.get(PATH, params={"limit": 3 + at}).status_code for at in range(8)]
    assert statuses[:5] == [202] * 5
    assert statuses[-1] == 429
    slow.go.set()


def test_a_write_to_what_is_drawn_makes_another_map(client: TestClient) -> None:
    before = drawn(client, method="pca")
    same = drawn(client, method="pca")
    assert before["points"] == same["points"]
    new = {"id": "late", "image": base64.b64encode(picture(99)).decode()}
    client.post("/collections/shirts/items", json=[new])
    after = drawn(client, method="pca")
    assert len(after["points"]) == COUNT + 1
    client.delete("/collections/shirts/items/late")
    assert drawn(client, method="pca")["points"] == before["points"]


# Within


def test_search_and_recommend_within_a_choice_of_items(client: TestClient) -> None:
    within = [f"sku/{number}" for number in (3, 4, 5, 6)]
    body = {"text": "a shirt", "limit": 20, "within": within, "filter": {"colour": "red"}}
    hits = client.post("/collections/shirts/search", json=body).json()["hits"]
    assert {hit["id"] for hit in hits} == {"sku/4", "sku/6"}
    liked = {"positive": ["sku/3"], "limit": 20, "within": within}
    hits = client.post("/collections/shirts/recommend", json=liked).json()["hits"]
    assert {hit["id"] for hit in hits} == {"sku/4", "sku/5", "sku/6"}
    nothing = client.post("/collections/shirts/search", json={**body, "within": []})
    assert nothing.status_code == 422


# Last errors


def test_last_errors_say_what_went_wrong_and_nothing_of_what_was_asked(client: TestClient) -> None:
    client.post(
        "/embed/text", json={"text": "secret " * 20_000}, headers={"x-request-id": "mine-1"}
    )
    client.get("/collections/secret")
    errors = client.get("/errors").json()["errors"]
    missing, long = errors[:2]
    assert missing["code"] == "collection_missing"
    assert missing["route"] == "/collections/{name}"
    assert {**long, "time": ""} == {
        "time": "",
        "route": "/embed/text",
        "method": "POST",
        "status": 422,
        "code": "text_too_long",
        "request_id": "mine-1",
    }
    assert "secret" not in json.dumps(errors)


def test_errors_need_a_key_where_metrics_do(start: Start) -> None:
    open_, closed = start(api_keys="12345678"), start(api_keys="12345678", open_metrics=False)
    assert open_.get("/errors").status_code == 200
    assert closed.get("/errors").status_code == closed.get("/metrics").status_code == 401
    errors = closed.get("/errors", headers={"x-api-key": "12345678"}).json()["errors"]
    assert [error["code"] for error in errors] == ["unauthorized", "unauthorized"]


def test_a_flood_of_clients_errors_doesn_t_wash_away_the_service_s() -> None:
    errors = LastErrors(kept=3)
    errors.add("/embed/text", "POST", 500, "internal", "the one")
    for at in range(50):
        errors.add("/embed/text", "POST", 401, "unauthorized", str(at))
    assert [error.request_id for error in errors.newest_first()] == ["49", "48", "47", "the one"]
