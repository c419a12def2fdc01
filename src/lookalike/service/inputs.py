"""Pictures and texts as clients send them, within the limits of one request."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from functools import partial

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lookalike.catalog.filters import Filter, parse_filter
from lookalike.catalog.pictures import decode_data_uri
from lookalike.encoder.batcher import Source
from lookalike.errors import (
    ClientGone,
    DeadlinePassed,
    FetchRefused,
    FilterInvalid,
    ImageTooManyBytes,
    ImageUnreadable,
    LookalikeError,
    QueueFull,
    RequestInvalid,
    TextTooLong,
    TooMany,
)
from lookalike.service.calls import Call
from lookalike.service.state import Service

Sized = tuple[Source, int]
"""A picture, and the bytes it holds while it waits."""


def filter_of(text: str | None) -> Filter | None:
    """The filter in a parameter of the address, as JSON. Raises FilterInvalid."""
    if not text:
        return None
    try:
        return parse_filter(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise FilterInvalid(None, f"must be JSON: {error}") from None


def check_texts(service: Service, texts: Sequence[str]) -> None:
    """Raises TooMany, TextTooLong."""
    settings = service.settings
    if len(texts) > settings.max_texts:
        raise TooMany("texts", len(texts), settings.max_texts)
    for index, text in enumerate(texts):
        if len(text) > settings.max_characters:
            raise TextTooLong(index, len(text), settings.max_characters)


def check_pictures(service: Service, count: int) -> None:
    """Raises TooMany."""
    if count > service.settings.max_pictures:
        raise TooMany("pictures", count, service.settings.max_pictures)


async def pictures(service: Service, call: Call, given: Sequence[str]) -> list[Sized]:
    """What to decode of base64, data URIs and URLs. Only URLs take time here; what is wrong with one picture
    comes out when it is decoded, so that it fails alone.
    """
    check_pictures(service, len(given))
    fetched = await asyncio.gather(*(_one(service, call, text) for text in given))
    return list(fetched)


async def _one(service: Service, call: Call, text: str) -> Sized:
    scheme = text[:8].partition(":")[0].lower()
    limit = service.settings.max_image_bytes
    if scheme in ("http", "https"):
        return await _fetched(service, call, text)
    read = _data_uri if scheme == "data" else _base64
    return partial(read, text, limit), len(text) // 4 * 3


async def _fetched(service: Service, call: Call, url: str) -> Sized:
    fetcher = service.fetcher
    if fetcher is None:
        refusal = FetchRefused(
            url[:200], "pictures are not fetched by URL here (LOOKALIKE_FETCH_URLS)"
        )
        return partial(_raise, refusal), 0
    try:
        data = await service.fetch_calls.run(call, partial(fetcher.fetch, url))
    except (ClientGone, DeadlinePassed, QueueFull):
        raise
    except LookalikeError as error:
        return partial(_raise, error), 0
    return data, len(data)


def _raise(error: LookalikeError) -> bytes:
    raise error


def _data_uri(text: str, limit: int) -> bytes:
    return decode_data_uri(text, limit)


def _base64(text: str, limit: int) -> bytes:
    if len(text) // 4 * 3 > limit + 3:
        raise ImageTooManyBytes(len(text) // 4 * 3, limit)
    if not text:
        raise ImageUnreadable("it is empty")
    try:
        return base64.b64decode("".join(text.split()) if "\n" in text else text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageUnreadable("it is neither base64 nor a data URI") from None


class _InMemory(MultiPartParser):
    """Files stay in memory: the body already is, and a service must not need a disk to write on."""

    spool_max_size = 2**40


async def multipart(service: Service, request: Request) -> FormData:
    """The form of a multipart body. Raises RequestInvalid, TooMany."""
    most = service.settings.max_pictures
    parser = _InMemory(request.headers, request.stream(), max_files=most, max_fields=16)
    try:
        return await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise TooMany("pictures", most + 1, most) from None
        raise RequestInvalid(f"the multipart body is not well formed: {error.message}") from None
    except (KeyError, ValueError, LookupError, AssertionError):
        raise RequestInvalid("the multipart body is not well formed") from None


async def files(form: FormData, field: str) -> list[Sized]:
    """The files of a form's field, in order. Raises RequestInvalid."""
    found = [one for one in form.getlist(field) if isinstance(one, UploadFile)]
    if not found:
        raise RequestInvalid(f"the multipart body has no file in the field {field!r}")
    read = [await one.read() for one in found]
    return [(data, len(data)) for data in read]
