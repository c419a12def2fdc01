"""OpenAI's embeddings API, for text and (as an extension) pictures, with Infinity's `modality`.

https://platform.openai.com/docs/api-reference/embeddings
"""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from lookalike.errors import ModelNotServed, RequestInvalid
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import (
    Vector,
    embed_pictures,
    embed_texts,
    nothing,
    vectors_of,
)
from lookalike.service.problems import Problem, register
from lookalike.service.responses import EncodingFormat, Json
from lookalike.service.responses import embedding as encoded
from lookalike.service.state import Service

router = APIRouter(tags=["OpenAI"], route_class=OrjsonRoute)

Modality = Literal["text", "image"]

PROBLEMS = problems(404, schema="OpenAIError", media="application/json")
PROBLEMS_OF_GET = problems(400, 404, body=False, schema="OpenAIError", media="application/json")


class TextInput(BaseModel):
    """A text among pictures."""

    text: str


class ImageInput(BaseModel):
    """A picture: base64, a data URI, or (where allowed) a URL."""

    image: str


class EmbeddingsRequest(BaseModel):
    """OpenAI's body. Fields that it doesn't have are passed over, as clients send what they like."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "ViT-B-32", "input": ["a red dress", "blue jeans"]},
                {"model": "ViT-B-32", "input": [{"image": "data:image/png;base64,iVBORw0KG..."}]},
            ]
        }
    )

    model: str | None = None
    input: str | Annotated[list[str | TextInput | ImageInput], Field(min_length=1)]
    modality: Modality | None = Field(
        None, description="What plain strings of `input` are. Without it: pictures if data URIs."
    )
    encoding_format: EncodingFormat | None = None
    dimensions: int | None = None
    user: str | None = None


class EmbeddingObject(BaseModel):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that the text tower read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """`truncated` (beyond OpenAI's): places of the texts that were cut."""

    object: Literal["list"]
    model: str
    data: list[EmbeddingObject]
    usage: Usage
    truncated: list[int] = []


class ErrorBody(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """OpenAI's shape of an error."""

    error: ErrorBody


class ModelObject(BaseModel):
    """A model that can be asked for."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All of them: the one that is loaded."""

    object: Literal["list"]
    data: list[ModelObject]


@router.post(
    "/v1/embeddings",
    summary="OpenAI's embeddings",
    responses={**PROBLEMS, 200: {"model": EmbeddingsResponse, "description": "The vectors."}},
)
async def create_embeddings(body: EmbeddingsRequest, service: ServiceDep) -> Response:
    return Json(await embeddings(body, service))


async def embeddings(body: EmbeddingsRequest, service: Service) -> dict[str, Any]:
    """The answer to OpenAI's body. Raises ModelNotServed, RequestInvalid, and what embedding raises."""
    info = service.encoder.info
    check_model(service, body.model)
    if body.dimensions is not None and body.dimensions != info.dimension:
        raise RequestInvalid(
            f"dimensions: the vectors of {info.model} have {info.dimension}, and can't be shortened"
        )
    given = [body.input] if isinstance(body.input, str) else body.input
    texts, pictures = _sorted_by_kind(given, body.modality)
    vectors: list[Vector | None] = [None] * len(given)
    text_answer, picture_answer = await asyncio.gather(
        embed_texts(service, list(texts.values())) if texts else nothing(),
        embed_pictures(service, list(pictures.values())) if pictures else nothing(),
    )
    for places, answer in ((list(texts), text_answer), (list(pictures), picture_answer)):
        for place, vector in zip(places, vectors_of(answer), strict=True):
            vectors[place] = vector
    encoding = body.encoding_format or "float"
    return {
        "object": "list",
        "model": info.model,
        "data": [
            {"object": "embedding", "index": index, "embedding": encoded(vector, encoding)}
            for index, vector in enumerate(vectors)
            if vector is not None
        ],
        "usage": {"prompt_tokens": text_answer.tokens, "total_tokens": text_answer.tokens},
        "truncated": [list(texts)[place] for place in text_answer.truncated],
    }


def _sorted_by_kind(
    given: list[str | TextInput | ImageInput] | list[str], modality: Modality | None
) -> tuple[dict[int, str], dict[int, str]]:
    """Texts and pictures, by their places."""
    texts: dict[int, str] = {}
    pictures: dict[int, str] = {}
    for place, one in enumerate(given):
        match one:
            case TextInput(text=text):
                texts[place] = text
            case ImageInput(image=image):
                pictures[place] = image
            case str() if modality == "image" or (modality is None and _is_data_uri(one)):
                pictures[place] = one
            case str():
                texts[place] = one
    return texts, pictures


def _is_data_uri(text: str) -> bool:
    return text[:11].lower() == "data:image/"


def check_model(service: Service, model: str | None) -> None:
    """Raises ModelNotServed: vectors of another model than the one asked for would fit nothing."""
    names = service.names()
    if model is not None and model not in names and "*" not in names:
        raise ModelNotServed(model[:200], service.encoder.info.model)


def models(service: Service) -> dict[str, Any]:
    """The list of models, in OpenAI's shape."""
    names = [name for name in service.names() if name != "*"]
    return {"object": "list", "data": [_model(name) for name in names]}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "lookalike"}


@router.get(
    "/v1/models",
    summary="OpenAI's list of models",
    responses={
        **PROBLEMS_OF_GET,
        200: {"model": ModelList, "description": "The model, by its names."},
    },
)
async def list_models(service: ServiceDep) -> Response:
    return Json(models(service))


@router.get(
    "/v1/models/{model:path}",
    summary="One of them",
    responses={**PROBLEMS_OF_GET, 200: {"model": ModelObject, "description": "The model."}},
)
async def get_model(
    model: Annotated[str, Path(examples=["ViT-B-32"])], service: ServiceDep
) -> Response:
    check_model(service, model)
    return Json(_model(model))


_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def render(problem: Problem) -> Response:
    """A problem in OpenAI's shape; what its client takes for a bad request is a 400."""
    status = 400 if problem.status == 422 else problem.status
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": problem.detail, "type": kind, "param": None, "code": problem.code}
    return Json({"error": error}, status)


register(("/v1/",), render)
