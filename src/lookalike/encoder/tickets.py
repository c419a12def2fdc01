"""An admitted request: what it waits for, and what ends the wait."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.text_cache import TextVector
from lookalike.errors import ClientGone, DeadlinePassed, LookalikeError, ServiceError

Reason = Literal["gone", "deadline"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the item that was done last: they add up to what the request took here."""

    queue: float = 0.0
    decode: float = 0.0
    inference: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One result for each picture or text, in the order of the request."""

    results: list[NDArray[np.float32] | LookalikeError]
    """Unit vectors, float32 `[dimension]`, or what is wrong with the picture."""
    truncated: list[int] = field(default_factory=list)
    """Places of the texts that were longer than the context."""
    tokens: int = 0
    timing: Timing = Timing()


class Ticket:
    """An admitted request. `future` gives its Answer, or raises DeadlinePassed, WorkerFailed, Stopping."""

    def __init__(self, count: int, deadline: float | None) -> None:
        """`deadline`: by `time.monotonic()`."""
        self.future: Future[Answer] = Future()
        self.deadline = deadline
        self._admitted = time.monotonic()
        self._results: list[Any] = [None] * count
        self._open = count
        self._truncated: list[int] = []
        self._tokens = 0
        self._gone = False
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Nobody waits for the answer any more: what is not done yet is not begun."""
        self._gone = True
        self.fail(ClientGone())

    def lapsed(self, now: float) -> Reason | None:
        """Why this request need not be worked on, if so."""
        if self._gone:
            return "gone"
        return "deadline" if self.deadline is not None and now >= self.deadline else None

    def put(
        self, places: Sequence[int], result: Any, *, decode: float = 0.0, inference: float = 0.0
    ) -> None:
        """The result of one thing, which may stand at several places of the request."""
        with self._lock:
            for place in places:
                if isinstance(result, TextVector):
                    self._results[place] = result.vector
                    self._tokens += result.tokens
                    if result.truncated:
                        self._truncated.append(place)
                else:
                    self._results[place] = result
            self._open -= len(places)
            if self._open:
                return
        queue = max(0.0, time.monotonic() - self._admitted - decode - inference)
        answer = Answer(
            self._results, sorted(self._truncated), self._tokens, Timing(queue, decode, inference)
        )
        with suppress(InvalidStateError):  # it may have been given up meanwhile
            self.future.set_result(answer)

    def fail(self, error: ServiceError) -> None:
        """End the whole request."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def late(self) -> DeadlinePassed:
        return DeadlinePassed(round(max(0.0, (self.deadline or 0.0) - self._admitted), 3))
