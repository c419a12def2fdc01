"""The process that makes a collection's next index: `python -m lookalike.catalog.engine.builder`.

It reads every point from the worker in small pieces, writes them into a shard of its own, and builds the
index there at the lowest priority. Nobody waits for it and nothing depends on it: killed at any moment, it
leaves a folder that nothing points to.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from lookalike.catalog.engine import process
from lookalike.catalog.engine.shard import Shard
from lookalike.catalog.engine.wire import RECEIVE, Decoder, Frame, frame, send

PIECE = 64
"""Points of one scroll: about 2 ms of the worker's time, which a search may have to wait for."""

FLUSH_EVERY = 64
"""Pieces between two flushes, so that the log doesn't grow."""


class Caller:
    """Asks the worker, one question at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._decoder = Decoder()

    def __call__(self, **request: Any) -> tuple[dict[str, Any], bytes]:
        """The answer. Raises ConnectionError when the worker is gone, RuntimeError when it refuses."""
        send(self._sock, frame({"id": 1, **request}))
        while not (frames := self._receive()):
            continue
        header = frames[0].header
        if "error" in header:
            raise RuntimeError(f"{header['error']}: {header['facts']}")
        return header, frames[0].body

    def _receive(self) -> list[Frame]:
        data = self._sock.recv(RECEIVE)
        if not data:
            raise ConnectionError("the worker is gone")
        return self._decoder.feed(data)


def build(ask: Caller, path: Path, spec: dict[str, Any], fields: dict[str, str]) -> int:
    """Copy all points into a new shard at `path`, index it and flush it; how many there are."""
    shard = Shard(path, spec, create=True)
    shard.index_fields(fields)
    after: str | None = None
    copied = pieces = 0
    while True:
        header, body = ask(op="scroll", after=after, limit=PIECE, what="vectors")
        points = [{"id": row[0], "p": row[1], "v": row[2]} for row in header["rows"]]
        if points:
            shard.upsert(points, body)
        copied += len(points)
        pieces += 1
        if pieces % FLUSH_EVERY == 0:
            shard.flush()
        after = header["next"]
        if after is None:
            break
    shard.flush()
    shard.optimize()
    shard.flush()
    process.write_state(
        path, {"indexed": copied, "pending": 0, "quantized": int(spec["quantized"])}
    )
    shard.close()
    return copied


def main() -> int:
    """Run the build that argv describes."""
    arguments = process.arguments(sys.argv)
    sock = process.settle(arguments)
    os.nice(arguments["nice"])
    ask = Caller(sock)
    try:
        copied = build(ask, Path(arguments["path"]), arguments["spec"], arguments["fields"])
    except ConnectionError:
        return 1
    except Exception as error:
        send(sock, frame({"id": 1, "op": "failed", "reason": str(error)}))
        return 1
    ask(op="done", indexed=copied)
    return 0


if __name__ == "__main__":
    sys.exit(main())
