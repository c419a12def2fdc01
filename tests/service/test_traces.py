"""Traces as a collector receives them: real OTLP over HTTP, decoded."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason="the exporter is not installed (make full)"
)

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.service.conftest import wait_until_loaded


@pytest.fixture
def collector(monkeypatch) -> Iterator[list[tuple[str, ExportTraceServiceRequest]]]:
    """What arrived: path and message."""
    received: list[tuple[str, ExportTraceServiceRequest]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-search")
        yield received
        server.shutdown()


def test_spans_arrive_at_a_collector_with_route_status_and_stages(start, collector) -> None:
    client = start(traces=True)
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    client.post("/embed/text", json={"text": "private"}, headers={"traceparent": parent})
    client.post("/embed/text", json={"text": 1})
    client.app.state.service.tracer.close()  # sends what is left
    (path, request), *_ = collector
    assert path == "/v1/traces"
    spans = [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]
    resource = {a.key: a.value.string_value for a in request.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "shop-search"
    assert [span.name for span in spans] == ["POST /embed/text"] * 2
    first, second = ({a.key: a.value for a in span.attributes} for span in spans)
    assert spans[0].trace_id.hex() == "a" * 32
    assert spans[0].parent_span_id.hex() == "b" * 16
    assert spans[0].kind == 2  # server
    assert first["http.route"].string_value == "/embed/text"
    assert first["http.response.status_code"].int_value == 200
    assert first["lookalike.inference_ms"].double_value > 0
    assert second["http.response.status_code"].int_value == 422
    assert b"private" not in request.SerializeToString()


def test_nothing_is_sent_unless_it_is_asked_for(start, collector) -> None:
    client = start()
    wait_until_loaded(client.app.state.service)
    client.post("/embed/text", json={"text": "x"})
    client.app.state.service.tracer.close()
    assert collector == []
