"""Collections: make, look at, change, drop."""

from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Path, Response

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.store import CollectionFacts, IndexSettings
from lookalike.errors import CollectionMissing
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import call_of
from lookalike.service.responses import Json
from lookalike.service.schemas import CollectionList, CollectionModel

router = APIRouter(tags=["collections"], route_class=OrjsonRoute)


async def _decoded_name(
    name: Annotated[str, Path(description="The collection.", examples=["products"])],
) -> str:
    return unquote(name)


NameDep = Annotated[str, Depends(_decoded_name)]


def as_json(facts: CollectionFacts) -> dict[str, Any]:
    """The facts, as the routes give them."""
    index = facts.index
    return {
        "name": facts.name,
        "model": facts.model,
        "fingerprint": facts.fingerprint,
        "dimension": facts.dimension,
        "created": facts.created,
        "items": facts.items,
        "attributes": {name: kind.value for name, kind in facts.attributes.items()},
        "index": {
            "state": index.state,
            "indexed": index.indexed,
            "pending": index.pending,
            "quantized": index.quantized,
            "build_seconds": index.build_seconds,
            "reason": index.reason,
        },
        "settings": facts.settings.model_dump(),
        "bytes_on_disk": facts.bytes_on_disk,
    }


@router.get(
    "/collections",
    summary="All collections",
    responses={**problems(507, body=False), 200: {"model": CollectionList}},
)
async def list_collections(service: ServiceDep) -> Response:
    found = await service.store_calls.run(call_of(), service.catalog.collections)
    return Json({"collections": [as_json(facts) for facts in found]})


@router.get(
    "/collections/{name}",
    summary="What is known of one",
    responses={**problems(404, body=False), 200: {"model": CollectionModel}},
)
async def get_collection(name: NameDep, service: ServiceDep) -> Response:
    facts = await service.store_calls.run(call_of(), partial(service.catalog.facts, name))
    return Json(as_json(facts))


@router.put(
    "/collections/{name}",
    summary="Make one, or change how it is indexed",
    responses={
        **problems(404, 409, 507),
        200: {"model": CollectionModel, "description": "It was there; its settings are changed."},
        201: {
            "model": CollectionModel,
            "description": "It was made, for the model that is served.",
        },
    },
)
async def put_collection(
    name: NameDep, service: ServiceDep, body: IndexSettings | None = None
) -> Response:
    put = partial(_put, service.catalog, name, body)
    facts, made = await service.store_calls.run(call_of(), put)
    return Json(as_json(facts), 201 if made else 200)


def _put(
    catalog: Catalog, name: str, settings: IndexSettings | None
) -> tuple[CollectionFacts, bool]:
    try:
        facts = catalog.facts(name)
    except CollectionMissing:
        return catalog.ensure(name, settings), True
    return facts if settings is None else catalog.configure(name, settings), False


@router.delete(
    "/collections/{name}",
    status_code=204,
    summary="Drop it with all that is in it",
    responses={**problems(404, 507, body=False), 204: {"description": "It is gone."}},
)
async def delete_collection(name: NameDep, service: ServiceDep) -> Response:
    await service.store_calls.run(call_of(), partial(service.catalog.drop, name))
    return Response(status_code=204)
