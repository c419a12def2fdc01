"""Answers that take long: made in a thread, sent piece by piece, and given up when nobody reads them."""

import asyncio
import io
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lookalike.errors import ClientGone, DeadlinePassed, LookalikeError
from lookalike.service.calls import Call
from lookalike.service.problems import problem_of
from lookalike.service.state import Service

log = logging.getLogger(__name__)

NDJSON: Final = "application/x-ndjson"

FIRST_SECONDS = 0.5
"""So long an answer's status waits, so that what is wrong from the start is a problem document."""

ALIVE_SECONDS = 10.0
"""After so long without a line an empty one is sent: it shows that work goes on, and finds out who has gone."""

AHEAD = 8
"""Pieces that may wait for the client; then the work waits too."""

BUFFER = 256 * 2**10

Work = Callable[["Outlet"], None]


class Outlet:
    """Where the work's thread puts what is to be sent. Its methods raise ClientGone when nobody reads any more,
    DeadlinePassed when the time is over.
    """

    def __init__(self, seconds: float) -> None:
        self.stop = threading.Event()
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(AHEAD)

    def check(self, *_: object) -> None:
        """Go on, if anybody still wants it. Takes whatever an observer is told."""
        if self.stop.is_set():
            raise ClientGone
        if time.monotonic() > self._until:
            raise DeadlinePassed(self._seconds)

    def put(self, piece: bytes) -> None:
        """Send it, as soon as there is room."""
        self.check()
        while not self._room.acquire(timeout=0.5):
            self.check()
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    def line(self, value: Mapping[str, Any]) -> None:
        """Send a line of JSON."""
        self.put(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

    def file(self) -> io.BufferedWriter:
        """The outlet as a file that is only written to."""
        return io.BufferedWriter(_Raw(self), BUFFER)

    def end(self, *_: object) -> None:
        """There is nothing more; called by the event loop."""
        self._pieces.put_nowait(None)

    async def next(self, seconds: float | None) -> bytes | None:
        """The next piece, None at the end. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            piece = await self._pieces.get()
        self._room.release()
        return piece


class _Raw(io.RawIOBase):
    """What a BufferedWriter writes to."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet, self._at = outlet, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._outlet.put(piece)
        self._at += len(piece)
        return len(piece)


class _Streamed(StreamingResponse):
    """Gives the work up however it ends, also before anything was sent."""

    def __init__(self, outlet: Outlet, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._outlet = outlet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._outlet.stop.set()


async def stream(
    service: Service,
    call: Call,
    work: Work,
    media_type: str = NDJSON,
    headers: Mapping[str, str] | None = None,
) -> StreamingResponse:
    """The response that `work` makes in a thread of its own.

    What fails within FIRST_SECONDS, and before the first piece, is raised. Later, a stream of lines ends with
    `{"error": problem}`; any other is cut off, so that the client sees that it isn't whole. Raises QueueFull.
    """
    outlet = Outlet(service.settings.job_seconds)
    # detached: it outlives the request's deadline, and what it asks of the model is in no hurry
    future = service.job_calls.submit(call, partial(work, outlet), detached=True)
    running = asyncio.wrap_future(future)
    running.add_done_callback(outlet.end)
    running.add_done_callback(_seen)
    first: bytes | None = b""
    try:
        first = await outlet.next(FIRST_SECONDS)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        outlet.stop.set()
        raise
    if first is None:
        running.result()
    pieces = _pieces(outlet, running, first, lines=media_type == NDJSON)
    return _Streamed(outlet, pieces, media_type=media_type, headers=headers)


def _seen(running: "asyncio.Future[None]") -> None:
    """Where the client has gone, nobody asks what became of the work, and asyncio would complain."""
    if not running.cancelled():
        running.exception()


async def _pieces(
    outlet: Outlet, running: "asyncio.Future[None]", piece: bytes | None, *, lines: bool
) -> AsyncIterator[bytes]:
    while piece is not None:
        if piece:
            yield piece
        try:
            piece = await outlet.next(ALIVE_SECONDS if lines else None)
        except TimeoutError:
            piece = b"\n"
    error = running.exception()
    if error is None:
        return
    if not lines:
        raise error
    yield orjson.dumps({"error": _problem(error)}, option=orjson.OPT_APPEND_NEWLINE)


def _problem(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, LookalikeError):
        log.error("unforeseen", exc_info=error)
        return {"code": "internal", "detail": "the service failed; its log says why", "status": 500}
    problem = problem_of(error)
    facts = {"status": problem.status, "code": problem.code, "detail": problem.detail}
    return {**problem.facts, **facts}
