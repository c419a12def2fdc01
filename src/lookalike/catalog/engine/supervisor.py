"""The thread that starts every worker, and looks after the collections now and then.

A worker is killed by the kernel when the thread that started it ends, so that none outlives the service;
hence one thread, which lives as long as the store.
"""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from lookalike.catalog.engine import process
from lookalike.catalog.engine.process import Child

TICK = 1.0
"""Seconds between two looks at what needs an index."""


class Supervisor:
    """Runs `tick` every second, and `start` when asked."""

    def __init__(self, tick: Callable[[], None], keep: list[int]) -> None:
        self._tick = tick
        self._keep = keep
        self._orders: SimpleQueue[tuple[str, dict[str, Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="lookalike-engine", daemon=True)
        self._thread.start()

    def start(self, module: str, arguments: dict[str, Any]) -> tuple[Child, socket.socket]:
        """A new process, and our end of the socket to it. Raises OSError."""
        future: Future[tuple[Child, socket.socket]] = Future()
        self._orders.put((module, arguments, future))
        return future.result()

    def stop(self) -> None:
        """End the thread, when the workers have ended."""
        self._orders.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                order = self._orders.get(timeout=TICK)
            except Empty:
                self._tick()
                continue
            if order is None:
                return
            module, arguments, future = order
            try:
                ours, theirs = socket.socketpair()
                with theirs:
                    child = process.spawn(module, arguments, theirs, self._keep)
            except OSError as error:
                future.set_exception(error)
            else:
                future.set_result((child, ours))
