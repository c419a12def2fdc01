"""Every error's status and document. The handlers are registered once, here, and nowhere else caught.

Native routes answer with problem documents (RFC 9457); the drop-in routes with what their clients expect, by
the renderers that `compat` registers for their paths. What went wrong inside is logged, not told.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lookalike import errors as e
from lookalike.service import calls
from lookalike.service.responses import ProblemJson

log = logging.getLogger(__name__)

STATUS: Mapping[type[e.LookalikeError], int] = {
    e.LookalikeError: 500,
    e.ImageError: 422,
    e.ImageTooLarge: 422,
    e.ModelError: 500,
    e.TowerNotLoaded: 422,
    e.CatalogueError: 422,
    e.CollectionMissing: 404,
    e.CollectionExists: 409,
    e.FingerprintMismatch: 409,
    e.ItemMissing: 404,
    e.SettingInvalid: 422,
    e.StoreError: 503,
    e.StoreFull: 507,
    e.StoreDamaged: 500,
    e.EngineFailed: 500,
    e.FetchError: 422,
    e.ExtraMissing: 501,
    e.ServiceError: 422,
    e.QueueFull: 429,
    e.DeadlinePassed: 503,
    e.ClientGone: 499,
    e.WorkerFailed: 503,
    e.Stopping: 503,
    e.NotReady: 503,
    e.BodyTooLarge: 413,
    e.BodyTooSlow: 408,
    e.MediaTypeUnsupported: 415,
    e.KeyRefused: 401,
    e.ScopeRefused: 403,
    e.HostRefused: 421,
    e.ModelNotServed: 404,
}
"""The status of an error is that of the nearest class above it."""

TITLES = {499: "Client Closed Request"}

_SAYS_WHY = (
    e.NotReady,
    e.Stopping,
    e.DeadlinePassed,
    e.WorkerFailed,
    e.StoreUnavailable,
    e.StoreFull,
    e.ExtraMissing,
)
"""Errors of 5xx whose words help the client; those of the others would tell of our insides."""

_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "code"})


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as HTTP tells it."""

    status: int
    code: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return TITLES.get(self.status) or HTTPStatus(self.status).phrase


Renderer = Callable[[Problem], Response]

_renderers: dict[str, Renderer] = {}


def register(paths: tuple[str, ...], renderer: Renderer) -> None:
    """Errors of these paths (a prefix, if it ends with a slash) are told in another shape."""
    _renderers.update(dict.fromkeys(paths, renderer))


def status_of(error: e.LookalikeError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem_of(error: e.LookalikeError) -> Problem:
    """The problem that an error is."""
    status = status_of(error)
    inside = status >= 500 and not isinstance(error, _SAYS_WHY)
    headers: dict[str, str] = {}
    match error:
        case e.QueueFull(retry_after=seconds):
            headers["retry-after"] = str(seconds)
        case (
            e.DeadlinePassed()
            | e.StoreUnavailable()
            | e.WorkerFailed()
            | e.NotReady()
            | e.Stopping()
        ):
            headers["retry-after"] = "1"
        case e.KeyRefused():
            headers["www-authenticate"] = "Bearer"
    if inside:
        log.error("%s: %s", error.code, error)
        return Problem(status, error.code, "the service could not do this; its log says why")
    return Problem(status, error.code, str(error), _plain(error.facts()), headers)


def respond(problem: Problem, path: str) -> Response:
    """The response to a problem on a path."""
    if (call := calls.current()) is not None:
        call.code = problem.code
    renderer = _renderers.get(path)
    if renderer is None:
        found = (
            r
            for prefix, r in _renderers.items()
            if prefix.endswith("/") and path.startswith(prefix)
        )
        renderer = next(found, _document)
    response = renderer(problem)
    response.headers.update(problem.headers)
    return response


def _document(problem: Problem) -> Response:
    facts = {name: value for name, value in problem.facts.items() if name not in _RESERVED}
    document = {
        "type": f"urn:lookalike:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        **facts,
    }
    return ProblemJson(document, problem.status)


def install(app: FastAPI) -> None:
    """Register the handlers."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, e.LookalikeError)
        return respond(problem_of(error), request.scope["path"])

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(_validation(error), request.scope["path"])

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        code = status.phrase.lower().replace(" ", "_")
        problem = Problem(status, code, str(error.detail), {}, dict(error.headers or {}))
        return respond(problem, request.scope["path"])

    app.add_exception_handler(e.LookalikeError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _validation(error: RequestValidationError) -> Problem:
    # what the client sent is not repeated: it may be long, or private
    found = [
        {"at": ".".join(map(str, one["loc"])), "reason": str(one["msg"])}
        for one in error.errors()[:20]
    ]
    first = found[0] if found else {"at": "body", "reason": "is not valid"}
    return Problem(422, "request_invalid", f"{first['at']}: {first['reason']}", {"errors": found})


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON can say them, and not too long."""
    plain: dict[str, Any] = {}
    for name, value in facts.items():
        match value:
            case None | bool() | int():
                plain[name] = value
            case float():
                plain[name] = value if math.isfinite(value) else None
            case str():
                plain[name] = value[:1000]
            case list() | tuple():
                plain[name] = [
                    one if isinstance(one, int | str | dict) else str(one) for one in value
                ][:1000]
            case _:
                plain[name] = str(value)[:1000]
    return plain
