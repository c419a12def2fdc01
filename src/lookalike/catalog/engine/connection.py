"""The service's end of one worker process: calls from any thread, several in flight."""

import socket
import threading
from collections.abc import Callable
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from lookalike.catalog.engine.process import Child
from lookalike.catalog.engine.wire import RECEIVE, Decoder, Frame, OutOfStepError, frame, send

Event = dict[str, Any]


class ConnectionLostError(Exception):
    """The worker is gone, and with it the answer. Whether it did what was asked is not known."""


class RefusedError(Exception):
    """The worker's answer is an error: its kind, and facts."""

    def __init__(self, kind: str, facts: dict[str, Any]) -> None:
        self.kind, self.facts = kind, facts
        super().__init__(f"{kind}: {facts}")


class Connection:
    """A running worker. `on_event` is called in the reading thread for what the worker says unasked, and with
    `{"event": "gone"}` once at the end; it must not block.
    """

    def __init__(
        self,
        child: Child,
        sock: socket.socket,
        on_event: Callable[["Connection", Event], None],
    ) -> None:
        self.child = child
        self._sock = sock
        self._on_event = on_event
        self._numbers = count(1)
        self._sending = threading.Lock()
        self._waiting: dict[int, SimpleQueue[Frame | None]] = {}
        self._waiting_lock = threading.Lock()
        self._gone = False
        self._ended = threading.Event()
        self._reader = threading.Thread(
            target=self._read, name=f"lookalike-engine-{child.pid}", daemon=True
        )
        self._reader.start()

    def call(
        self, op: str, body: bytes = b"", timeout: float | None = None, **header: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Ask, and wait for the answer. Raises ConnectionLostError, RefusedError, TimeoutError."""
        slot: SimpleQueue[Frame | None] = SimpleQueue()
        number = next(self._numbers)
        message = frame({"id": number, "op": op, **header}, body)
        with self._waiting_lock:
            if self._gone:
                raise ConnectionLostError
            self._waiting[number] = slot
        try:
            with self._sending:
                send(self._sock, message)
            answer = slot.get(timeout=timeout)
        except OSError:
            self._ended.wait(timeout)  # the reading thread makes it known
            raise ConnectionLostError from None
        except Empty:
            raise TimeoutError(f"{op} took more than {timeout} s") from None
        finally:
            self._waiting.pop(number, None)
        if answer is None:
            raise ConnectionLostError
        decoded = answer.header
        if "error" in decoded:
            raise RefusedError(decoded["error"], decoded["facts"])
        return decoded, answer.body

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._gone

    def kill(self) -> None:
        """End the process now. What it has acknowledged is in its log."""
        self.child.kill()
        self.child.wait()

    def close(self, timeout: float) -> None:
        """Let it flush and end; kill it if it takes longer."""
        try:
            self.call("close", timeout=timeout)
            self.child.wait(timeout)
        except (ConnectionLostError, RefusedError):
            self.child.wait()
        except Exception:  # it must end, whatever is wrong with it
            self.kill()

    def _read(self) -> None:
        decoder = Decoder()
        try:
            while data := self._sock.recv(RECEIVE):
                for one in decoder.feed(data):
                    self._dispatch(one)
        except (OSError, OutOfStepError):
            pass
        self._sock.close()
        code = self.child.wait()
        with self._waiting_lock:
            self._gone = True
            waiting = list(self._waiting.values())
        # first make it known, so that a caller who is let go finds it so
        self._on_event(self, {"event": "gone", "code": code})
        self._ended.set()
        for slot in waiting:
            slot.put(None)

    def _dispatch(self, one: Frame) -> None:
        # the number comes first in every header that a worker writes; the rest is for the thread that waits
        number = int(one.head[6 : _end(one.head)])
        if number == 0:
            self._on_event(self, one.header)
        elif slot := self._waiting.get(number):
            slot.put(one)


def _end(head: bytes) -> int:
    comma = head.find(b",", 6)
    return comma if comma > 0 else head.index(b"}", 6)
