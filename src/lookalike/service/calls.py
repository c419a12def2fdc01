"""What is known of the request that is being answered, and the one way to wait for its answer."""

import asyncio
import contextvars
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.types import Receive

from lookalike.encoder.tickets import Answer, Ticket, Timing
from lookalike.errors import ClientGone, DeadlinePassed, QueueFull

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Call:
    """One HTTP request. Its stages add up in `timing`, in milliseconds."""

    id: str
    began: float
    deadline: float
    """By `time.monotonic()`."""
    receive: Receive | None = None
    """Once the body is read: gives nothing more until the client has gone."""
    timing: dict[str, float] = field(
        default_factory=lambda: {"queue": 0.0, "decode": 0.0, "inference": 0.0, "search": 0.0}
    )
    tickets: list[Ticket] = field(default_factory=list)
    gone: bool = False
    code: str | None = None
    """Of the error that it was answered with."""

    def took(self, timing: Timing) -> None:
        """Add what a request to the model took."""
        self.timing["queue"] += timing.queue * 1e3
        self.timing["decode"] += timing.decode * 1e3
        self.timing["inference"] += timing.inference * 1e3

    def give_up(self) -> None:
        """Drop what is still asked of the model."""
        self.gone = True
        for ticket in self.tickets:
            ticket.cancel()

    def late(self) -> DeadlinePassed:
        return DeadlinePassed(round(self.deadline - self.began, 3))


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("call", default=None)


def current() -> Call | None:
    """The call that this task or thread works for, if it works for one."""
    return _current.get()


def begin(call: Call) -> contextvars.Token[Call | None]:
    """From here on, this task works for `call`."""
    return _current.set(call)


def end(token: contextvars.Token[Call | None]) -> None:
    _current.reset(token)


async def answer(call: Call, ticket: Ticket) -> Answer:
    """What the model makes of it. Raises ClientGone, DeadlinePassed, and what the ticket raises."""
    call.tickets.append(ticket)
    done = await outcome(call, asyncio.wrap_future(ticket.future))
    call.took(done.timing)
    return done


async def outcome(call: Call, future: "asyncio.Future[Result]") -> Result:
    """The future's result; or an end to the wait when the client has gone or the time has passed."""
    if future.done():
        return future.result()
    watch: asyncio.Future[Any] | None = None
    waiting: set[asyncio.Future[Any]] = {future}
    if call.receive is not None:
        watch = asyncio.ensure_future(_disconnected(call.receive))
        waiting.add(watch)
    try:
        left = max(0.0, call.deadline - time.monotonic())
        await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        call.give_up()
        future.cancel()
        raise ClientGone if watch is not None and watch.done() else call.late()
    except asyncio.CancelledError:
        call.give_up()
        raise
    finally:
        if watch is not None and not watch.done():
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Threads:
    """A bounded pool for calls that block, such as the store's: never the event loop's business.

    `waiting`: calls that may wait for a thread; beyond, QueueFull.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._name, self._threads, self._most = name, threads, threads + waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._busy = 0
        self._lock = threading.Lock()
        self._seconds = 0.05

    def submit(
        self, call: Call, function: Callable[[], Result], *, detached: bool = False
    ) -> "Future[Result]":
        """Begin, in the call's context unless `detached`. Raises QueueFull."""
        with self._lock:
            if self._busy >= self._most:
                retry = math.ceil(self._busy / self._threads * self._seconds)
                raise QueueFull(self._name, max(1, min(60, retry)))
            self._busy += 1
        began = time.monotonic()
        context = contextvars.Context() if detached else contextvars.copy_context()

        def run() -> Result:
            if call.gone:
                raise ClientGone
            return context.run(function)

        future = self._pool.submit(run)
        future.add_done_callback(lambda _: self._done(time.monotonic() - began))
        return future

    async def run(self, call: Call, function: Callable[[], Result]) -> Result:
        """The function's result. Raises ClientGone, DeadlinePassed, QueueFull, and what it raises."""
        return await outcome(call, asyncio.wrap_future(self.submit(call, function)))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, seconds: float) -> None:
        with self._lock:
            self._busy -= 1
            self._seconds = 0.8 * self._seconds + 0.2 * seconds
