"""What a request may weigh and how long its body may take, enforced while it arrives."""

import asyncio
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.errors import (
    BodyTooLarge,
    BodyTooSlow,
    LookalikeError,
    MediaTypeUnsupported,
    QueueFull,
)
from lookalike.service import calls
from lookalike.service.problems import problem_of, respond
from lookalike.service.security import HEALTH, METRICS
from lookalike.settings import Settings

NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_STREAMED = re.compile(r"/collections/[^/]+/items")
_FILES = re.compile(r"/collections/[^/]+/(import|snapshot)")
_NEVER_REFUSED = HEALTH | METRICS

DRAIN_SECONDS = 2.0
"""A client that is still sending would not read the refusal, so a little more is read and thrown away."""


@dataclass(slots=True)
class Load:
    """What is under way: for admission, and for the metrics."""

    requests: int = 0
    body_bytes: int = 0
    served: int = 0
    """Requests since the start."""


class Limits:
    """ASGI: reads the body, within its limits, before the application is called.

    Only items that come as NDJSON, and files to import or restore, are passed on while they arrive.
    """

    def __init__(self, app: ASGIApp, settings: Settings, load: Load) -> None:
        self.app, self._settings, self._load = app, settings, load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        load = self._load
        if load.requests >= self._settings.max_requests and scope["path"] not in _NEVER_REFUSED:
            await _refuse(QueueFull("requests", 1), scope, receive, send)
            return
        load.requests += 1
        held = _Held(load)
        try:
            await self._admitted(held, scope, receive, send)
        finally:
            load.requests -= 1
            load.served += 1
            load.body_bytes -= held.size

    async def _admitted(self, held: "_Held", scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        call = calls.current()
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):  # small bodies that become large ones are not let in
            refusal = MediaTypeUnsupported(f"content-encoding {packed[:40]}", ("identity",))
            await _drain(receive)
            await _refuse(refusal, scope, receive, send)
            return
        if is_stream(scope, headers):
            limit = self._settings.max_stream_bytes
            await self.app(scope, _counted(receive, limit), send)
            return
        try:
            body = await self._read(held, headers, receive)
        except (BodyTooLarge, BodyTooSlow, QueueFull) as refused:
            if not held.complete:
                await _drain(receive)
            await _refuse(refused, scope, receive, send)
            return
        if body is None:  # the client has gone
            return
        if call is not None:
            call.receive = receive
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        await self.app(scope, replay, send)

    async def _read(self, held: "_Held", headers: Headers, receive: Receive) -> bytes | None:
        """The body; None where the client has gone. Raises BodyTooLarge, BodyTooSlow, QueueFull."""
        limit = self._settings.max_body_bytes
        declared = headers.get("content-length", "")
        if not declared and "transfer-encoding" not in headers:
            return b""
        if declared.isdigit():
            if int(declared) > limit:
                raise BodyTooLarge(limit)
            # Reserved before it comes: were bodies only counted as they arrive, many that are half here
            # would push each other out, and none would ever be whole.
            held.reserve(int(declared), self._settings.max_pending_bytes)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    held.complete = not message.get("more_body", False)
                    if chunk := message.get("body", b""):
                        chunks.append(chunk)
                        size += len(chunk)
                        if size > limit:
                            raise BodyTooLarge(limit)
                        held.reserve(size, self._settings.max_pending_bytes)
                    if held.complete:
                        return b"".join(chunks) if len(chunks) != 1 else chunks[0]
        except TimeoutError:
            raise BodyTooSlow(self._settings.body_seconds) from None


class _Held:
    """The bytes of one body, counted among all."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.size = 0
        self.complete = False

    def reserve(self, size: int, most: int) -> None:
        """Count this body as so many bytes at least. Raises QueueFull where there is no room for them; alone,
        any body has room.
        """
        more = size - self.size
        if more <= 0:
            return
        if self._load.body_bytes > self.size and self._load.body_bytes + more > most:
            raise QueueFull("bodies", 1)
        self.size += more
        self._load.body_bytes += more


def is_stream(scope: Scope, headers: Headers) -> bool:
    """Whether the body is to be read as it comes."""
    if scope["method"] == "PUT" and _FILES.fullmatch(scope["path"]):
        return True
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in NDJSON and scope["method"] == "POST" and bool(_STREAMED.fullmatch(scope["path"]))


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLarge(limit)
        return message

    return counted


async def _drain(receive: Receive) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def _refuse(error: LookalikeError, scope: Scope, receive: Receive, send: Send) -> None:
    await respond(problem_of(error), scope["path"])(scope, receive, send)
