"""What Weaviate's module multi2vec-clip asks of its inference container.

https://github.com/weaviate/multi2vec-clip-inference
"""

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from lookalike.errors import NotReady
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import embed_pictures, embed_texts, nothing, vectors_of
from lookalike.service.problems import Problem, register
from lookalike.service.responses import Json

router = APIRouter(tags=["Weaviate"], route_class=OrjsonRoute)

_PROBLEMS = problems(schema="PlainError", media="application/json")
_PROBLEMS_OF_GET = problems(body=False, schema="PlainError", media="application/json")


class PlainError(BaseModel):
    """An error as a sentence."""

    error: str


class VectorizeRequest(BaseModel):
    """Texts, and pictures as base64."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"texts": ["a red dress"], "images": []}]}
    )

    texts: list[str] | None = None
    images: list[str] | None = None


class Vectors(BaseModel):
    """One vector for each, in order."""

    textVectors: list[list[float]]  # noqa: N815 (Weaviate's name)
    imageVectors: list[list[float]]  # noqa: N815


@router.post(
    "/vectorize",
    summary="Weaviate's vectorizer",
    responses={**_PROBLEMS, 200: {"model": Vectors, "description": "The vectors."}},
)
async def vectorize(body: VectorizeRequest, service: ServiceDep) -> Response:
    texts, images = await asyncio.gather(
        embed_texts(service, body.texts) if body.texts else nothing(),
        embed_pictures(service, body.images) if body.images else nothing(),
    )
    return Json({"textVectors": vectors_of(texts), "imageVectors": vectors_of(images)})


@router.get("/meta", summary="What Weaviate shows of the model", responses=_PROBLEMS_OF_GET)
async def meta(service: ServiceDep) -> Response:
    card = service.encoder.card
    return Json({"name": card.name, "architecture": card.architecture, "dimension": card.dimension})


_EMPTY: dict[int | str, dict[str, Any]] = {204: {"description": "Yes."}}


@router.get(
    "/.well-known/live",
    status_code=204,
    summary="Weaviate's liveness",
    responses={**_PROBLEMS_OF_GET, **_EMPTY},
)
async def live() -> Response:
    return Response(status_code=204)


@router.get(
    "/.well-known/ready",
    status_code=204,
    summary="Weaviate's readiness",
    responses={**_PROBLEMS_OF_GET, **_EMPTY},
)
async def ready(service: ServiceDep) -> Response:
    if not service.ready:
        raise NotReady(service.status, service.worker_trouble() or service.reason)
    return Response(status_code=204)


def _render(problem: Problem) -> Response:
    return Json({"error": problem.detail}, problem.status)


register(("/vectorize", "/meta", "/.well-known/"), _render)
