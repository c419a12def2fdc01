"""The stages of a request, as data: what they are called, what they belong to, and where each begins and ends.

A request is in one stage at a time, whichever thread works on it: while only one is under way there is nothing
else to do. So a stage ends where the next begins, and they add up to the whole.
"""

from dataclasses import dataclass

FIRST, READ, LAST = "send", "read", "write"
"""Begun by the client with its first byte, by the server with the first that it gets, and with the first that
it sends."""


@dataclass(frozen=True, slots=True)
class Stage:
    title: str
    group: str
    """What it is drawn as: there are more stages than colours."""


STAGES = {
    FIRST: Stage("client to server: send, wake up", "HTTP"),
    READ: Stage("read and parse HTTP, with the body", "HTTP"),
    "layers": Stage("layers, routing, validation", "HTTP"),
    "parse": Stage("body: JSON or multipart", "bodies"),
    "pool": Stage("wait for a thread of the pool", "waiting"),
    "base64": Stage("base64 to bytes", "bodies"),
    "header": Stage("format and header check", "decode"),
    "decode": Stage("decode", "decode"),
    "resize": Stage("resize and crop", "resize"),
    "tokenize": Stage("tokenize", "tokenize"),
    "batcher": Stage("wait for the tower's worker", "waiting"),
    "inference": Stage("inference, normalised", "inference"),
    "back": Stage("wait for the event loop", "waiting"),
    "encode": Stage("vector to JSON", "bodies"),
    LAST: Stage("write, client receives", "HTTP"),
}
"""In the order of a request, `layers` aside: it is whatever lies between the others in the event loop."""
UNACCOUNTED = Stage("unaccounted", "unaccounted")


@dataclass(frozen=True, slots=True)
class Timer:
    """Around a function of the service: the stage that its call begins, and the one that its return begins.
    None: the stage stays; for `after`, it is again what it was before the call."""

    place: str
    """`module:name` or `module:Class.name`."""
    inside: str | None
    after: str | None = None


_EMBED, _INPUTS = "lookalike.service.routes.embed", "lookalike.service.inputs"
_BATCHER, _IMAGES = "lookalike.encoder.batcher", "lookalike.encoder.images.preprocessor"

TIMERS = (
    Timer("lookalike.service.limits:Limits._read", READ, "layers"),
    Timer("lookalike.service.api:_Request.json", "parse"),
    Timer(f"{_EMBED}:_image_request", "parse"),
    Timer(f"{_INPUTS}:multipart", "parse"),
    Timer(f"{_INPUTS}:files", "parse"),
    Timer(f"{_EMBED}:embed_pictures", "pool", "layers"),
    Timer(f"{_EMBED}:embed_texts", "pool", "layers"),
    Timer(f"{_INPUTS}:_data_uri", "base64"),
    Timer(f"{_INPUTS}:_base64", "base64"),
    Timer(f"{_IMAGES}:ImagePreprocessor.__call__", "header", "batcher"),
    Timer(f"{_IMAGES}:ImageLimits.check_size", None, "decode"),
    Timer(f"{_IMAGES}:ImagePreprocessor.pixels", "resize"),
    Timer("lookalike.encoder.tokenizer:Tokenizer.__call__", "tokenize", "batcher"),
    Timer(f"{_BATCHER}:Batcher._run_pixels", "inference", "back"),
    Timer(f"{_BATCHER}:Batcher._run_ids", "inference", "back"),
    Timer(f"{_EMBED}:_respond", "encode", "layers"),
)
"""No return here may come after the request went on in another thread: what sets a stage then would set it for
somebody else's work. So it is the tokenizer that is timed, and not the task of the pool, which puts into the
queue before it returns."""
