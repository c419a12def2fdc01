"""The service itself, with timers around its functions: `python -m benchmarks.budget.server [FILE]`.

The settings come from the environment, as for `lookalike serve`. At the end FILE has for each request, in
order, the stages that it went through and when, by the system's monotonic clock, which is the clients' too.
Without a FILE there are no timers, and it is the service as it is.
"""

import functools
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from benchmarks.budget.stages import LAST, READ, TIMERS, Timer
from lookalike.service.server import serve
from lookalike.settings import load_settings

Switches = list[tuple[str, float]]


class Clock:
    """Which stage the one request under way is in, and since when."""

    def __init__(self) -> None:
        self.done: list[Switches] = []
        self._current: Switches | None = None

    def begin(self, stage: str) -> None:
        """A request has come, unless one is under way already: then it is more of that one."""
        if self._current is None:
            self._current = [(stage, time.perf_counter())]

    def switch(self, stage: str) -> None:
        """From now on the request is in that stage. Nothing, while there is no request."""
        if self._current is not None:
            self._current.append((stage, time.perf_counter()))

    def end(self) -> None:
        """It was answered."""
        if self._current is not None:
            self.done.append(self._current)
        self._current = None

    @contextmanager
    def around(self, timer: Timer) -> Iterator[None]:
        before = self._current[-1][0] if self._current else None
        if timer.inside is not None:
            self.switch(timer.inside)
        try:
            yield
        finally:
            after = timer.after or before
            if after is not None:
                self.switch(after)


def install(clock: Clock) -> None:
    """Put the timers in place. Raises AttributeError where the service no longer has such a function."""
    for timer in TIMERS:
        module, _, path = timer.place.partition(":")
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, _timed(clock, timer, getattr(owner, name)))
    H11Protocol.data_received = _received(clock, H11Protocol.data_received)  # type: ignore[method-assign]
    RequestResponseCycle.send = _sent(clock, RequestResponseCycle.send)  # type: ignore[method-assign]


def _timed(clock: Clock, timer: Timer, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with clock.around(timer):
                return await function(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with clock.around(timer):
            return function(*args, **kwargs)

    return called


def _received(clock: Clock, receive: Callable[..., None]) -> Callable[..., None]:
    def received(self: H11Protocol, data: bytes) -> None:
        clock.begin(READ)
        receive(self, data)

    return received


def _sent(clock: Clock, send: Callable[..., Any]) -> Callable[..., Any]:
    async def sent(self: RequestResponseCycle, message: Any) -> None:
        clock.switch(LAST)
        await send(self, message)
        if self.response_complete:
            clock.end()

    return sent


def main() -> None:
    clock = Clock()
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if file is not None:
        install(clock)
    serve(load_settings())
    if file is not None:
        file.write_text(json.dumps(clock.done))


if __name__ == "__main__":
    main()
