"""One collection of the embedded store, seen from the service: its worker kept running, its index renewed."""

import contextlib
import json
import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lookalike.catalog.engine.connection import (
    Connection,
    ConnectionLostError,
    Event,
    RefusedError,
)
from lookalike.catalog.engine.supervisor import Supervisor
from lookalike.durable import remove_tree, write_durably
from lookalike.errors import EngineFailed, StoreDamaged, StoreError, StoreFull, StoreUnavailable

logger = logging.getLogger(__name__)

POINTER = "current.json"
"""Names the generation in service. A build is in service from the moment that this file says so."""

START_TIMEOUT = 120.0
CALL_TIMEOUT = 120.0
CLOSE_TIMEOUT = 30.0

TRIES = 3
"""A call whose worker dies is made again: every call can be repeated without harm."""

CRASHES, CRASH_WINDOW = 5, 60.0
"""A worker that ends so often in so many seconds without one answer is not started again until it has been
left alone so long."""

BUILD_NICE = 19
"""The lowest priority: a builder takes what the cores have left."""

NEARLY = 1 << 20
"""Bytes of journal that may be left when writes are held for the swap."""

SPACE_LEFT = 112 << 20
"""Less than this free, a worker that ends by SIGBUS had no room for a page of a mapped file."""


STATS = ("items", "indexed", "pending", "quantized")
"""What a worker says of its shard: counts, and 1 where the index has int8 copies."""


@dataclass
class BuildState:
    """What is known of index builds since the store was opened."""

    running: bool = False
    seconds: float | None = None
    reason: str | None = None
    failed_at: float = 0.0
    events: SimpleQueue[Event] = field(default_factory=SimpleQueue)


class Hosted:
    """A collection's worker. `spec`, `build_spec` and `fields` say what a worker and a builder are started
    with; they are called at that moment, so that they give what holds then.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        supervisor: Supervisor,
        spec: Callable[[], dict[str, Any]],
        build_spec: Callable[[], dict[str, Any]],
        fields: Callable[[], dict[str, str]],
    ) -> None:
        self.name = name
        self.folder = folder
        self.stats: dict[str, int] = dict.fromkeys(STATS, 0)
        self.build = BuildState()
        self.written_at = 0.0
        self._supervisor = supervisor
        self._spec = spec
        self._build_spec = build_spec
        self._fields = fields
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._connection: Connection | None = None
        self._starting = False
        self._swapping = False
        self._closed = False
        self._crashes: list[float] = []
        self._last_end = "it has not been started"
        self._generation: str | None = None

    # Calls

    def call(
        self, op: str, body: bytes = b"", timeout: float | None = CALL_TIMEOUT, **header: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the worker; start or restart it if need be.

        Raises StoreUnavailable, StoreFull, StoreDamaged, EngineFailed; RefusedError for what `op` itself
        refuses.
        """
        tries = 0
        while True:
            connection = self.connect()
            try:
                answer, out = connection.call(op, body, timeout, **header)
            except ConnectionLostError:
                if self._connection not in (None, connection):
                    continue  # a swap went on; that is no failure
                tries += 1
                self._raise_if_full()
                if tries >= TRIES:
                    raise StoreUnavailable(self._where, f"it ended during {op}") from None
            except TimeoutError as error:
                connection.kill()
                raise StoreUnavailable(self._where, str(error)) from None
            except RefusedError as error:
                if error.kind == "sealed":
                    self._wait_for_swap(connection)
                    continue
                raise self._translated(op, error) from None
            else:
                self._crashes.clear()
                if "items" in answer:
                    self.stats.update(_stats(answer))
                elif "pending" in answer:
                    self.stats["pending"] = answer["pending"]
                    self.written_at = time.monotonic()
                return answer, out

    @property
    def _where(self) -> str:
        return f"engine of collection {self.name}"

    def _translated(self, op: str, error: RefusedError) -> Exception:
        if error.kind == "full":
            facts = error.facts
            return StoreFull(str(self.folder), facts.get("free"), facts.get("needed"))
        if error.kind == "engine":
            return EngineFailed(op, error.facts["reason"])
        return error

    def _raise_if_full(self) -> None:
        if self._last_end.startswith("SIGBUS") and self._free() < SPACE_LEFT:
            raise StoreFull(str(self.folder), self._free(), SPACE_LEFT)

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free

    # The worker

    def connect(self) -> Connection:
        """The connection to a running worker. Raises StoreUnavailable, StoreDamaged."""
        connection = self._connection
        if connection is not None and not connection.gone:
            return connection
        with self._changed:
            deadline = time.monotonic() + START_TIMEOUT
            while self._starting or self._swapping:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise StoreUnavailable(self._where, "it takes too long to start")
            if self._closed:
                raise StoreUnavailable(self._where, "the store is closed")
            if self._connection is not None and not self._connection.gone:
                return self._connection
            self._refuse_crash_loop()
            self._starting = True
        started = None
        try:
            started = self._start(self.generation)
            return started
        finally:
            with self._changed:
                self._connection = started
                self._starting = False
                self._changed.notify_all()

    def create(self) -> None:
        """Start the worker on a new, empty shard. Raises StoreFull, StoreUnavailable."""
        if (free := self._free()) < SPACE_LEFT:
            raise StoreFull(str(self.folder), free, SPACE_LEFT)
        connection = self._start("g1", create=True)
        write_durably(self.folder / POINTER, {"generation": "g1"})
        with self._changed:
            self._generation = "g1"
            self._connection = connection

    @property
    def generation(self) -> str:
        """The folder, within the collection's, of the shard in service. Raises StoreDamaged."""
        if self._generation is None:
            self._generation = read_pointer(self.name, self.folder)
            self._sweep(self._generation)
        return self._generation

    @property
    def shard(self) -> Path:
        """The files in service."""
        return self.folder / self.generation

    def _sweep(self, keep: str) -> None:
        """Remove what builds left that came to nothing."""
        for entry in self.folder.iterdir():
            if entry.name.startswith("g") and entry.is_dir() and entry.name != keep:
                remove_tree(entry)
        (self.folder / "journal").unlink(missing_ok=True)

    def _start(self, generation: str, *, create: bool = False) -> Connection:
        path = self.folder / generation
        events: SimpleQueue[Event] = SimpleQueue()
        try:
            child, sock = self._supervisor.start(
                "lookalike.catalog.engine.worker",
                {"path": str(path), "spec": self._spec(), "create": create},
            )
        except OSError as error:
            raise StoreUnavailable(self._where, f"it can't be started: {error}") from error

        def on_event(connection: Connection, event: Event) -> None:
            if event["event"] in ("ready", "unreadable"):
                events.put(event)
                return
            if event["event"] == "gone":
                events.put(event)
            self._on_event(connection, event)

        connection = Connection(child, sock, on_event)
        try:
            first = events.get(timeout=START_TIMEOUT)
        except Exception:
            connection.kill()
            raise StoreUnavailable(self._where, "it takes too long to start") from None
        if first["event"] == "unreadable":
            raise StoreDamaged(self.name, path, first["reason"])
        if first["event"] == "gone":
            self._crashes.append(time.monotonic())
            self._last_end = _ending(first["code"])
            self._raise_if_full()
            raise StoreUnavailable(self._where, f"it ended while starting: {self._last_end}")
        self.stats.update(_stats(first))
        return connection

    def _refuse_crash_loop(self) -> None:
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < CRASH_WINDOW]
        if len(self._crashes) >= CRASHES:
            self._raise_if_full()
            raise StoreUnavailable(
                self._where,
                f"it ended {len(self._crashes)} times within {CRASH_WINDOW:.0f} s "
                f"(last: {self._last_end})",
            )

    def _on_event(self, connection: Connection, event: Event) -> None:
        """In the reading thread of the connection."""
        if event["event"] != "gone":
            self.build.events.put(event)
            return
        with self._changed:
            if connection is not self._connection:
                return  # replaced, or never in service
            self._connection = None
            self._changed.notify_all()
            if self._closed:
                return
            self._last_end = _ending(event["code"])
            self._crashes.append(time.monotonic())
        if self.build.running:
            self.build.events.put(event)
        logger.warning("%s ended: %s; starting it again", self._where, self._last_end)
        threading.Thread(target=self._restart, daemon=True).start()

    def _restart(self) -> None:
        try:
            self.connect()
        except StoreError as error:
            logger.error("%s", error)  # noqa: TRY400 (a known error; its words are enough)

    @property
    def running(self) -> bool:
        """Whether there is a worker now."""
        return self._connection is not None and not self._connection.gone

    @property
    def failing(self) -> bool:
        """Whether the worker ends again and again."""
        now = time.monotonic()
        return sum(now - at < CRASH_WINDOW for at in self._crashes) >= CRASHES

    @property
    def closed(self) -> bool:
        """Whether it was told to close."""
        return self._closed

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        connection = self._connection
        return connection.child.pid if connection is not None else None

    def close(self) -> None:
        """Flush and end the worker."""
        with self._changed:
            self._closed = True
            while self._starting or self._swapping:
                self._changed.wait()
            connection, self._connection = self._connection, None
            self._changed.notify_all()
        self.build.events.put({"event": "gone"})
        if connection is not None:
            connection.close(CLOSE_TIMEOUT)

    # The index

    def _wait_for_swap(self, sealed: Connection) -> None:
        with self._changed:
            if self._connection is sealed:
                self._changed.wait(0.05)

    def renew(self) -> None:
        """Build an index on a copy and put it in service. Blocks until then; search and writes go on.

        Raises EngineFailed or another StoreError; then the old index is in service as before.
        """
        with self._lock:
            if self.build.running:
                raise EngineFailed("build", "another build of this collection is running")
            self.build.running = True
            self.build.events = SimpleQueue()
        try:
            self._renew()
        except Exception as error:
            self.build.reason, self.build.failed_at = str(error), time.monotonic()
            raise
        else:
            self.build.reason = None
        finally:
            self.build.running = False
            with self._changed:
                self._changed.notify_all()

    def _renew(self) -> None:
        old = self.connect()
        before = self.generation
        generation = f"g{int(before[1:]) + 1}"
        path, journal = self.folder / generation, self.folder / "journal"
        remove_tree(path)
        new: Connection | None = None
        try:
            self._ask(
                old,
                "build",
                path=str(path),
                spec=self._build_spec(),
                fields=self._fields(),
                journal=str(journal),
                nice=BUILD_NICE,
            )
            built = self._built()
            new = self._start(generation)
            reached = self._follow(new, journal)
            self._hold(old)
            held = self._ask(old, "seal")["length"]
            self._ask(new, "catch_up", journal=str(journal), **{"from": reached, "to": held})
            write_durably(self.folder / POINTER, {"generation": generation})
            self._generation = generation
        except BaseException:
            with contextlib.suppress(ConnectionLostError, RefusedError, TimeoutError):
                old.call("unseal", timeout=CALL_TIMEOUT)
            if new is not None:
                new.kill()
            remove_tree(path)
            raise
        finally:
            journal.unlink(missing_ok=True)
            with self._changed:
                if self._generation == generation:
                    self._connection = None if self._closed else new
                self._swapping = False
                self._changed.notify_all()
        closed = self._closed
        self.build.seconds = built["seconds"]
        self.stats.update(_stats(self._ask(new, "stats")))
        old.close(CLOSE_TIMEOUT)
        remove_tree(self.folder / before)
        if closed:
            new.close(CLOSE_TIMEOUT)

    def _built(self) -> Event:
        event = self.build.events.get()
        if event["event"] != "built":
            raise EngineFailed("build", event.get("reason", "the engine's process ended"))
        return event

    def _hold(self, old: Connection) -> None:
        """From here to the end of the swap no worker may be started on the old shard: what it acknowledged
        would be lost with it.
        """
        with self._changed:
            if self._starting or self._connection is not old:
                raise StoreUnavailable(self._where, "it ended before its new index was in service")
            self._swapping = True

    def _follow(self, new: Connection, journal: Path) -> int:
        """Do again on the new shard what was written meanwhile, until little is left."""
        reached = 0
        for _ in range(20):
            end = journal.stat().st_size
            if end - reached < NEARLY:
                break
            answer = self._ask(
                new, "catch_up", journal=str(journal), **{"from": reached, "to": end}
            )
            reached = answer["reached"]
        return reached

    def _ask(self, connection: Connection, op: str, **header: Any) -> dict[str, Any]:
        try:
            answer, _ = connection.call(op, **header)
        except ConnectionLostError:
            raise StoreUnavailable(self._where, f"it ended during {op}") from None
        except RefusedError as error:
            translated = self._translated(op, error)
            if translated is error:
                raise EngineFailed(op, str(error)) from None
            raise translated from None
        return {key: value for key, value in answer.items() if key != "id"}


def _stats(answer: dict[str, Any]) -> dict[str, int]:
    return {key: answer[key] for key in STATS}


def read_pointer(name: str, folder: Path) -> str:
    """Which generation is in service. Raises StoreDamaged."""
    try:
        generation = json.loads((folder / POINTER).read_text())["generation"]
    except (OSError, ValueError, KeyError) as error:
        raise StoreDamaged(name, folder, f"{POINTER}: {error}") from None
    if not isinstance(generation, str) or not generation[1:].isdigit():
        raise StoreDamaged(name, folder, f"{POINTER} names {generation!r}")
    return generation


def _ending(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"
