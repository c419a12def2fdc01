"""One client asks one thing after the other; what each request's stages took, beside what the client saw.

Two servers are asked in turn, one with timers and one without, so that what the timers cost is seen too.
"""

import base64
import contextlib
import itertools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.budget.stages import FIRST, STAGES
from benchmarks.service import WORDS, data_uri, jpegs, wait_until_ready

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
WARM = 20
"""Requests of each kind before any counts."""
PICTURES = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to ask, and the request's body with its type, by number."""

    name: str
    path: str
    body: Callable[[int], tuple[str, bytes]]


def kinds(pictures: Sequence[bytes]) -> tuple[Kind, ...]:
    """Every way in which a picture comes, and a text that was not asked before."""

    def as_json(**fields: str) -> tuple[str, bytes]:
        return "application/json", json.dumps(fields).encode()

    def picture(number: int) -> bytes:
        return pictures[number % len(pictures)]

    def form(number: int) -> tuple[str, bytes]:
        head = (b'--cut\r\ncontent-disposition: form-data; name="file"; filename="p.jpg"\r\n'
                b"content-type: image/jpeg\r\n\r\n")  # fmt: skip
        return "multipart/form-data; boundary=cut", head + picture(number) + b"\r\n--cut--\r\n"

    def text(number: int) -> tuple[str, bytes]:
        words = (WORDS[number * (n + 3) % len(WORDS)] for n in range(5))
        return as_json(text=f"{' '.join(words)} {number}")

    return (
        Kind("data URI", "/embed/image", lambda n: as_json(image=data_uri(picture(n)))),
        Kind(
            "base64", "/embed/image", lambda n: as_json(image=base64.b64encode(picture(n)).decode())
        ),
        Kind("multipart", "/embed/image", form),
        Kind("text", "/embed/text", text),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, as the client saw it. By `time.perf_counter()`, which is one clock for all processes."""

    began: float
    ended: float
    server_timing: dict[str, float]
    """The service's own account, in milliseconds."""


class Client:
    """One connection, kept open; nothing is parsed before the clock is stopped, but where the body begins."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = f"{parts.hostname}:{parts.port}"
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path: str, media: str, body: bytes) -> Seen:
        """Raises RuntimeError where the answer isn't 200."""
        head = (f"POST {path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: {media}\r\n"
                f"content-length: {len(body)}\r\n\r\n")  # fmt: skip
        sent = head.encode() + body
        began = time.perf_counter()
        self._socket.sendall(sent)
        answer, whole = b"", None
        while whole is None or len(answer) < whole:
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise RuntimeError("the server closed the connection")
            answer += piece
            if whole is None and (at := answer.find(b"\r\n\r\n")) >= 0:
                length = re.search(rb"(?i)content-length: (\d+)", answer[:at])
                whole = at + 4 + int(length[1] if length else 0)
        ended = time.perf_counter()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer[:500].decode(errors="replace"))
        timing = re.search(
            r"(?i)server-timing: (.*)\r\n", answer.partition(b"\r\n\r\n")[0].decode() + "\r\n"
        )
        told = re.findall(r"(\w+);dur=([\d.]+)", timing[1] if timing else "")
        return Seen(began, ended, {name: float(ms) for name, ms in told})

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def serving(model: str, precision: str, file: Path | None) -> Iterator[Client]:
    """A client of the service, with timers if there is a file for what they say; written when this ends."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "MODEL_NAME": model,
            "LOOKALIKE_PRECISION": precision,
            "LOOKALIKE_DATA": folder,
            "LOOKALIKE_PORT": "0",
            "LOOKALIKE_LOG_FORMAT": "json",
            "LOOKALIKE_LOG_LEVEL": "info",
        }
        command = [sys.executable, "-m", "benchmarks.budget.server", *([str(file)] if file else [])]
        with log.open("w") as out:
            process = subprocess.Popen(command, env=environment, stderr=out, cwd=ROOT)
        try:
            client = Client(wait_until_ready(process, log))
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait(60)


def measure(model: str, precision: str, requests: int) -> list[Row]:
    """A row for each kind of request. Milliseconds; medians of `requests`."""
    asked = kinds(jpegs(PICTURES))
    seen: dict[str, list[Seen]] = {}
    plain: dict[str, list[Seen]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stages.json"
        with serving(model, precision, file) as timed, serving(model, precision, None) as untimed:
            for kind in asked:
                seen[kind.name], plain[kind.name] = [], []
                turns = [(timed, seen[kind.name]), (untimed, plain[kind.name])]
                for number in range(WARM + requests):
                    for client, answers in turns:
                        answers.append(client.ask(kind.path, *kind.body(number)))
                    turns.reverse()  # neither is always the one that comes after the other
        recorded = json.loads(file.read_text())[-len(asked) * (WARM + requests) :]
    rows = []
    for number, kind in enumerate(asked):
        first = number * (WARM + requests) + WARM
        rows.append(
            row_of(kind.name, recorded[first : first + requests], seen[kind.name][WARM:])
            | {
                "plain_ms": 1e3
                * statistics.median(s.ended - s.began for s in plain[kind.name][WARM:])
            }
            | {"bytes": len(kind.body(0)[1])}
        )
    return rows


def spent(switches: Sequence[tuple[str, float]], began: float, ended: float) -> dict[str, float]:
    """Milliseconds of one request in each stage, from when the client began until it had its answer."""
    within = [(FIRST, began), *((stage, min(at, ended)) for stage, at in switches)]
    total = dict.fromkeys(STAGES, 0.0)
    for (stage, start), (_, end) in zip(within, [*within[1:], ("", ended)], strict=True):
        total[stage] += (end - start) * 1e3
    return total


def row_of(name: str, recorded: Sequence[Any], seen: Sequence[Seen]) -> Row:
    """The medians of some requests of one kind, and how they add up."""
    each = [
        spent(switches, one.began, one.ended) for switches, one in zip(recorded, seen, strict=True)
    ]
    stages = {stage: statistics.median(one[stage] for one in each) for stage in STAGES}
    whole = 1e3 * statistics.median(one.ended - one.began for one in seen)
    told = seen[0].server_timing
    return {
        "request": name,
        "requests": len(seen),
        "stages": {stage: ms for stage, ms in stages.items() if ms},
        "path": [stage for stage, _ in itertools.groupby(stage for stage, _ in recorded[-1])],
        "sum_ms": sum(stages.values()),
        "whole_ms": whole,
        "unaccounted_ms": whole - sum(stages.values()),
        "server_timing": {
            key: statistics.median(one.server_timing[key] for one in seen) for key in told
        },
    }
