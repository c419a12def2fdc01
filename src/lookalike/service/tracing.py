"""OpenTelemetry, where the extra is installed and the setting asks for it; else nothing, at no cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from starlette.types import Scope

from lookalike.errors import ExtraMissing
from lookalike.service.calls import Call


class Tracer(Protocol):
    """Makes a span of a request."""

    def span(self, scope: Scope, call: Call) -> Any:
        """A context manager; what it gives is for `finish`."""
        ...

    def finish(self, span: Any, route: str, status: int, call: Call) -> None:
        """The request was answered."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracer:
    """When nobody wants traces."""

    @contextmanager
    def span(self, scope: Scope, call: Call) -> Iterator[None]:  # noqa: ARG002
        """Nothing."""
        yield

    def finish(self, span: Any, route: str, status: int, call: Call) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class OpenTelemetryTracer:
    """One server span a request, the child of the caller's, with the stages' times as attributes."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("lookalike")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, scope: Scope, call: Call) -> Iterator[Any]:
        """The span, current while the request is served."""
        from opentelemetry.trace import SpanKind

        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        parent = self._propagator.extract(carrier)
        with self._tracer.start_as_current_span(
            scope["method"], context=parent, kind=SpanKind.SERVER
        ) as span:
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("lookalike.request_id", call.id)
            yield span

    def finish(self, span: Any, route: str, status: int, call: Call) -> None:
        """Name it, and say how it went."""
        from opentelemetry.trace import Status, StatusCode

        span.update_name(f"{span.attributes['http.request.method']} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        for stage, ms in call.timing.items():
            span.set_attribute(f"lookalike.{stage}_ms", ms)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def make_tracer(wanted: bool) -> Tracer:
    """What the setting asks for. Raises ExtraMissing."""
    if not wanted:
        return NoTracer()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found, unused-ignore]
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ExtraMissing("LOOKALIKE_TRACES", "otel") from None
    # the resource of the environment (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) goes before the default
    resource = Resource({SERVICE_NAME: "lookalike"}).merge(Resource.create())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OpenTelemetryTracer(provider)
