"""Moving a collection to the model that is served, and how far it is."""

import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from lookalike.catalog.reindex import Moved
from lookalike.catalog.store import IndexSettings
from lookalike.errors import LookalikeError, ModelNotServed, RequestInvalid
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.routes.collections import NameDep
from lookalike.service.schemas import Body
from lookalike.service.streams import NDJSON, Outlet, stream

router = APIRouter(tags=["collections"], route_class=OrjsonRoute)


class ReindexRequest(Body):
    """Without `model`: the one that is served."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{}, {"skip_failed": True, "settings": {"m": 32}}]},
    )

    model: str | None = Field(None, description="If given, it must be the one that is served.")
    settings: IndexSettings | None = None
    skip_failed: bool = Field(False, description="Leave behind what can't be encoded any more.")
    allow_urls: bool = Field(
        False, description="Fetch pictures by URL again, where the service may."
    )


@router.post(
    "/collections/{name}/reindex",
    summary="Move it to the model that is served",
    description="A new collection is made beside the old one and takes its name when it is complete. Until "
    'then the old one is as it was. Lines of JSON say how far it is; then a line `{"failure": {...}}` for '
    'each item that can\'t be encoded, and `{"error": {...}}` as the last one if nothing was swapped. If the '
    "client goes it stops, and goes on from there when asked again.",
    response_class=Response,
    responses={
        **problems(404),
        200: {
            "description": "Lines of JSON.",
            "content": {
                NDJSON: {
                    "schema": {"type": "string"},
                    "example": '{"items":700,"encoded":700,"there":0,"from_thumbnails":0,"failed":0,'
                    '"seconds":23.6,"swapped":true}\n',
                }
            },
        },
    },
)
async def reindex_collection(name: NameDep, body: ReindexRequest, service: ServiceDep) -> Response:
    if body.model is not None and body.model not in service.names():
        raise ModelNotServed(body.model, service.model_name)
    if body.allow_urls and not service.settings.fetch_urls:
        raise RequestInvalid("pictures are not fetched by URL here (LOOKALIKE_FETCH_URLS)")
    catalog = service.catalog
    report = service.settings.data / "reports" / f"request-{uuid.uuid4().hex}.jsonl"

    def work(outlet: Outlet) -> None:
        try:
            moved = catalog.reindex(
                name,
                settings=body.settings,
                skip_failed=body.skip_failed,
                allow_urls=body.allow_urls,
                observer=lambda moved: outlet.line(_progress(moved)),
                stop=outlet.stop,
                report=report,
            )
        except LookalikeError:
            _tell_failures(outlet, report)
            raise
        else:
            _tell_failures(outlet, report)
            outlet.line(_progress(moved))
        finally:
            report.unlink(missing_ok=True)  # the answer says it all

    return await stream(service, call_of(), work)


def _progress(moved: Moved) -> dict[str, Any]:
    return {field: value for field, value in asdict(moved).items() if field != "report"}


def _tell_failures(outlet: Outlet, report: Path) -> None:
    if report.exists():
        with report.open("rb") as lines:
            for line in lines:
                outlet.line({"failure": orjson.loads(line)})
