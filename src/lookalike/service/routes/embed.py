"""Texts and pictures to vectors."""

from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from lookalike.encoder.tickets import Answer
from lookalike.errors import LookalikeError, MediaTypeUnsupported, RequestInvalid
from lookalike.service import inputs
from lookalike.service.api import OrjsonRoute, ServiceDep, problems
from lookalike.service.embedding import embed_pictures, embed_texts, errors_of, vectors_of
from lookalike.service.responses import EncodingFormat, Json, embedding
from lookalike.service.schemas import Embeddings, ImageRequest, OneEmbedding, TextRequest
from lookalike.service.state import Service

router = APIRouter(tags=["embedding"], route_class=OrjsonRoute)

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"model": OneEmbedding | Embeddings, "description": "One vector, or one of each."}
}

_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "One picture file, or more.",
        },
        "encoding_format": {"type": "string", "enum": list(get_args(EncodingFormat))},
    },
}


@router.post("/embed/text", summary="Embed texts", responses={**problems(), **_ANSWER})
async def embed_text(body: TextRequest, service: ServiceDep) -> Response:
    texts = [body.text] if body.text is not None else body.texts or []
    answer = await embed_texts(service, texts)
    return _respond(service, answer, body.encoding_format, single=body.text is not None)


@router.post(
    "/embed/image",
    summary="Embed pictures",
    responses={**problems(), **_ANSWER},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ImageRequest"}},
                "multipart/form-data": {"schema": _FORM},
            },
        }
    },
)
async def embed_image(request: Request, service: ServiceDep) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await inputs.multipart(service, request)
        given: list[Any] = list(await inputs.files(form, "file"))
        encoding = _encoding(form.get("encoding_format", "float"))
        single = len(given) == 1
    elif kind == "application/json":
        body = await _image_request(request)
        given = [body.image] if body.image is not None else list(body.images or [])
        encoding, single = body.encoding_format, body.image is not None
    else:
        raise MediaTypeUnsupported(kind, ("application/json", "multipart/form-data"))
    answer = await embed_pictures(service, given)
    return _respond(service, answer, encoding, single=single)


def _encoding(given: object) -> EncodingFormat:
    match given:
        case "float":
            return "float"
        case "base64":
            return "base64"
        case _:
            raise RequestInvalid("encoding_format must be float or base64")


async def _image_request(request: Request) -> ImageRequest:
    try:
        return ImageRequest.model_validate(await request.json())
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(["body", *map(str, first["loc"])])
        raise RequestInvalid(f"{at}: {first['msg']}") from None
    except ValueError:
        raise RequestInvalid("body: it is not JSON") from None


def _respond(
    service: Service, answer: Answer, encoding: EncodingFormat, *, single: bool
) -> Response:
    info = service.encoder.info
    head: dict[str, Any] = {"model": info.model, "dimension": info.dimension}
    if single:
        (vector,) = vectors_of(answer)
        body = {"embedding": embedding(vector, encoding)}
        return Json(head | body | {"truncated": answer.truncated})
    errors = errors_of(answer)
    embeddings = [
        None if isinstance(one, LookalikeError) else embedding(one, encoding)
        for one in answer.results
    ]
    return Json(head | {"embeddings": embeddings, "errors": errors, "truncated": answer.truncated})
