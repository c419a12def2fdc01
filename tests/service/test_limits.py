"""Every limit has its status and its problem document, and none is a 500."""

import asyncio
import base64
import threading
import time
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.fetch import Fetcher, FetchLimits
from lookalike.errors import FetchRefused
from lookalike.service.limits import Limits, Load
from lookalike.service.state import INGEST_THREADS
from tests.service.conftest import picture, settings_of


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def refused(answer, status: int, code: str) -> dict:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    return answer.json()


def pieces(total: int):
    sent = 0
    while sent < total:
        yield b"x" * 1000
        sent += 1000


def test_body_that_says_it_is_too_long_is_refused_before_it_is_read(start) -> None:
    client = start(max_body_bytes=5000)
    problem = refused(client.post("/embed/text", json={"text": "x" * 6000}), 413, "body_too_large")
    assert problem["limit"] == 5000


def test_body_that_turns_out_too_long_is_refused_while_it_arrives(start) -> None:
    client = start(max_body_bytes=5000)
    headers = {"content-type": "application/json"}  # and no length: it is sent in chunks
    refused(
        client.post("/embed/text", content=pieces(9000), headers=headers), 413, "body_too_large"
    )
    form = {"content-type": "multipart/form-data; boundary=x"}
    refused(client.post("/embed/image", content=pieces(9000), headers=form), 413, "body_too_large")


def test_stream_of_items_has_a_limit_of_its_own(start) -> None:
    client = start(catalogue=True, max_body_bytes=2000, max_stream_bytes=50_000)
    client.put("/collections/a")
    lines = b'{"id": "1", "title": "one"}\n' * 200
    headers = {"content-type": "application/x-ndjson"}
    ok = client.post("/collections/a/items", content=lines, headers=headers)
    assert ok.status_code == 200, ok.text
    too_long = client.post("/collections/a/items", content=lines * 10, headers=headers)
    refused(too_long, 413, "body_too_large")
    many = start(catalogue=True, max_items=3)
    many.put("/collections/a")
    answer = many.post("/collections/a/items", content=lines[: 28 * 5], headers=headers).json()
    assert "beyond the limit" in answer["items"][4]["error"]["detail"]
    listed = many.post(
        "/collections/a/items", json=[{"id": str(n), "title": "t"} for n in range(4)]
    )
    refused(listed, 422, "too_many")


def test_all_runs_of_ingest_hold_as_much_of_their_streams_as_all_bodies_may(
    start, monkeypatch
) -> None:
    held: list[int] = []
    index = Catalog.index

    def seen(self, *arguments, options, **more):
        held.append(options.held_bytes)
        return index(self, *arguments, options=options, **more)

    monkeypatch.setattr(Catalog, "index", seen)
    client = start(catalogue=True, max_pending_bytes=4000)
    client.put("/collections/shop").raise_for_status()
    lines = b'{"id": "1", "title": "a"}\n'
    headers = {"content-type": "application/x-ndjson"}
    client.post("/collections/shop/items", content=lines, headers=headers).raise_for_status()
    assert held == [4000 // INGEST_THREADS]


def run_limits(settings, load: Load, receive, path: str = "/embed/text") -> tuple[int, bool]:
    """Status, and whether the application was called."""
    sent: list[dict] = []
    called = []

    async def app(scope, receive, send) -> None:
        called.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")],
    }
    asyncio.run(Limits(app, settings, load)(scope, receive, send))
    return sent[0]["status"] if sent else 0, bool(called)


def test_body_that_does_not_come_is_408(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("lookalike.service.limits.DRAIN_SECONDS", 0.05)

    async def never() -> dict:
        await asyncio.sleep(60)
        raise AssertionError

    load = Load()
    assert run_limits(settings_of(tmp_path, body_seconds=0.05), load, never) == (408, False)
    assert (load.requests, load.body_bytes) == (0, 0)


def test_all_bodies_together_have_a_limit(tmp_path) -> None:
    async def chunks() -> dict:
        return {"type": "http.request", "body": b"x" * 100, "more_body": False}

    settings = settings_of(tmp_path, max_pending_bytes=1000)
    assert run_limits(settings, Load(), chunks)[0] == 200
    busy = Load(requests=3, body_bytes=950)
    assert run_limits(settings, busy, chunks) == (429, False)
    assert (busy.requests, busy.body_bytes) == (3, 950)


def test_bodies_that_arrive_together_do_not_push_each_other_out(tmp_path) -> None:
    settings = settings_of(tmp_path, max_pending_bytes=1000)
    load = Load()

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def upload() -> int:
        chunks = [b"x" * 100] * 4
        sent: list[int] = []

        async def receive() -> dict:
            await asyncio.sleep(0.001)
            return {"type": "http.request", "body": chunks.pop(), "more_body": bool(chunks)}

        async def send(message) -> None:
            sent.append(message.get("status", 0))

        scope = {"type": "http", "method": "POST", "path": "/embed/text",
                 "headers": [(b"content-length", b"400")]}  # fmt: skip
        await Limits(app, settings, load)(scope, receive, send)
        return sent[0]

    async def together() -> list[int]:
        return await asyncio.gather(*(upload() for _ in range(6)))

    assert sorted(asyncio.run(together())) == [200, 200, 429, 429, 429, 429]
    assert load == Load(served=6)


def test_client_that_goes_while_it_sends_is_not_answered(tmp_path) -> None:
    async def gone() -> dict:
        return {"type": "http.disconnect"}

    assert run_limits(settings_of(tmp_path), Load(), gone) == (0, False)


def test_too_many_requests_are_429_but_health_is_always_answered(start) -> None:
    client = start(max_requests=0)
    answer = client.post("/embed/text", json={"text": "x"})
    refused(answer, 429, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert client.get("/healthz").status_code == 200


def test_numbers_and_lengths(start) -> None:
    client = start(max_texts=3, max_pictures=2, max_characters=10)
    refused(client.post("/embed/text", json={"texts": list("abcd")}), 422, "too_many")
    long = refused(
        client.post("/embed/text", json={"texts": ["a", "b" * 11]}), 422, "text_too_long"
    )
    assert (long["index"], long["limit"]) == (1, 10)
    three = [b64(picture(n)) for n in range(3)]
    refused(client.post("/embed/image", json={"images": three}), 422, "too_many")
    files = [("file", ("a.png", picture(n))) for n in range(3)]
    refused(client.post("/embed/image", files=files), 422, "too_many")
    classify = {"image": three[0], "labels": list("abcd")}
    refused(client.post("/classify", json=classify), 422, "too_many")


def test_pixels_and_bytes_of_a_picture(start) -> None:
    client = start(max_image_pixels=1000, max_image_bytes=10_000)
    large = refused(
        client.post("/embed/image", json={"image": b64(picture(0))}), 422, "image_too_large"
    )
    assert (large["pixels"], large["limit"]) == (1200, 1000)
    heavy = picture(0, (200, 200))
    for answer in (
        client.post("/embed/image", json={"image": b64(heavy)}),
        client.post("/embed/image", json={"image": f"data:image/png;base64,{b64(heavy)}"}),
        client.post("/embed/image", files={"file": ("a.png", heavy)}),
    ):
        refused(answer, 422, "image_too_many_bytes")


@contextmanager
def stuck(app):
    """The model doesn't answer meanwhile."""
    batcher = app.state.service.batcher
    engine, gate = batcher.engine, threading.Event()
    original = engine.encode_tokens

    def wait(ids):
        assert gate.wait(10)
        return original(ids)

    engine.encode_tokens = wait
    try:
        yield batcher
    finally:
        gate.set()
        del engine.encode_tokens


def test_request_that_is_not_answered_in_time_is_503_and_dropped(start) -> None:
    client = start(request_seconds=0.2)
    with stuck(client.app):
        began = time.monotonic()
        problem = refused(client.post("/embed/text", json={"text": "a"}), 503, "deadline_passed")
        assert time.monotonic() - began < 5
        assert problem["seconds"] == 0.2
        refused(client.post("/embed/text", json={"text": "b"}), 503, "deadline_passed")
    until = time.monotonic() + 5
    while 'dropped_total{reason="' not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_full_queue_is_429_with_a_time_to_come_back(start) -> None:
    client = start(queue_items=2, text_cache=0)
    with stuck(client.app) as batcher:
        held = [batcher.texts([str(n)]) for n in range(2)]
        answer = client.post("/embed/text", json={"text": "x"})
        refused(answer, 429, "overloaded")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        openai = client.post("/v1/embeddings", json={"input": "x"})
        assert openai.status_code == 429
        assert openai.json()["error"]["type"] == "rate_limit_error"
    for ticket in held:
        ticket.future.result(5)
    assert client.post("/embed/text", json={"text": "x"}).status_code == 200
    assert 'lookalike_rejected_total{tower="text"} 2.0' in client.get("/metrics").text


def test_client_that_has_gone_is_dropped_before_inference(start) -> None:
    client = start()
    app = client.app
    body = b'{"text": "nobody waits"}'

    async def call() -> list[dict]:
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict] = []

        async def receive() -> dict:
            if messages:
                return messages.pop()
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        async def send(message) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json"), (b"host", b"localhost"),
                   (b"content-length", str(len(body)).encode())]  # fmt: skip
        scope = {"type": "http", "method": "POST", "path": "/embed/text", "headers": headers,
                 "raw_path": b"/embed/text", "query_string": b"", "http_version": "1.1"}  # fmt: skip
        await app(scope, receive, send)
        return sent

    with stuck(app) as batcher:
        batcher.texts(["it is busy with this"])
        until = time.monotonic() + 5
        while not batcher._lanes["text"]._worker.batch:
            assert time.monotonic() < until
            time.sleep(0.005)
        assert asyncio.run(call())[0]["status"] == 499
    until = time.monotonic() + 5
    while 'dropped_total{reason="gone",tower="text"} 1.0' not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_urls_are_not_fetched_unless_that_is_set(start) -> None:
    client = start(catalogue=True)
    url = "http://example.com/a.png"
    refused(client.post("/embed/image", json={"image": url}), 422, "fetch_refused")
    client.put("/collections/a")
    items = [{"id": "1", "image": url, "attributes": {}}]
    outcome = client.post("/collections/a/items", json=items).json()["items"][0]
    assert outcome["error"]["code"] == "picture_unavailable"


def test_urls_go_through_the_safe_fetcher_when_set(start) -> None:
    client = start(fetch_urls=True)
    connected: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "inside.example" else ["93.184.216.34"]

    def connect(address: str, *_: object):
        connected.append(address)
        raise OSError("nobody is there")

    client.app.state.service.fetcher = Fetcher(FetchLimits(), resolve=resolve, connect=connect)
    for url in ("http://inside.example/a.png", "http://2130706433/", "http://[::ffff:10.0.0.1]/x",
                "http://0177.0.0.1/", "ftp://example.com/a", "http://example.com:22/"):  # fmt: skip
        answer = client.post("/embed/image", json={"images": [url, b64(picture(1))]})
        assert answer.status_code == 200, answer.text
        assert [error["index"] for error in answer.json()["errors"]] == [0], url
    assert set(connected) <= {"93.184.216.34"}

    class Served:
        def fetch(self, url: str) -> bytes:
            if "bad" in url:
                raise FetchRefused(url, "no")
            return picture(4)

    client.app.state.service.fetcher = Served()
    body = client.post("/embed/image", json={"images": ["https://x/good", "https://x/bad"]}).json()
    same = client.post("/embed/image", json={"image": b64(picture(4))}).json()
    assert body["embeddings"] == [pytest.approx(same["embedding"], abs=1e-5), None]


def test_unknown_route_and_method_are_problem_documents(client: TestClient) -> None:
    refused(client.get("/nowhere"), 404, "not_found")
    refused(client.get("/embed/text"), 405, "method_not_allowed")
    assert client.get("/v1/nowhere").json()["error"]["type"] == "not_found_error"
    assert client.post("/collections/a/items/", json=[]).status_code == 404  # no redirect


def test_failure_of_ours_is_a_500_that_tells_nothing(start, monkeypatch) -> None:
    client = start()

    def fail(*_: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(client.app.state.service, "names", fail)
    answer = client.get("/info")
    refused(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"]
