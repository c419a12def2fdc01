"""Collections as files, out and in: export and import (Parquet), snapshot and restore."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from lookalike.errors import ExchangeInvalid, SnapshotInvalid, StoreFull
from lookalike.service import calls
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.bodies import chunks
from lookalike.service.embedding import call_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep, as_json
from lookalike.service.schemas import CollectionModel
from lookalike.service.state import Service
from lookalike.service.streams import Outlet, stream

router = APIRouter(tags=["collections"], route_class=OrjsonRoute)

PARQUET = "application/vnd.apache.parquet"
SNAPSHOT = "application/octet-stream"

PIECE = 2**20

Result = TypeVar("Result")

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {"requestBody": {"required": True, "content": {SNAPSHOT: _BINARY}}}


def _download(media: str, what: str) -> dict[int | str, dict[str, Any]]:
    count = {"description": "How many items, when it began.", "schema": {"type": "integer"}}
    return {200: {"description": what, "content": {media: _BINARY}, "headers": {"x-items": count}}}


class Imported(BaseModel):
    """How many items came in."""

    items: int = Field(examples=[700])


@router.get(
    "/collections/{name}/export",
    summary="Save as Parquet",
    description="Ids, vectors and everything else, as a stream: nothing is written on the service's disk. An "
    "answer that is cut off is not whole.",
    response_class=Response,
    responses={**problems(404, 501, body=False), **_download(PARQUET, "A Parquet file.")},
)
async def export_collection(name: NameDep, service: ServiceDep) -> Response:
    return await _sent(service, name, service.catalog.export_to, PARQUET)


@router.put(
    "/collections/{name}/import",
    summary="Take an export in",
    description="Into a new collection or one of the same model; items of the same ids are replaced. It can be "
    "repeated. Paths of pictures in it are left out: they are of another machine, or not meant to be read.",
    responses={**problems(409, 501, 507), 200: {"model": Imported}},
    openapi_extra=_UPLOAD,
)
async def import_collection(name: NameDep, request: Request, service: ServiceDep) -> Response:
    catalog, stop = service.catalog, threading.Event()

    def take_in(path: Path) -> int:
        return catalog.import_(name, path, trusted=False, stop=stop)

    try:
        return Json({"items": await _received(service, request, take_in)})
    finally:
        stop.set()


@router.get(
    "/collections/{name}/snapshot",
    summary="Save as a snapshot",
    description="A backup that `PUT` of the same route makes a collection of again, on any store. The index "
    "is not in it.",
    response_class=Response,
    responses={**problems(404, body=False), **_download(SNAPSHOT, "A snapshot.")},
)
async def take_snapshot(name: NameDep, service: ServiceDep) -> Response:
    return await _sent(service, name, service.catalog.snapshot_to, SNAPSHOT)


@router.put(
    "/collections/{name}/snapshot",
    status_code=201,
    summary="Make a collection of a snapshot",
    description="It appears when it is complete. Paths of pictures are left out, as with import.",
    responses={**problems(409, 507), 201: {"model": CollectionModel}},
    openapi_extra=_UPLOAD,
)
async def restore_snapshot(name: NameDep, request: Request, service: ServiceDep) -> Response:
    restore = partial(service.catalog.restore, name, trusted=False)
    facts = await _received(service, request, lambda path: restore(path))
    return Json(as_json(facts), 201)


async def _sent(
    service: Service, name: str, write: Callable[[str, BinaryIO], int], media: str
) -> Response:
    call = call_of()
    facts = await service.store_calls.run(call, partial(service.catalog.facts, name))

    def work(outlet: Outlet) -> None:
        with outlet.file() as file:
            write(name, file)

    return await stream(service, call, work, media, {"x-items": str(facts.items)})


async def _received(service: Service, request: Request, take: Callable[[Path], Result]) -> Result:
    """What `take` makes of the body, which is a file of this machine by then."""
    call = call_of()
    call.deadline = call.began + service.settings.job_seconds
    async with _spooled(service, request) as path:
        call.receive = request.receive  # the body is here, so only a disconnect can follow
        future = service.job_calls.submit(call, partial(take, path), detached=True)
        try:
            return await calls.outcome(call, asyncio.wrap_future(future))
        except (ExchangeInvalid, SnapshotInvalid) as error:
            # where it was put is nobody's business
            raise type(error)("of this request", error.reason) from None


@asynccontextmanager
async def _spooled(service: Service, request: Request) -> AsyncIterator[Path]:
    """The body in a file. Raises StoreFull, BodyTooSlow, ClientGone."""
    folder = service.settings.data / "transfers"
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(tempfile.NamedTemporaryFile(dir=folder, suffix=".part"))
            async for piece in _pieces(request, service.settings.body_seconds):
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.flush)
        except OSError as error:
            raise StoreFull(str(folder)) from error
        yield Path(file.name)


async def _pieces(request: Request, patience: float) -> AsyncIterator[bytes]:
    """The body, in pieces worth a thread. See `bodies.chunks`."""
    held = bytearray()
    async for chunk in chunks(request, patience):
        held += chunk
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
