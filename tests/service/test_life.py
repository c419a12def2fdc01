"""Coming up, being well, failing, and what is seen of it: health, metrics, logs, traces, keys."""

import json
import logging
import sys
import threading
import time
from io import StringIO

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lookalike.errors import ExtraMissing, ModelNotCached, SettingInvalid
from lookalike.service import logs
from lookalike.service.app import create_app
from lookalike.service.security import Keys, bind_address, right_for
from tests.service.conftest import (
    NAME,
    URL,
    loader,
    picture,
    settings_of,
    wait_until_loaded,
)

# Coming up


def test_while_the_model_loads_it_lives_and_is_not_ready(start, bundle) -> None:
    gate = threading.Event()

    def slow(settings):
        assert gate.wait(10)
        return loader(bundle)(settings)

    client = start(load=slow)
    assert client.get("/healthz").json() == {"status": "alive"}
    loading = client.get("/readyz")
    assert loading.status_code == 503
    assert loading.json()["status"] == "loading"
    assert set(loading.json()) == {"status", "model", "reason"}
    early = client.post("/embed/text", json={"text": "x"})
    assert (early.status_code, early.json()["code"]) == (503, "not_ready")
    assert client.get("/.well-known/ready").status_code == 503
    gate.set()
    wait_until_loaded(client.app.state.service)
    assert client.get("/readyz").json() == {"status": "ready", "model": NAME}


def test_it_is_ready_only_after_an_inference_of_each_tower(start) -> None:
    text = start().get("/metrics").text
    for tower in ("image", "text"):
        assert f'lookalike_inference_seconds_count{{tower="{tower}"}} 1.0' in text


def test_stop_finishes_what_was_accepted_and_then_closes_the_store(bundle, tmp_path) -> None:
    app = create_app(settings_of(tmp_path), loader(bundle))
    closed: list[bool] = []
    with TestClient(app, base_url=URL):
        service = app.state.service
        wait_until_loaded(service)
        tickets = [service.batcher.texts([str(n)]) for n in range(40)]
        close = service.catalog.store.close

        def closing() -> None:
            closed.append(all(ticket.future.done() for ticket in tickets))
            close()

        service.catalog.store.close = closing
    assert closed == [True]
    assert all(len(ticket.future.result().results) == 1 for ticket in tickets)
    assert service.status == "stopping"


def test_model_that_cannot_be_loaded_is_told_with_the_reason(start) -> None:
    def fail(settings):
        raise ModelNotCached("ViT-B-32", "offline mode forbids to download it")

    client = start(load=fail, model_name="ViT-B-32")
    wait_until_loaded(client.app.state.service)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failed"
    assert answer.json()["model"] == "ViT-B-32"
    assert "offline" in answer.json()["reason"]
    assert client.get("/healthz").status_code == 200


def test_catalogue_that_another_process_has_makes_it_unready_but_embedding_works(start) -> None:
    first = start(catalogue=True)
    data = first.app.state.service.settings.data
    second = start(catalogue=True, data=data)
    assert "in use" in second.get("/readyz").json()["reason"]
    assert second.get("/collections").status_code == 503
    assert second.post("/embed/text", json={"text": "x"}).status_code == 200


def test_without_catalogue_only_embeddings_are_served(start) -> None:
    client = start(catalogue=False)
    assert client.get("/readyz").status_code == 200
    assert client.get("/collections").status_code == 422
    assert not client.app.state.service.settings.data.exists()


def test_worker_that_has_died_is_seen_by_health_and_no_request_waits(start) -> None:
    client = start()
    engine = client.app.state.service.batcher.engine

    def die(ids):
        raise SystemExit("gone")

    engine.encode_tokens = die
    for text in ("a", "b"):
        answer = client.post("/embed/text", json={"text": text})
        assert (answer.status_code, answer.json()["code"]) == (503, "worker_failed")
    until = time.monotonic() + 5
    while client.get("/healthz").status_code == 200:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert "dead" in client.get("/healthz").json()["reason"]
    assert client.get("/readyz").json()["status"] == "failed"
    failures = 'worker_failures_total{hung="false",restarted="true",tower="text"} 1.0'
    assert failures in client.get("/metrics").text
    dead = client.get("/healthz")
    assert (dead.status_code, dead.json()["restarts"]) == (503, 1)


def test_worker_that_fails_is_replaced_by_one_with_the_model_loaded_again(start, encoder) -> None:
    """The compiled model itself is broken, not a stand-in of it: only loading it again makes it well."""
    client = start(text_cache=0)
    broken = client.app.state.service.encoder._towers["text"]

    def gone(batch):
        raise RuntimeError("the runtime's memory is corrupt")

    client.app.state.service.encoder._towers["text"] = gone
    for _ in range(3):
        assert client.post("/embed/text", json={"text": "shoe"}).status_code == 500
    until = time.monotonic() + 10
    while client.get("/healthz").json() != {"status": "alive", "restarts": 1}:
        assert time.monotonic() < until
        time.sleep(0.01)
    again = client.post("/embed/text", json={"text": "shoe"})
    np.testing.assert_allclose(
        again.json()["embedding"], encoder.encode_texts(["shoe"])[0], atol=1e-6
    )
    assert client.app.state.service.encoder._towers["text"] is not broken


def test_inference_that_hangs_is_a_503_that_says_so_and_the_next_one_is_answered(
    start, encoder
) -> None:
    client = start(stall_seconds=0.2)
    gate = threading.Event()
    towers = client.app.state.service.encoder._towers
    hangs = towers["image"]

    def stuck(batch):
        assert gate.wait(20)
        return hangs(batch)

    towers["image"] = stuck
    try:
        answer = client.post("/embed/image", files={"file": ("a.png", picture(3))})
        assert (answer.status_code, answer.json()["code"]) == (503, "worker_failed")
        assert "has not ended within" in answer.json()["detail"]
        assert answer.json()["restarting"] is True
        assert answer.headers["retry-after"] == "1"
        again = client.post("/embed/image", files={"file": ("a.png", picture(3))})
        expected = encoder.encode_images([picture(3)])[0]
        np.testing.assert_allclose(again.json()["embedding"], expected, atol=1e-6)
        assert client.get("/healthz").json() == {"status": "alive", "restarts": 1, "hung": 1}
        metric = 'worker_failures_total{hung="true",restarted="true",tower="image"} 1.0'
        assert metric in client.get("/metrics").text
    finally:
        gate.set()


# What it is


def test_info_tells_the_card_the_fingerprint_and_the_limits(client: TestClient, encoder) -> None:
    info = client.get("/info").json()
    assert info["fingerprint"] == encoder.fingerprint
    assert info["card"]["logit_scale"] == encoder.card.logit_scale
    assert (info["runtime"], info["device"], info["precision"]) == ("openvino", "cpu", "fp32")
    assert info["limits"]["max_pictures"] == 64
    assert "lookalike" in info["versions"]
    assert "key" not in json.dumps(info["limits"])


def test_metrics_have_what_operators_ask_for(client: TestClient, encoder) -> None:
    client.post("/embed/text", json={"texts": ["metrics", "metrics"]})
    client.post("/embed/image", files={"file": ("a.png", picture(1))})
    client.get("/nowhere/at/all")
    text = client.get("/metrics").text
    for line in (
        'lookalike_requests_total{method="POST",route="/embed/text",status="200"}',
        'lookalike_requests_total{method="GET",route="unmatched",status="404"}',
        'lookalike_request_seconds_bucket{le="0.005",route="/embed/image"}',
        'lookalike_queue_seconds_count{tower="image"}',
        'lookalike_decode_seconds_count{tower="image"}',
        'lookalike_inference_seconds_count{tower="text"}',
        'lookalike_batch_size_bucket{le="1.0",tower="text"}',
        "lookalike_search_seconds_count",
        'lookalike_queue_items{tower="text"} 0.0',
        'lookalike_text_cache_total{result="miss"}',
        f'fingerprint="{encoder.fingerprint}"',
        "lookalike_resident_bytes",
        "lookalike_ready 1.0",
    ):
        assert line in text, line
    assert "/nowhere" not in text  # whatever strangers ask for must not become a label


# Logs


@pytest.fixture
def written(start):
    """A client, and a function that gives the lines that were logged since."""
    stream = StringIO()
    before = logging.getLogger().handlers[:]
    client = start(api_keys="read:a-very-secret-key", log_format="json")
    logs.configure(settings_of(client.app.state.service.settings.data, log_format="json"), stream)
    yield client, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.basicConfig(handlers=before, force=True, level=logging.WARNING)


def test_log_has_one_line_a_request_and_nothing_of_its_content(written) -> None:
    client, lines = written
    auth = {"authorization": "Bearer a-very-secret-key", "x-request-id": "r-1"}
    client.post("/embed/text?private=1", json={"text": "very private words"}, headers=auth)
    client.post("/embed/text", json={"text": "private", "private": 1}, headers=auth)
    client.get("/v1/models/private-name", headers=auth)
    client.get("/healthz")
    client.post("/embed/text", json={}, headers={"authorization": "Bearer wrong-private-key"})
    access = [line for line in lines() if line["logger"] == "lookalike.access"]
    assert [line["status"] for line in access] == [200, 422, 404, 401]
    first = access[0]
    assert (first["route"], first["method"], first["request_id"]) == ("/embed/text", "POST", "r-1")
    assert first["ms"] > 0
    for secret in ("private", "secret"):
        assert secret not in json.dumps(access)


def test_log_for_people_is_a_line_too(tmp_path) -> None:
    stream = StringIO()
    before = logging.getLogger().handlers[:]
    try:
        logs.configure(settings_of(tmp_path, log_format="human"), stream)
        logs.access.info("%s %s %d", "GET", "/x", 200, extra={"facts": {"ms": 1.5}})
    finally:
        logging.basicConfig(handlers=before, force=True, level=logging.WARNING)
    assert stream.getvalue().strip().endswith("GET /x 200 ms=1.5")


# Traces


def test_traces_are_spans_with_route_status_and_stages(start, monkeypatch) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from lookalike.service.tracing import OpenTelemetryTracer

    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = OpenTelemetryTracer(provider)
    monkeypatch.setattr("lookalike.service.state.make_tracer", lambda wanted: tracer)
    client = start()
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    client.post("/embed/text", json={"text": "private"}, headers={"traceparent": parent})
    (span,) = memory.get_finished_spans()
    assert span.name == "POST /embed/text"
    assert format(span.context.trace_id, "032x") == "a" * 32
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["lookalike.inference_ms"] > 0
    assert "private" not in span.to_json()


def test_traces_without_the_extra_say_how_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ExtraMissing, match="otel"):
        create_app(settings_of(tmp_path, traces=True))


# Keys


READ = {"authorization": "Bearer reading-key-1"}
WRITE = {"x-api-key": "writing-key-1"}


@pytest.fixture
def guarded(start, tmp_path) -> TestClient:
    file = tmp_path / "keys"
    file.write_text("# ours\nwrite:writing-key-1  # the shop's\n\nanother-key-1\n")
    return start(catalogue=True, api_keys="read:reading-key-1", api_keys_file=file)


def test_without_a_valid_key_nothing_but_health_and_metrics_is_answered(guarded) -> None:
    for headers in ({}, {"authorization": "Bearer nope"}, {"authorization": "Basic reading-key-1"},
                    {"x-api-key": ""}, {"x-api-key": "reading-key-"}):  # fmt: skip
        answer = guarded.post("/embed/text", json={"text": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert guarded.get(path).status_code == 200
    assert guarded.get("/info").status_code == 401
    assert guarded.get("/openapi.json").status_code == 401


def test_reading_key_reads_and_writing_key_does_both(guarded) -> None:
    assert guarded.put("/collections/a", headers=READ).status_code == 403
    assert guarded.put("/collections/a", headers=WRITE).status_code == 201
    item = [{"id": "1", "title": "shoe", "attributes": {}}]
    assert guarded.post("/collections/a/items", json=item, headers=READ).status_code == 403
    assert guarded.post("/collections/a/items", json=item, headers=WRITE).status_code == 200
    for headers in (READ, WRITE):
        search = {"text": "x", "target": "text"}
        assert (
            guarded.post("/collections/a/search", json=search, headers=headers).status_code == 200
        )
        assert guarded.post("/embed/text", json={"text": "x"}, headers=headers).status_code == 200
        assert guarded.get("/collections/a/items/1", headers=headers).status_code == 200
    for path in ("/collections/a/items/1", "/collections/a"):
        assert guarded.delete(path, headers=READ).status_code == 403
        assert guarded.delete(path, headers=WRITE).status_code == 204


def test_health_and_metrics_can_be_closed(start) -> None:
    client = start(api_keys="reading-key-1", open_health=False, open_metrics=False)
    for path in ("/healthz", "/readyz", "/metrics", "/.well-known/live"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=READ).status_code in (200, 204)


def test_keys_are_kept_as_hashes_and_not_shown(tmp_path) -> None:
    settings = settings_of(tmp_path, api_keys="some-secret-key")
    assert "some-secret" not in repr(settings) + repr(Keys.of(settings))
    assert Keys.of(settings).right_of("some-secret-key") == "write"
    assert Keys.of(settings).right_of("some-secret-kex") is None


def test_key_that_is_too_short_or_a_file_that_is_not_there_stops_the_start(tmp_path) -> None:
    for given in ({"api_keys": "short"}, {"api_keys_file": tmp_path / "missing"}):
        with pytest.raises(SettingInvalid):
            Keys.of(settings_of(tmp_path, **given))


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/collections/a/items/b", "read"),
        ("POST", "/embed/image", "read"),
        ("POST", "/collections/a/search", "read"),
        ("POST", "/collections/a/recommend", "read"),
        ("POST", "/collections/a/items", "write"),
        ("POST", "/collections/search/items", "write"),
        ("PUT", "/collections/a", "write"),
        ("DELETE", "/collections/a/items/search", "write"),
        ("PATCH", "/collections/a/search", "write"),
        ("PUT", "/whatever", "write"),
    ],
)
def test_what_each_request_needs(method: str, path: str, right: str) -> None:
    assert right_for(method, path) == right


def test_it_listens_on_loopback_only_unless_there_are_keys_or_it_is_told_otherwise(
    tmp_path,
) -> None:
    assert bind_address(settings_of(tmp_path)) == "127.0.0.1"
    assert bind_address(settings_of(tmp_path, api_keys="a-long-enough-key")) == "0.0.0.0"
    assert bind_address(settings_of(tmp_path, host="192.0.2.1")) == "192.0.2.1"


def test_on_loopback_without_keys_other_host_names_are_refused(start) -> None:
    client = start()
    rebound = client.get("/info", headers={"host": "evil.example:8000"})
    assert (rebound.status_code, rebound.json()["code"]) == (421, "host_refused")
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert client.get("/info", headers={"host": host}).status_code == 200
    named = start(allowed_hosts="shop.example")
    assert named.get("/info", headers={"host": "shop.example"}).status_code == 200
    assert named.get("/info", headers={"host": "localhost"}).status_code == 421


def test_other_origins_are_not_let_in_unless_set(start, client: TestClient) -> None:
    ask = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    closed = client.options("/embed/text", headers=ask)
    assert "access-control-allow-origin" not in closed.headers
    opened = start(cors_origins="https://shop.example")
    allowed = opened.options("/embed/text", headers=ask)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    other = opened.options("/embed/text", headers={**ask, "origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
