"""The items of a collection, page by page."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from lookalike.catalog.catalog import Catalog
from lookalike.errors import TooMany
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.inputs import filter_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep
from lookalike.service.routes.items import item_json
from lookalike.service.schemas import ItemModel

router = APIRouter(tags=["items"], route_class=OrjsonRoute)

MAX_IDS = 10_000
IDS, FULL = 1000, 100
"""Of one page, where nothing else is said."""

After = Annotated[
    str | None,
    Query(
        description="What `next` of the page before said.",
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    ),
]
Limit = Annotated[
    int | None,
    Query(ge=1, le=MAX_IDS, description="Of one page. By default 1,000 ids, or 100 full items."),
]
Condition = Annotated[str | None, Query(description="A filter of a search, as JSON.")]
Full = Annotated[bool, Query(description="Give the items too, not only their ids.")]


class ItemList(BaseModel):
    """Some ids, and what to give as `after` for those that follow; null on the last page. `items`: the same,
    in full, if they were asked for."""

    ids: list[str] = Field(examples=[["sku-1", "sku-2"]])
    items: list[ItemModel] | None = None
    next: str | None = Field(examples=["0f2d6f0c-8d35-5b8e-9b43-6a3c2f5f7a10"])


@router.get(
    "/collections/{name}/items",
    summary="All items, or those that pass a filter",
    description="In an order that stays. An item that is there from the first page to the last is in exactly "
    "one of them, whatever is written meanwhile.",
    responses={**problems(404, body=False), 200: {"model": ItemList}},
)
async def list_items(
    name: NameDep,
    service: ServiceDep,
    after: After = None,
    limit: Limit = None,
    filter: Condition = None,  # noqa: A002 (the field's word)
    full: Full = False,
) -> Response:
    most = service.settings.max_hits
    if full and limit is not None and limit > most:
        raise TooMany("items", limit, most)
    count = limit or (min(FULL, most) if full else IDS)
    asked = partial(
        _page, service.catalog, name, full=full, filter=filter_of(filter), after=after, limit=count
    )
    return Json(await service.store_calls.run(call_of(), asked))


def _page(catalog: Catalog, name: str, *, full: bool, **asked: Any) -> dict[str, Any]:
    if full:
        page = catalog.items(name, **asked)
        items = [item_json(item) for item in page.items]
        return {"ids": [item["id"] for item in items], "items": items, "next": page.next}
    ids = catalog.ids(name, **asked)
    return {"ids": ids.ids, "next": ids.next}
