"""What all route modules share: how they get at the service, read JSON, and document their answers."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from lookalike.service.state import Service


class _Request(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class OrjsonRoute(APIRoute):
    """Reads JSON bodies with orjson: a picture as a data URI is a string of a megabyte."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request that parses with orjson."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(_Request(request.scope, request.receive))

        return handler


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]

_WHY = {
    400: "The body is not well formed.",
    401: "No valid API key.",
    403: "The key has not the right.",
    404: "There is no such thing.",
    408: "The body took too long to arrive.",
    409: "It contradicts what is there.",
    413: "The body is too long.",
    415: "A body of a kind that is not read here.",
    421: "Addressed by a name that is not allowed.",
    422: "It can't be done as it is asked.",
    429: "Too much is waiting; `Retry-After` says when to come back.",
    500: "The service failed; its log says why.",
    501: "This installation lacks an optional part.",
    503: "Not ready, stopping, or not in time.",
    507: "No space is left for the store.",
}

_ALWAYS = (401, 403, 421, 429, 500, 503)
_WITH_BODY = (400, 408, 413, 415, 422)


def problems(
    *further: int,
    body: bool = True,
    schema: str = "Problem",
    media: str = "application/problem+json",
) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for the document."""
    statuses = {*_ALWAYS, *further, *(_WITH_BODY if body else (422,))}
    content = {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {
        status: {"description": _WHY[status], "content": content} for status in sorted(statuses)
    }
