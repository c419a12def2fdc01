"""From a request's texts and pictures to vectors, for every route that embeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.tickets import Answer
from lookalike.errors import AllFailed, InferenceFailed, LookalikeError
from lookalike.service import calls, inputs
from lookalike.service.calls import Call
from lookalike.service.state import Service

Vector = NDArray[np.float32]


def call_of() -> Call:
    """The call that this task works for."""
    call = calls.current()
    assert call is not None, "telemetry is the outermost layer"
    return call


async def embed_texts(service: Service, texts: Sequence[str]) -> Answer:
    """Vectors of texts. Raises TooMany, TextTooLong, and what the batcher raises."""
    inputs.check_texts(service, texts)
    call = call_of()
    done = await calls.answer(call, service.batcher.texts(texts, deadline=call.deadline))
    for result in done.results:
        if isinstance(result, LookalikeError):  # a text can't be bad, so this is a failure of ours
            raise result
    return done


async def embed_pictures(service: Service, given: Sequence[str | inputs.Sized]) -> Answer:
    """Vectors of pictures, or what is wrong with each. Raises TooMany, and what the batcher raises."""
    batcher, call = service.batcher, call_of()
    sized: list[inputs.Sized] = []
    if all(isinstance(one, str) for one in given):
        sized = await inputs.pictures(service, call, [one for one in given if isinstance(one, str)])
    else:
        sized = [one for one in given if not isinstance(one, str)]
        inputs.check_pictures(service, len(sized))
    return await calls.answer(call, batcher.images(sized, deadline=call.deadline))


async def nothing() -> Answer:
    """The answer to a request for nothing."""
    return Answer([])


def errors_of(answer: Answer) -> list[dict[str, Any]]:
    """What is wrong with single pictures. Raises AllFailed where that is all of them."""
    errors = [
        {"index": index, "code": result.code, "detail": str(result)}
        for index, result in enumerate(answer.results)
        if isinstance(result, LookalikeError)
    ]
    if errors and len(errors) == len(answer.results):
        for result in answer.results:
            if isinstance(result, InferenceFailed):
                raise result
        raise AllFailed(errors)
    return errors


def vectors_of(answer: Answer) -> list[Vector]:
    """All vectors. Raises the error of the first picture that has none."""
    vectors = []
    for result in answer.results:
        if isinstance(result, LookalikeError):
            raise result
        vectors.append(result)
    return vectors
