"""Infinity's routes: OpenAI's without the /v1, and with `modality` to say that the input is pictures.

https://github.com/michaelfeil/infinity
"""

import time

from fastapi import APIRouter, Response
from pydantic import BaseModel

from lookalike.errors import NotReady
from lookalike.service.api import OrjsonRoute, ServiceDep
from lookalike.service.compat import openai
from lookalike.service.problems import register
from lookalike.service.responses import Json

router = APIRouter(tags=["Infinity"], route_class=OrjsonRoute)


class Unix(BaseModel):
    """The server's clock, as Infinity's health tells it."""

    unix: float


@router.post(
    "/embeddings",
    summary="Infinity's embeddings",
    responses={
        **openai.PROBLEMS,
        200: {"model": openai.EmbeddingsResponse, "description": "The vectors."},
    },
)
async def infinity_embeddings(body: openai.EmbeddingsRequest, service: ServiceDep) -> Response:
    return Json(await openai.embeddings(body, service))


@router.get(
    "/models",
    summary="Infinity's list of models",
    responses={
        **openai.PROBLEMS_OF_GET,
        200: {"model": openai.ModelList, "description": "The model."},
    },
)
async def infinity_models(service: ServiceDep) -> Response:
    return Json(openai.models(service))


@router.get(
    "/health",
    summary="Infinity's and Text Embeddings Inference's health",
    responses={**openai.PROBLEMS_OF_GET, 200: {"model": Unix, "description": "It answers."}},
)
async def infinity_health(service: ServiceDep) -> Response:
    if not service.ready:
        raise NotReady(service.status, service.worker_trouble() or service.reason)
    return Json({"unix": time.time()})


register(("/embeddings", "/models", "/health"), openai.render)
