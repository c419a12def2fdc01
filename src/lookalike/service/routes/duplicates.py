"""Pairs of items that are nearly the same, as they are found."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from lookalike.catalog.filters import parse_filter
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.routes.collections import NameDep
from lookalike.service.schemas import Body
from lookalike.service.streams import NDJSON, Outlet, stream

router = APIRouter(tags=["search"], route_class=OrjsonRoute)


class DuplicatesRequest(Body):
    """From which cosine on two items are duplicates, and of which vectors."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"threshold": 0.97}, {"filter": {"colour": "red"}}]},
    )

    threshold: float = Field(0.97, ge=-1, le=1)
    target: Literal["image", "text"] = "image"
    filter: dict[str, Any] | None = None


@router.post(
    "/collections/{name}/duplicates",
    summary="Find near-duplicate pairs",
    description="Of the whole collection, each pair once, as lines of JSON that come as they are found; it "
    "takes about one search an item. Searches of others go first. It ends when the client goes. An empty line "
    'now and then shows that work goes on. If it fails on the way, the last line is `{"error": {...}}`.',
    response_class=Response,
    responses={
        **problems(404),
        200: {
            "description": "Lines of JSON.",
            "content": {
                NDJSON: {
                    "schema": {"type": "string"},
                    "example": '{"first":"sku-1","second":"sku-7","score":0.9831}\n',
                }
            },
        },
    },
)
async def find_duplicates(name: NameDep, body: DuplicatesRequest, service: ServiceDep) -> Response:
    catalog, condition = service.catalog, parse_filter(body.filter)

    def work(outlet: Outlet) -> None:
        pairs = catalog.duplicates(
            name,
            threshold=body.threshold,
            target=body.target,
            filter=condition,
            observer=outlet.check,
        )
        for pair in pairs:
            outlet.line({"first": pair.first, "second": pair.second, "score": pair.score})

    return await stream(service, call_of(), work)
