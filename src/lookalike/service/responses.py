"""JSON by orjson, which also writes numpy vectors without a detour over lists."""

import base64
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.responses import Response

EncodingFormat = Literal["float", "base64"]

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class Json(Response):
    """A response that is JSON. Numpy arrays in it must be contiguous."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=_OPTIONS)


class ProblemJson(Json):
    """A problem document (RFC 9457)."""

    media_type = "application/problem+json"


def embedding(vector: NDArray[np.float32], encoding: EncodingFormat) -> NDArray[np.float32] | str:
    """A vector as the client wants it: numbers, or base64 of little-endian float32."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode()
    return np.ascontiguousarray(vector)
