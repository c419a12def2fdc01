"""Items of a collection: take in, look at, remove."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.ingest import Done, IngestOptions
from lookalike.catalog.items import Item
from lookalike.catalog.sources import Source
from lookalike.errors import (
    ItemMissing,
    MediaTypeUnsupported,
    RequestInvalid,
    TooMany,
)
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.bodies import chunks
from lookalike.service.calls import Call
from lookalike.service.embedding import call_of
from lookalike.service.feeding import Lines, LineSource, ListSource
from lookalike.service.limits import NDJSON, is_stream
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep
from lookalike.service.schemas import ItemModel, ItemsOutcome
from lookalike.service.state import INGEST_THREADS, Service

router = APIRouter(tags=["items"], route_class=OrjsonRoute)


async def _decoded_id(
    id: Annotated[str, Path(description="The item; a slash in it as %2F.", examples=["sku-1"])],  # noqa: A002
) -> str:
    return unquote(id)


IdDep = Annotated[str, Depends(_decoded_id)]

_ITEM_SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "image": {"type": "string", "description": "Base64, a data URI, or (if allowed) a URL."},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "attributes": {"type": "object"},
    },
    "example": {
        "id": "sku-1",
        "title": "Red summer dress",
        "attributes": {"colour": "red", "price": 39.9},
    },
}


def item_json(item: Item) -> dict[str, Any]:
    """An item, as the routes give it."""
    return {
        "id": item.id,
        "image": item.image,
        "title": item.title,
        "description": item.description,
        "attributes": dict(item.attributes),
    }


@router.post(
    "/collections/{name}/items",
    summary="Take items in",
    description="A JSON list, or a stream of JSON lines that may be as long as it likes. An item with an id "
    "that is there replaces it; one that has not changed costs nothing. Every item that is reported as stored "
    "survives the loss of the process.",
    responses={
        **problems(404, 409, 507),
        200: {"model": ItemsOutcome, "description": "What became of each item."},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "items": _ITEM_SCHEMA}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        }
    },
)
async def post_items(name: NameDep, request: Request, service: ServiceDep) -> Response:
    call = call_of()
    call.deadline = call.began + service.settings.ingest_seconds
    catalog = service.catalog
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", *NDJSON):
        raise MediaTypeUnsupported(kind, ("application/json", NDJSON[0]))
    await service.store_calls.run(call, partial(catalog.facts, name))  # CollectionMissing, at once
    ingest = _Ingest(service, catalog, name, call)
    if is_stream(request.scope, request.headers):
        return await _stream(ingest, request, service)
    rows = await _rows(request, service.settings.max_items)
    return await ingest.finished(ingest.begin(ListSource(rows)))


async def _rows(request: Request, most: int) -> list[Any]:
    try:
        rows = await request.json()
    except orjson.JSONDecodeError as error:
        raise RequestInvalid(f"body: it is not JSON: {error.msg}") from None
    if not isinstance(rows, list):
        raise RequestInvalid("body: it is not a list of items")
    if len(rows) > most:
        raise TooMany("items", len(rows), most)
    return rows


class _Ingest:
    """One run of ingest, and what it says of each item."""

    def __init__(self, service: Service, catalog: Catalog, name: str, call: Call) -> None:
        self._service, self._catalog, self._name, self._call = service, catalog, name, call
        self._outcomes: list[dict[str, Any]] = []
        self.stop = threading.Event()

    def begin(self, source: Source) -> "asyncio.Future[None]":
        """Start it in a thread of its own. Raises QueueFull."""
        run = partial(self._run, source)
        # detached: what ingest asks of the model is in no hurry, and must not be refused
        future = self._service.ingest_calls.submit(self._call, run, detached=True)
        return asyncio.wrap_future(future)

    async def finished(self, running: "asyncio.Future[None]") -> Response:
        """Wait for it, and say what became of all."""
        try:
            await asyncio.wait({running}, timeout=self._service.settings.ingest_seconds)
            if not running.done():
                raise self._call.late()
            running.result()
        finally:
            self.stop.set()
        self._outcomes.sort(key=lambda one: one["index"])
        counts = dict.fromkeys(("added", "updated", "unchanged", "failed"), 0)
        for one in self._outcomes:
            counts[one["status"]] += 1
        return Json({"collection": self._name, **counts, "items": self._outcomes})

    def _run(self, source: Source) -> None:
        report = self._service.settings.data / "reports" / f"request-{uuid.uuid4().hex}.jsonl"
        try:
            self._catalog.index(
                self._name,
                [source],
                # all runs together hold as much as all bodies may
                options=IngestOptions(
                    held_bytes=self._service.settings.max_pending_bytes // INGEST_THREADS
                ),
                allow_urls=self._service.settings.fetch_urls,
                on_done=self._done,
                stop=self.stop,
                report=report,
            )
        finally:
            report.unlink(missing_ok=True)  # the response says it all

    def _done(self, done: Done) -> None:
        outcome: dict[str, Any] = {
            "index": int(done.where),
            "id": done.id,
            "stored": done.error is None,
            "status": done.status,
        }
        if done.error is not None:
            outcome["error"] = {"code": done.error.code, "detail": str(done.error)}
        self._outcomes.append(outcome)


async def _stream(ingest: _Ingest, request: Request, service: Service) -> Response:
    source = LineSource(service.settings.max_items)
    running = ingest.begin(source)
    try:
        async for lines in _lines(request, service.settings.body_seconds):
            put = asyncio.ensure_future(source.put(lines))
            await asyncio.wait({put, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():  # it failed: nobody takes what comes
                put.cancel()
                break
    except asyncio.CancelledError:  # the service is stopping
        ingest.stop.set()
        raise
    finally:
        # also where the stream broke off: the items that were whole are taken in, and can be sent again
        source.end()
    return await ingest.finished(running)


async def _lines(request: Request, patience: float) -> AsyncIterator[list[bytes]]:
    """The body's lines. See `bodies.chunks`."""
    lines = Lines()
    async for chunk in chunks(request, patience):
        if ended := lines.feed(chunk):
            yield ended
    if ended := lines.end():
        yield ended


@router.get(
    "/collections/{name}/items/{id}",
    summary="One item",
    responses={**problems(404, body=False), 200: {"model": ItemModel}},
)
async def get_item(name: NameDep, id: IdDep, service: ServiceDep) -> Response:  # noqa: A002
    record = await service.store_calls.run(call_of(), partial(service.catalog.get, name, id))
    if record is None:
        raise ItemMissing(name, id)
    return Json(item_json(record.item))


@router.delete(
    "/collections/{name}/items/{id}",
    status_code=204,
    summary="Remove an item",
    responses={**problems(404, 507, body=False), 204: {"description": "It is gone."}},
)
async def delete_item(name: NameDep, id: IdDep, service: ServiceDep) -> Response:  # noqa: A002
    gone = await service.store_calls.run(call_of(), partial(service.catalog.delete, name, [id]))
    if not gone:
        raise ItemMissing(name, id)
    return Response(status_code=204)


@router.get(
    "/collections/{name}/items/{id}/image",
    summary="A small picture of the item",
    response_class=Response,
    responses={
        **problems(404, body=False),
        200: {
            "description": "JPEG of at most 256 pixels.",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def get_image(name: NameDep, id: IdDep, service: ServiceDep) -> Response:  # noqa: A002
    catalog = service.catalog

    def read() -> bytes:
        catalog.facts(name)  # which also refuses names that lead out of the folder
        data = catalog.thumbnail(name, id)
        if data is None:
            raise ItemMissing(name, id, "has no picture here")
        return data

    data = await service.store_calls.run(call_of(), read)
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=60"})
