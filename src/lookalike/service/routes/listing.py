"""The ids of a collection, page by page."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep

router = APIRouter(tags=["items"], route_class=OrjsonRoute)

MAX_IDS = 10_000

After = Annotated[
    str | None,
    Query(
        description="What `next` of the page before said.",
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_IDS, description="Ids of one page.")]


class IdList(BaseModel):
    """Some ids, and what to give as `after` for those that follow; null on the last page."""

    ids: list[str] = Field(examples=[["sku-1", "sku-2"]])
    next: str | None = Field(examples=["0f2d6f0c-8d35-5b8e-9b43-6a3c2f5f7a10"])


@router.get(
    "/collections/{name}/items",
    summary="The ids of all items",
    description="In an order that stays. An item that is there from the first page to the last is in exactly "
    "one of them, whatever is written meanwhile.",
    responses={**problems(404, body=False), 200: {"model": IdList}},
)
async def list_ids(
    name: NameDep, service: ServiceDep, after: After = None, limit: Limit = 1000
) -> Response:
    read = partial(service.catalog.ids, name, after=after, limit=limit)
    page = await service.store_calls.run(call_of(), read)
    return Json({"ids": page.ids, "next": page.next})
