"""How often each value of an attribute occurs: what the filters of a page are made of."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from lookalike.catalog.filters import parse_filter
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep
from lookalike.service.schemas import Body

router = APIRouter(tags=["search"], route_class=OrjsonRoute)

MAX_FIELDS = 64
MAX_VALUES = 1_000


class FacetsRequest(Body):
    """Attributes whose values are to be counted; without `fields`, all that can be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"fields": ["colour"], "filter": {"price": {"lt": 50}}, "limit": 20},
                {},
            ]
        },
    )

    fields: Annotated[list[str], Field(min_length=1, max_length=MAX_FIELDS)] | None = None
    filter: dict[str, Any] | None = Field(
        None, description="Count among the items that pass it only."
    )
    limit: int = Field(10, ge=1, le=MAX_VALUES, description="Values of each attribute.")


class FacetValueModel(BaseModel):
    """A value, and how many items have it."""

    value: str | int | bool
    count: int


class Facets(BaseModel):
    """By attribute, the most frequent values first."""

    facets: dict[str, list[FacetValueModel]] = Field(
        examples=[{"colour": [{"value": "red", "count": 12}, {"value": "blue", "count": 7}]}]
    )


@router.post(
    "/collections/{name}/facets",
    summary="Count the values of attributes",
    description="Words, integers, and true or false can be counted. Counts are exact; an item with two values "
    "counts for both. An attribute that is asked for and can't be counted is an error; without `fields` such "
    "attributes are left out.",
    responses={**problems(404), 200: {"model": Facets}},
)
async def count_facets(name: NameDep, body: FacetsRequest, service: ServiceDep) -> Response:
    condition = parse_filter(body.filter)
    count = partial(service.catalog.facets, name, body.fields, filter=condition, limit=body.limit)
    found = await service.store_calls.run(call_of(), count)
    facets = {
        field: [{"value": one.value, "count": one.count} for one in values]
        for field, values in found.items()
    }
    return Json({"facets": facets})
