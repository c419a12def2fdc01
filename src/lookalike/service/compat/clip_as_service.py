"""CLIP-as-service's HTTP protocol: `POST /post` for `/` (embed) and `/rank` (order by fit).

https://clip-as-service.jina.ai
"""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from lookalike.errors import RequestInvalid
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import Vector, embed_pictures, embed_texts, vectors_of
from lookalike.service.problems import Problem, register
from lookalike.service.responses import Json
from lookalike.service.state import Service

router = APIRouter(tags=["CLIP-as-service"], route_class=OrjsonRoute)

_PROBLEMS = problems(schema="JinaError", media="application/json")


class Document(BaseModel):
    """A text, or a picture: `blob` is base64, `uri` a data URI or (where allowed) a URL."""

    id: str | None = None
    text: str | None = None
    uri: str | None = None
    blob: str | None = None
    tags: dict[str, Any] | None = None
    matches: list["Document"] = []

    @property
    def picture(self) -> str | None:
        """What is to be decoded; a text goes before."""
        return None if self.text else self.blob or self.uri


class PostRequest(BaseModel):
    """Documents, and what to do with them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [{"text": "a red dress"}], "execEndpoint": "/"}]}
    )

    data: Annotated[list[Document], Field(min_length=1)]
    execEndpoint: Literal["/", "/rank"] = "/"  # noqa: N815 (its own name)
    parameters: dict[str, Any] = {}


class PostResponse(BaseModel):
    """The documents, with embeddings or with their matches in order."""

    header: dict[str, Any]
    parameters: dict[str, Any]
    data: list[dict[str, Any]]


class JinaError(BaseModel):
    """An error, where its client looks for it."""

    header: dict[str, Any]
    detail: str


@router.post(
    "/post",
    summary="CLIP-as-service's one route",
    responses={**_PROBLEMS, 200: {"model": PostResponse, "description": "The documents."}},
)
async def post(body: PostRequest, service: ServiceDep) -> Response:
    done = await (_rank if body.execEndpoint == "/rank" else _encode)(service, body.data)
    header = {
        "requestId": uuid.uuid4().hex,
        "status": None,
        "execEndpoint": body.execEndpoint,
        "targetExecutor": "",
    }
    return Json({"header": header, "parameters": body.parameters, "data": done})


async def _encode(service: Service, documents: Sequence[Document]) -> list[dict[str, Any]]:
    vectors = await _vectors(service, documents)
    return [
        {**_head(one), "embedding": vector} for one, vector in zip(documents, vectors, strict=True)
    ]


async def _rank(service: Service, documents: Sequence[Document]) -> list[dict[str, Any]]:
    everything = [one for root in documents for one in (root, *root.matches)]
    vectors = iter(await _vectors(service, everything))
    ranked = []
    for root in documents:
        if not root.matches:
            raise RequestInvalid("a document to rank for has no matches")
        query = next(vectors)
        cosines = np.stack([next(vectors) for _ in root.matches]) @ query
        logits = service.encoder.card.logit_scale * cosines
        exponents = np.exp(logits - logits.max())
        chances = exponents / exponents.sum()
        matches = [
            {**_head(one), "scores": _scores(float(chance), float(cosine))}
            for one, chance, cosine in zip(root.matches, chances, cosines, strict=True)
        ]
        order = np.argsort(-chances, kind="stable")
        ranked.append({**_head(root), "matches": [matches[int(place)] for place in order]})
    return ranked


def _scores(chance: float, cosine: float) -> dict[str, Any]:
    return {
        "clip_score": {"value": chance, "op_name": "softmax"},
        "clip_score_cosine": {"value": cosine, "op_name": "cosine"},
    }


def _head(document: Document) -> dict[str, Any]:
    kept = {"text": document.text, "uri": document.uri, "tags": document.tags}
    return {"id": document.id or uuid.uuid4().hex} | {
        k: v for k, v in kept.items() if v is not None
    }


async def _vectors(service: Service, documents: Sequence[Document]) -> list[Vector]:
    texts = {place: one.text or "" for place, one in enumerate(documents) if one.picture is None}
    pictures = {
        place: one.picture for place, one in enumerate(documents) if one.picture is not None
    }
    found: dict[int, Vector] = {}
    if texts:
        answer = await embed_texts(service, list(texts.values()))
        found |= zip(texts, vectors_of(answer), strict=True)
    if pictures:
        answer = await embed_pictures(service, list(pictures.values()))
        found |= zip(pictures, vectors_of(answer), strict=True)
    return [found[place] for place in range(len(documents))]


def _render(problem: Problem) -> Response:
    status = {"code": "ERROR", "description": problem.detail}
    body = {"header": {"requestId": None, "status": status}, "detail": problem.detail}
    return Json(body, problem.status)


register(("/post",), _render)
