"""Text Embeddings Inference's `POST /embed`.

https://huggingface.co/docs/text-embeddings-inference
"""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from lookalike.errors import RequestInvalid, TextCut
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import embed_texts, vectors_of
from lookalike.service.problems import Problem, register
from lookalike.service.responses import Json

router = APIRouter(tags=["Text Embeddings Inference"], route_class=OrjsonRoute)

_PROBLEMS = problems(schema="TeiError", media="application/json")
_KINDS = {413: "validation", 422: "validation", 429: "overloaded", 503: "unhealthy"}


class TeiError(BaseModel):
    """An error, and its kind."""

    error: str
    error_type: str


class EmbedRequest(BaseModel):
    """`truncate` false refuses texts that are longer than the context; without it they are cut."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": ["a red dress", "blue jeans"]}]}
    )

    inputs: str | Annotated[list[str], Field(min_length=1)]
    normalize: bool = True
    truncate: bool | None = None


@router.post(
    "/embed",
    summary="Text Embeddings Inference's embeddings",
    responses={
        **_PROBLEMS,
        200: {"model": list[list[float]], "description": "A vector for each, in order."},
    },
)
async def embed(body: EmbedRequest, service: ServiceDep) -> Response:
    if not body.normalize:
        raise RequestInvalid("normalize: this model gives vectors of length 1 only")
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    answer = await embed_texts(service, texts)
    text = service.encoder.card.text
    if answer.truncated and body.truncate is False and text is not None:
        raise TextCut(answer.truncated[0], text.context_length)
    cut = ",".join(map(str, answer.truncated))
    return Json(vectors_of(answer), headers={"x-truncated": cut} if cut else None)


def _render(problem: Problem) -> Response:
    kind = _KINDS.get(problem.status, "backend" if problem.status >= 500 else "validation")
    return Json({"error": problem.detail, "error_type": kind}, problem.status)


register(("/embed",), _render)
