"""A collection in two dimensions."""

import asyncio
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.filters import Filter
from lookalike.catalog.maps.layout import Clustering, Layout, Method, Wanted
from lookalike.catalog.maps.maps import Maps, Sample, read_sample
from lookalike.catalog.maps.naming import name_clusters
from lookalike.catalog.store import VectorName
from lookalike.errors import TooMany
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.calls import Call
from lookalike.service.embedding import call_of
from lookalike.service.inputs import filter_of
from lookalike.service.responses import Json
from lookalike.service.routes.collections import NameDep

router = APIRouter(tags=["search"], route_class=OrjsonRoute)

WAIT = 10.0
"""Seconds that a request waits for a drawing; then it is told to come again."""

TO_ANSWER = 1.0
"""Seconds before the request's end by which the wait is over."""

DEFAULT_POINTS = 1000


class MapPoint(BaseModel):
    """An item's place, `x` and `y` from -1 to 1. `cluster`: null for an item between the clusters."""

    id: str
    title: str | None
    x: float
    y: float
    cluster: int | None


class MapCluster(BaseModel):
    """A cluster, and what most sets it apart: `share` of its items have `value` as `attribute`, or in their
    titles where `attribute` is null. All three are null where they have nothing in common."""

    cluster: int
    size: int
    attribute: str | None = Field(examples=["category"])
    value: str | None = Field(examples=["dress"])
    share: float | None = Field(examples=[0.93])


class CollectionMap(BaseModel):
    """`items` pass the filter, `sample` of them were taken, and `without_vector` of these are not drawn, for
    they have no vector of the target. Clusters come by size."""

    status: Literal["drawn"]
    collection: str
    target: VectorName
    items: int
    sample: int
    without_vector: int
    method: Method
    clustering: Clustering
    points: list[MapPoint]
    clusters: list[MapCluster]


class MapComing(BaseModel):
    """The map is being drawn: ask again, the same, after `Retry-After`."""

    status: Literal["drawing"]
    points: int


@router.get(
    "/collections/{name}/map",
    summary="Points in two dimensions",
    description="Items that are alike lie near each other. Drawn by t-SNE with clusters by HDBSCAN where "
    "scikit-learn is installed (the extra `map`), else as the two principal components with clusters by "
    "k-means. Above `limit` a sample is drawn, the same until something is written. A map is kept as long as "
    "what is on it doesn't change.",
    responses={
        **problems(404, 501, body=False),
        200: {"model": CollectionMap},
        202: {"model": MapComing, "description": "It is being drawn; `Retry-After` says more."},
    },
)
async def collection_map(
    name: NameDep,
    service: ServiceDep,
    target: Annotated[VectorName, Query(description="By their pictures or their texts.")] = "image",
    limit: Annotated[int, Query(ge=1, le=20_000, description="Items to draw.")] = DEFAULT_POINTS,
    filter: Annotated[str | None, Query(description="A filter of a search, as JSON.")] = None,  # noqa: A002
    method: Annotated[Wanted, Query(description="`auto`: t-SNE if it is installed.")] = "auto",
) -> Response:
    if limit > service.settings.max_map_points:
        raise TooMany("points", limit, service.settings.max_map_points)
    call = call_of()
    begin = partial(
        _begin, service.catalog, service.maps, name, target, limit, filter_of(filter), method
    )
    sample, coming = await service.store_calls.run(call, begin)
    if not await _drawn(call, coming):
        waiting = {"status": "drawing", "points": len(sample.items)}
        return Json(waiting, 202, headers={"retry-after": "1"})
    finish = partial(_as_json, name, target, sample, coming.result())
    return Response(await service.store_calls.run(call, finish), media_type="application/json")


def _begin(
    catalog: Catalog,
    maps: Maps,
    name: str,
    target: VectorName,
    limit: int,
    condition: Filter | None,
    wanted: Wanted,
) -> tuple[Sample, "Future[Layout]"]:
    sample = read_sample(catalog.store, name, target, limit, condition)
    return sample, maps.layout(sample, wanted)


async def _drawn(call: Call, coming: "Future[Layout]") -> bool:
    """Wait for a drawing that others may wait for too; whether it is done."""
    if coming.done():
        return True
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended before the drawing did
            loop.call_soon_threadsafe(done.set)

    coming.add_done_callback(tell)
    left = min(WAIT, call.deadline - time.monotonic() - TO_ANSWER)
    with suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), max(0.0, left))
    return coming.done()


def _as_json(name: str, target: VectorName, sample: Sample, layout: Layout) -> bytes:
    """The answer; made in a thread, for there may be thousands of points."""
    clusters = layout.clusters.tolist()
    points: list[dict[str, Any]] = [
        {
            "id": item.id,
            "title": item.title,
            "x": round(x, 4),
            "y": round(y, 4),
            "cluster": None if cluster < 0 else cluster,
        }
        for item, (x, y), cluster in zip(sample.items, layout.xy.tolist(), clusters, strict=True)
    ]
    return orjson.dumps(
        {
            "status": "drawn",
            "collection": name,
            "target": target,
            "items": sample.total,
            "sample": sample.looked_at,
            "without_vector": sample.without,
            "method": layout.method,
            "clustering": layout.clustering,
            "points": points,
            "clusters": name_clusters(sample.items, clusters),
        }
    )
