"""Cosines between texts and pictures, and which label fits a picture."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray

from lookalike.encoder import similarity as cosines
from lookalike.encoder.tickets import Answer
from lookalike.errors import LookalikeError
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import embed_pictures, embed_texts, errors_of, vectors_of
from lookalike.service.responses import Json
from lookalike.service.schemas import (
    Classification,
    ClassifyRequest,
    Similarity,
    SimilarityRequest,
)

router = APIRouter(tags=["comparing"], route_class=OrjsonRoute)


@router.post(
    "/similarity",
    summary="Cosines of all pairs",
    responses={**problems(), 200: {"model": Similarity, "description": "The matrix."}},
)
async def similarity(body: SimilarityRequest, service: ServiceDep) -> Response:
    texts, images = _two_lists(body.texts), _two_lists(body.images)
    rows, columns = await asyncio.gather(
        *(embed_texts(service, one) for one in texts),
        *(embed_pictures(service, one) for one in images),
    )
    # pictures and texts are each numbered through their one list, or through their two
    offset = len(rows.results) if len(texts) != 1 else 0
    return Json(
        {
            "model": service.encoder.info.model,
            "similarity": _matrix(rows, columns),
            "errors": errors_of(rows) + _renumbered(errors_of(columns), offset),
            "truncated": rows.truncated + [offset + place for place in columns.truncated],
        }
    )


def _two_lists(given: Sequence[str] | Sequence[list[str]] | None) -> list[Sequence[str]]:
    """The lists of one kind: none, one or two."""
    if not given:
        return []
    lists = [one for one in given if isinstance(one, list)]
    return list(lists) if lists else [[one for one in given if isinstance(one, str)]]


def _renumbered(errors: list[dict[str, Any]], offset: int) -> list[dict[str, Any]]:
    return [{**one, "index": one["index"] + offset} for one in errors]


def _matrix(rows: Answer, columns: Answer) -> NDArray[np.float32]:
    """Cosines; what is no number is null in JSON."""
    return np.ascontiguousarray(cosines(_stacked(rows), _stacked(columns)))


def _stacked(answer: Answer) -> NDArray[np.float32]:
    """All vectors; those of failed pictures are not numbers, and so is whatever is made of them."""
    dimension = max(len(v) for v in answer.results if not isinstance(v, LookalikeError))
    nothing = np.full(dimension, np.nan, np.float32)
    return np.stack([nothing if isinstance(v, LookalikeError) else v for v in answer.results])


@router.post(
    "/classify",
    summary="Which label fits",
    responses={**problems(), 200: {"model": Classification, "description": "Probabilities."}},
)
async def classify(body: ClassifyRequest, service: ServiceDep) -> Response:
    prompts = [body.template.replace("{}", label) for label in body.labels]
    pictures = [body.image] if body.image is not None else body.images or []
    texts, images = await asyncio.gather(
        embed_texts(service, prompts), embed_pictures(service, pictures)
    )
    labels = np.stack(vectors_of(texts))
    single = body.image is not None
    errors = [] if single else errors_of(images)
    scale = service.encoder.card.logit_scale
    chances = [
        None if isinstance(vector, LookalikeError) else _softmax(scale * (labels @ vector))
        for vector in (vectors_of(images) if single else images.results)
    ]
    best = [None if one is None else body.labels[int(one.argmax())] for one in chances]
    return Json(
        {
            "model": service.encoder.info.model,
            "labels": body.labels,
            "probabilities": chances[0] if single else chances,
            "best": best[0] if single else best,
            "logit_scale": scale,
            "errors": errors,
            "truncated": texts.truncated,
        }
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponents = np.exp((logits - logits.max()).astype(np.float64))
    chances: NDArray[np.float32] = (exponents / exponents.sum()).astype(np.float32)
    return chances
