"""The process that holds one collection's shard: `python -m lookalike.catalog.engine.worker`.

One loop owns the shard. It takes frames from the service, and during an index build from the builder,
and does reads first, then writes in their order, then what can wait (the builder's scroll, duplicates).
Everything it says it has done survives SIGKILL: Qdrant's write-ahead log has it. It ends when the service's
end of the socket closes, which happens however the service ends.
"""

import os
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookalike.catalog.engine import process
from lookalike.catalog.engine.journal import JournalWriter, replay
from lookalike.catalog.engine.shard import Reply, Shard, disk_usage
from lookalike.catalog.engine.wire import RECEIVE, Decoder, Frame, frame, send

MiB = 2**20

RESERVE = 112 * MiB
"""Room that must be left on the disk for an upsert to begin. The engine grows its files 32 MiB at a time (log,
vectors, payloads) through memory maps, and a map that can't be backed ends the process instead of failing."""

RESERVE_DELETE = 40 * MiB
"""Deleting needs the log only, and may be what makes room."""

FLUSH_BYTES = 4 * MiB
FLUSH_IDLE = 0.5
"""Seconds without a write after which what was written is flushed. Between flushes the log keeps it."""

FLUSH_RETRY = 5.0

READS_IN_ROW = 8
"""So many searches may go before a write that came first."""

WRITES = frozenset({"upsert", "delete", "index", "flush", "seal", "unseal", "catch_up", "build"})
PATIENT = frozenset({"neighbours", "scroll"})


class RefusedError(Exception):
    """A call that is answered with an error of a known type and its facts."""

    def __init__(self, kind: str, **facts: Any) -> None:
        self.kind, self.facts = kind, facts
        super().__init__(kind)


class Peer:
    """One end of a socket, and what has come through it so far."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.decoder = Decoder()

    def receive(self) -> list[Frame] | None:
        """The frames that are complete now; None when the other end is gone."""
        try:
            data = self.sock.recv(RECEIVE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self.decoder.feed(data) if data else None


Work = tuple[Peer, dict[str, Any], bytes, Frame]
"""Who asks, the header, the body, and the frame as it came."""


class Worker:
    """The loop, the shard, and the build that may be going on."""

    def __init__(
        self, sock: socket.socket, path: Path, spec: dict[str, Any], *, create: bool
    ) -> None:
        self._path = path
        self._spec = spec
        self._shard = Shard(path, spec, create=create)
        state = process.read_state(path)
        self._indexed: int = state.get("indexed", 0)
        # the state is written at each flush, and the log may have brought more since
        self._pending = max(state.get("pending", 0), self._shard.items() - self._indexed)
        self._quantized = state.get("quantized", 0)
        self._service = Peer(sock)
        self._builder: Peer | None = None
        self._build: process.Child | None = None
        self._build_begun = 0.0
        self._journal: JournalWriter | None = None
        self._sealed = False
        self._closing = False
        self._dirty = 0
        self._written_at = 0.0
        self._reads: deque[Work] = deque()
        self._writes: deque[Work] = deque()
        self._patient: deque[Work] = deque()
        self._in_row = 0
        self._turn = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ, self._service)
        self._operations: dict[str, Callable[[dict[str, Any], bytes], Reply | dict[str, Any]]] = {
            "upsert": self._upsert,
            "delete": self._delete,
            "index": self._index,
            "flush": self._flush,
            "search": lambda h, b: {"hits": self._shard.search(h, b)},
            "get": lambda h, _: self._shard.get(h["ids"], h["what"]),
            "scroll": lambda h, _: self._shard.scroll(
                h.get("filter"), h.get("after"), h["limit"], h["what"]
            ),
            "count": self._count,
            "facet": self._facet,
            "neighbours": self._neighbours,
            "stats": lambda _h, _b: self._stats(),
            "build": self._begin_build,
            "seal": self._seal,
            "unseal": self._unseal,
            "catch_up": self._catch_up,
            "close": self._close,
            "done": self._build_done,
            "failed": lambda h, _: self._build_ended(h["reason"]),
        }

    def run(self) -> None:
        """Serve until told to close, or until the service is gone."""
        self._say({"event": "ready", **self._stats()})
        while not self._closing:
            self._poll()
            if work := self._next():
                self._do(*work)
        self._abandon_build()
        if self._dirty:
            self._flush_if_possible()
        self._shard.close()

    def _poll(self) -> None:
        waiting = self._reads or self._writes or self._patient
        timeout = 0.0 if waiting else (FLUSH_IDLE if self._dirty else None)
        ready = self._selector.select(timeout)
        for key, _ in ready:
            peer: Peer = key.data
            frames = peer.receive()
            if frames is None:
                self._gone(peer)
            for one in frames or ():
                self._sort(peer, one)
        idle = self._dirty and not waiting and not ready
        if idle and time.monotonic() - self._written_at >= FLUSH_IDLE:
            self._flush_if_possible()

    def _sort(self, peer: Peer, one: Frame) -> None:
        header = one.header
        queue = self._reads
        if header["op"] in WRITES:
            queue = self._writes
        elif peer is self._builder or header["op"] in PATIENT:
            queue = self._patient
        queue.append((peer, header, one.body, one))

    def _next(self) -> Work | None:
        # reads first, but never so that writes stand still; and writes never so that a build does
        if self._reads and (self._in_row < READS_IN_ROW or not (self._writes or self._patient)):
            self._in_row += 1
            return self._reads.popleft()
        self._in_row = 0
        self._turn = not self._turn
        for queue in (self._writes, self._patient) if self._turn else (self._patient, self._writes):
            if queue:
                return queue.popleft()
        return None

    def _gone(self, peer: Peer) -> None:
        self._selector.unregister(peer.sock)
        peer.sock.close()
        if peer is self._service:
            self._closing = True
        elif peer is self._builder:
            self._builder = None
            self._build_ended("the builder's process ended before it was done")

    def _do(self, peer: Peer, header: dict[str, Any], body: bytes, whole: Frame) -> None:
        number = header["id"]
        try:
            result = self._operations[header["op"]](header, body)
            out, raw = result if isinstance(result, tuple) else (result, b"")
            if header["op"] in ("upsert", "delete", "index"):
                self._journal_write(whole)
                out["pending"] = self._pending
            answer = frame({"id": number, **out}, raw)
        except RefusedError as error:
            answer = frame({"id": number, "error": error.kind, "facts": error.facts})
        except Exception as error:
            answer = frame(_failure(number, error))
        try:
            send(peer.sock, answer)
        except OSError:
            return  # gone; the next poll sees it
        if (
            self._dirty >= FLUSH_BYTES
            and not self._reads
            and time.monotonic() > self._written_at - 1
        ):
            self._flush_if_possible()

    def _say(self, event: dict[str, Any]) -> None:
        try:
            send(self._service.sock, frame({"id": 0, **event}))
        except OSError:
            self._closing = True

    # Writing

    def _upsert(self, header: dict[str, Any], body: bytes) -> dict[str, Any]:
        self._writable(RESERVE + 3 * len(body))
        self._shard.upsert(header["points"], body)
        self._wrote(len(header["points"]), len(body) + 256 * len(header["points"]))
        return {}

    def _delete(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        self._writable(RESERVE_DELETE)
        there = self._shard.delete(header["ids"])
        self._wrote(there, 64 * there)
        return {"deleted": there}

    def _index(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        self._writable(RESERVE)
        self._shard.index_fields(header["fields"])
        self._wrote(0, FLUSH_BYTES)
        return {}

    def _writable(self, needed: int) -> None:
        if self._sealed:
            raise RefusedError("sealed")
        disk = os.statvfs(self._path)
        free = disk.f_bavail * disk.f_frsize
        if free < needed:
            raise RefusedError("full", free=free, needed=needed)

    def _wrote(self, points: int, size: int) -> None:
        self._pending += points
        self._dirty += size or 1
        self._written_at = time.monotonic()

    def _flush(self, _h: dict[str, Any], _b: bytes) -> dict[str, Any]:
        if self._dirty:
            self._shard.flush()
            self._save()
            self._dirty = 0
        return {}

    def _flush_if_possible(self) -> None:
        """A flush that nobody asked for: on a full disk it fails, and the log keeps what was written."""
        try:
            self._flush({}, b"")
        except Exception as error:  # the engine's own kind
            print(f"flush of {self._path} failed: {error}", file=sys.stderr)  # noqa: T201
            self._written_at = time.monotonic() + FLUSH_RETRY

    def _save(self) -> None:
        process.write_state(
            self._path,
            {"indexed": self._indexed, "pending": self._pending, "quantized": self._quantized},
        )

    # Reading

    def _stats(self) -> dict[str, Any]:
        return {
            "items": self._shard.items(),
            "indexed": self._indexed,
            "pending": self._pending,
            "quantized": self._quantized,
        }

    def _count(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        where = header.get("filter")
        return {"count": self._shard.items() if where is None else self._shard.count(where)}

    def _facet(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        if not self._shard.has_index(header["path"]):
            raise RefusedError("unindexed")
        limit = header["limit"]
        return {"values": self._shard.facet(header["path"], header.get("filter"), limit)}

    def _neighbours(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        pairs, following = self._shard.neighbours(header)
        return {"pairs": pairs, "next": following}

    # The index build, and handing over to the process that has its result

    def _begin_build(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        if self._build is not None:
            return {"begun": False}
        disk = os.statvfs(self._path)
        free, needed = disk.f_bavail * disk.f_frsize, RESERVE + 2 * disk_usage(self._path)
        if free < needed:
            raise RefusedError("full", free=free, needed=needed)
        self._journal = JournalWriter(Path(header["journal"]))
        ours, theirs = socket.socketpair()
        with theirs:
            self._build = process.spawn(
                "lookalike.catalog.engine.builder",
                {key: header[key] for key in ("path", "spec", "fields", "nice")},
                theirs,
                keep=process.inherited(),
            )
        self._builder = Peer(ours)
        self._build_begun = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, self._builder)
        return {"begun": True, "pid": self._build.pid}

    def _build_done(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        seconds = time.monotonic() - self._build_begun
        self._say({"event": "built", "indexed": header["indexed"], "seconds": seconds})
        return {}

    def _build_ended(self, reason: str) -> dict[str, Any]:
        """The builder is gone: with success when it said `done` before, for then the journal goes on."""
        if self._build is None:
            return {}
        code = self._build.wait()
        self._build = None
        if code != 0:
            self._close_journal()
            self._say({"event": "build_failed", "reason": f"{reason} (exit status {code})"})
        return {}

    def _abandon_build(self) -> None:
        if self._build is not None:
            self._build.kill()
            self._build.wait()
            self._build = None
        self._close_journal()

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _journal_write(self, whole: Frame) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(whole)
        except OSError as error:
            # the write is in the shard; only the build that can't be followed up is lost
            self._abandon_build()
            self._say({"event": "build_failed", "reason": f"its journal can't be written: {error}"})

    def _seal(self, _h: dict[str, Any], _b: bytes) -> dict[str, Any]:
        if self._journal is None:
            raise RefusedError("no_build")
        self._sealed = True
        return {"length": self._journal.length}

    def _unseal(self, _h: dict[str, Any], _b: bytes) -> dict[str, Any]:
        self._sealed = False
        self._abandon_build()
        return {}

    def _catch_up(self, header: dict[str, Any], _: bytes) -> dict[str, Any]:
        reached = header["from"]
        for one, end in replay(Path(header["journal"]), header["from"], header["to"]):
            said = one.header
            if said["op"] == "upsert":
                self._upsert(said, one.body)
            elif said["op"] == "delete":
                self._delete(said, b"")
            else:
                self._index(said, b"")
            reached = end
            if self._dirty >= FLUSH_BYTES:
                self._flush({}, b"")
        self._flush({}, b"")
        return {"reached": reached}

    def _close(self, _h: dict[str, Any], _b: bytes) -> dict[str, Any]:
        self._flush_if_possible()
        self._closing = True
        return {}


def _failure(number: int, error: Exception) -> dict[str, Any]:
    words = f"{type(error).__name__}: {error}" if type(error) is not Exception else str(error)
    full = "No space left on device" in words or "os error 28" in words
    return {"id": number, "error": "full" if full else "engine", "facts": {"reason": words}}


def main() -> int:
    """Run the worker that argv describes."""
    arguments = process.arguments(sys.argv)
    sock = process.settle(arguments)
    try:
        worker = Worker(
            sock, Path(arguments["path"]), arguments["spec"], create=arguments["create"]
        )
    except Exception as error:
        send(sock, frame({"id": 0, "event": "unreadable", "reason": str(error)}))
        return 1
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
