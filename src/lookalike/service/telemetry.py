"""The outermost layer: the request's id and times, its metrics, its line in the log, its trace, and the answer
to what nobody foresaw."""

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.service import calls, logs
from lookalike.service.last_errors import LastErrors
from lookalike.service.metrics import Metrics
from lookalike.service.problems import Problem, respond
from lookalike.service.tracing import Tracer
from lookalike.settings import Settings

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/errors", "/health"})


class Telemetry:
    """ASGI: begins and ends a `Call`."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        errors: LastErrors,
        tracer: Tracer,
    ) -> None:
        self.app, self._settings = app, settings
        self._metrics, self._errors, self._tracer = metrics, errors, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; whatever happens, answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = scope["method"]
        if asked == "HEAD":  # whatever can be got has a head; probes ask for it
            scope = {**scope, "method": "GET"}
        _keep_encoded_slashes(scope)
        began = time.monotonic()
        given = Headers(scope=scope).get("x-request-id", "")
        call = calls.Call(
            given if _ID.fullmatch(given) else uuid.uuid4().hex,
            began,
            began + self._settings.request_seconds,
        )
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = call.id
                headers["server-timing"] = _server_timing(call)
                headers.setdefault("x-content-type-options", "nosniff")
            elif asked == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        token = calls.begin(call)
        try:
            with self._tracer.span(scope, call) as span:
                try:
                    await self.app(scope, receive, sent)
                except Exception:
                    log.exception("unforeseen", extra={"facts": {"request_id": call.id}})
                    if not status:
                        problem = Problem(500, "internal", "the service failed; its log says why")
                        await respond(problem, scope["path"])(scope, receive, sent)
                self._tracer.finish(span, route_of(scope), status, call)
        finally:
            calls.end(token)
            self._record(scope, asked, call, status, time.monotonic() - began)

    def _record(
        self, scope: Scope, method: str, call: calls.Call, status: int, seconds: float
    ) -> None:
        route = route_of(scope)
        status = status or 499  # nothing was sent: the client went before
        method = method if method in _METHODS else "OTHER"
        self._metrics.request(route, method, status, seconds)
        if status >= 400 and route not in _WAITED_FOR:
            self._errors.add(route, method, status, call.code, call.id)
        level = logging.DEBUG if route in _QUIET and status < 400 else logging.INFO
        if not logs.access.isEnabledFor(level):
            return
        facts: dict[str, Any] = {"request_id": call.id, "ms": round(seconds * 1e3, 2)}
        facts |= {f"{name}_ms": round(ms, 2) for name, ms in call.timing.items() if ms}
        facts |= {"route": route, "method": method, "status": status}
        logs.access.log(level, "%s %s %d", method, route, status, extra={"facts": facts})


_WAITED_FOR = frozenset({"/readyz"})
"""Whose 503 is asked for again and again while the model loads: no error of anybody."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def route_of(scope: Scope) -> str:
    """The route's pattern, never the path: that has names in it, and there is no end of them."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


def _server_timing(call: calls.Call) -> str:
    total = (time.monotonic() - call.began) * 1e3
    stages = ", ".join(f"{name};dur={ms:.2f}" for name, ms in call.timing.items())
    return f"{stages}, total;dur={total:.2f}"


def _keep_encoded_slashes(scope: Scope) -> None:
    """Items' ids may have slashes. Decoded before routing, they could not be told from the path's own; so
    these paths are routed as they were sent, and the routes decode their parameters.
    """
    raw = scope.get("raw_path") or b""
    if b"%" in raw and scope["path"].startswith("/collections/"):
        scope["path"] = raw.split(b"?")[0].decode("latin-1")
