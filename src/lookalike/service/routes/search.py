"""Finding items: by words, pictures, other items, or all together."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from lookalike.catalog.filters import parse_filter
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.store import Hit, Recommend
from lookalike.errors import QueryInvalid, TooMany
from lookalike.service import inputs
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.calls import Call
from lookalike.service.embedding import call_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep
from lookalike.service.routes.items import item_json
from lookalike.service.schemas import Hits, QueryPartModel, RecommendRequest, SearchRequest
from lookalike.service.state import Service

router = APIRouter(tags=["search"], route_class=OrjsonRoute)

_HITS: dict[int | str, dict[str, Any]] = {200: {"model": Hits, "description": "The best first."}}


@router.post(
    "/collections/{name}/search",
    summary="Find items",
    responses={**problems(404, 409), **_HITS},
)
async def search(name: NameDep, body: SearchRequest, service: ServiceDep) -> Response:
    call = call_of()
    _check_limit(service, body.limit)
    query = Query(
        parts=await _parts(service, call, body),
        target=body.target,
        limit=body.limit,
        offset=body.offset,
        filter=parse_filter(body.filter),
        diversity=body.diversity,
        within=None if body.within is None else tuple(body.within),
        threshold=body.threshold,
    )
    return await _found(service, call, partial(service.catalog.search, name, query))


@router.post(
    "/collections/{name}/recommend",
    summary="Find items like these",
    responses={**problems(404), **_HITS},
)
async def recommend(name: NameDep, body: RecommendRequest, service: ServiceDep) -> Response:
    _check_limit(service, body.limit)
    wanted = Recommend(
        positive=tuple(body.positive),
        negative=tuple(body.negative),
        within=None if body.within is None else tuple(body.within),
        target=body.target,
        strategy=body.strategy,
        limit=body.limit,
        offset=body.offset,
        filter=parse_filter(body.filter),
    )
    return await _found(service, call_of(), partial(service.catalog.recommend, name, wanted))


def _check_limit(service: Service, limit: int) -> None:
    if limit > service.settings.max_hits:
        raise TooMany("hits", limit, service.settings.max_hits)


async def _parts(service: Service, call: Call, body: SearchRequest) -> tuple[QueryPart, ...]:
    given = list(body.query)
    short = (
        QueryPartModel(text=body.text),
        QueryPartModel(image=body.image),
        QueryPartModel(item=body.item),
    )
    given += [one for one in short if (one.text, one.image, one.item) != (None, None, None)]
    inputs.check_texts(service, [part.text for part in given if part.text is not None])
    pictures = await inputs.pictures(
        service, call, [part.image for part in given if part.image is not None]
    )
    files = iter(pictures)
    parts = []
    for part in given:
        if sum(one is not None for one in (part.text, part.image, part.item)) != 1:
            raise QueryInvalid("a part is either a text, an image or an item")
        image = None
        if part.image is not None:
            source, _ = next(files)
            image = source if isinstance(source, bytes) else await _in_thread(service, call, source)
        parts.append(QueryPart(text=part.text, image=image, item=part.item, weight=part.weight))
    return tuple(parts)


async def _in_thread(service: Service, call: Call, source: Callable[[], bytes]) -> bytes:
    return await service.store_calls.run(call, source)


async def _found(service: Service, call: Call, find: Callable[[], Sequence[Hit]]) -> Response:
    began = time.monotonic()
    hits = await service.store_calls.run(call, find)
    seconds = time.monotonic() - began
    asked = sum(call.timing[stage] for stage in ("queue", "decode", "inference"))
    call.timing["search"] = max(0.0, seconds * 1e3 - asked)
    service.metrics.searched(call.timing["search"] / 1e3)
    found = [{"id": hit.id, "score": hit.score, "item": item_json(hit.item)} for hit in hits]
    took = (time.monotonic() - call.began) * 1e3
    return Json({"hits": found, "took_ms": round(took, 3)})
