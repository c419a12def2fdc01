"""What the service gives over HTTP: `python -m benchmarks.service`.

`lookalike serve` with ViT-B/32 of random weights (or `--model`), over loopback: JPEGs of 800x800 as multipart,
base64 and data URI, short texts that do not repeat, and a mix of pictures and texts. In a closed loop at 1, 4,
16 and 64 clients, then in an open loop (Poisson) at 50, 80, 95 and 120% of the best rate of those.

"own" is the median of a request's time beside decoding and inference, as the client sees it: transfer, parsing,
queues, batching, JSON. "processor" is what a request costs all of the server's processes, "client" what it
costs this one, which makes the load on the same cores. `--infinity URL` measures an Infinity server that runs
on the same machine, figure by figure in turn with ours, and prints the ratios (start it with: infinity_emb v2
--model-id openai/clip-vit-base-patch32). Machines are noisy: read the ratios.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks import load
from benchmarks.load import (
    FORMS,
    WORDS,
    Client,
    Content,
    Result,
    Target,
    closed,
    data_uri,
    jpegs,
    opened,
)

__all__ = ["WORDS", "data_uri", "jpegs", "lookalike", "resident_mb"]

CLIENTS = (1, 4, 16, 64)
SHARES = (0.5, 0.8, 0.95, 1.2)
ROUNDS = 2
"""Each figure is taken in so many parts, one of every server in turn: what disturbs the machine hits all."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A server that is to be asked, and how far."""

    target: Target
    process: psutil.Process | None
    """None: it is not known which; then nothing is said of memory and processor time."""
    clients: Sequence[int] = CLIENTS
    shares: Sequence[float] = SHARES

    def processor_seconds(self) -> float:
        if self.process is None:
            return float("nan")
        times = [one.cpu_times() for one in family(self.process)]
        return sum(one.user + one.system for one in times)


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def resident_mb(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in family(process)) / 1e6


def figures(servers: Sequence[Server], seconds: float, forms: Sequence[str]) -> Iterator[Figures]:
    """A row for every form, load and server that takes it; the servers take turns."""
    content = Content()
    for form in forms:
        able = [server for server in servers if form in server.target.forms]
        best = dict.fromkeys((server.target.name for server in able), 0.0)
        for server in able:
            closed(server.target, form, content, 16, min(1.0, seconds))  # warm
        for clients in CLIENTS:
            some = [server for server in able if clients in server.clients]
            asked = partial(_closed, content, form, clients)
            for server, row in in_turn(some, asked, seconds):
                name = server.target.name
                best[name] = max(best[name], row["rate"])
                yield {"server": name, "kind": form, "load": f"{clients} clients", **row}
        for share in SHARES:
            some = [server for server in able if share in server.shares]
            asked = partial(_opened, content, form, {name: share * best[name] for name in best})
            for server, row in in_turn(some, asked, seconds):
                yield {
                    "server": server.target.name,
                    "kind": form,
                    "load": f"open {share:.0%}",
                    **row,
                }


def _closed(content: Content, form: str, clients: int, target: Target, seconds: float) -> Result:
    return closed(target, form, content, clients, seconds)


def _opened(
    content: Content, form: str, rates: dict[str, float], target: Target, seconds: float
) -> Result:
    return opened(target, form, content, max(rates[target.name], 0.1), seconds)


def in_turn(
    servers: Sequence[Server], ask: Callable[[Target, float], Result], seconds: float
) -> Iterator[tuple[Server, Figures]]:
    """Each server's row, taken in ROUNDS parts, one of every server in turn."""
    results = [Result() for _ in servers]
    spent = [0.0 for _ in servers]
    for _ in range(ROUNDS):
        for place, server in enumerate(servers):
            before = server.processor_seconds()
            results[place] += ask(server.target, seconds / ROUNDS)
            spent[place] += server.processor_seconds() - before
    for server, result, processor in zip(servers, results, spent, strict=True):
        yield server, {
            "answered": len(result.latencies),
            "rate": result.rate,
            "p50": result.ms(0.5),
            "p95": result.ms(0.95),
            "p99": result.ms(0.99),
            "own_ms": result.own_ms,
            "refused": result.refused,
            "failed": result.failed,
            "processor_ms": 1e3 * processor / max(1, len(result.latencies)),
            "client_ms": result.client_ms,
        }  # fmt: skip


def line(row: Figures) -> str:
    return (
        f"{row['server']:18} {row['kind']:9} {row['load']:10} {row['rate']:7.1f}/s  p50 {row['p50']:7.1f}  "
        f"p95 {row['p95']:7.1f}  p99 {row['p99']:7.1f}  own {row['own_ms']:7.2f}  "
        f"processor {row['processor_ms']:6.2f}  client {row['client_ms']:5.2f} ms  "
        f"refused {row['refused']}  failed {row['failed']}"
    )


@contextlib.contextmanager
def lookalike(
    model: str, precision: str, name: str = "lookalike", mode: str = "natural"
) -> Iterator[tuple[Target, psutil.Process]]:
    """`lookalike serve`, ready, in a process of its own. `mode`: how it shows pictures to the model."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-c", "from lookalike.cli import main; main()", "serve",
                   "--port", "0", "--model", model, "--precision", precision, "--data", folder]  # fmt: skip
        env = {**os.environ, "LOOKALIKE_LOG_FORMAT": "json", "LOOKALIKE_LOG_LEVEL": "info",
               "LOOKALIKE_IMAGE_MODE": mode}  # fmt: skip
        with log.open("w") as file:
            process = subprocess.Popen(command, env=env, stderr=file)
        try:
            url = wait_until_ready(process, log)
            yield load.ours(url, name), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if found := re.search(r'"url":"(http://[^"]+)"', log.read_text()):
            parts = urlsplit(found.group(1))
            wire = http.client.HTTPConnection(parts.hostname or "", parts.port)
            wire.request("GET", "/readyz")
            if wire.getresponse().status == 200:
                return found.group(1)
        time.sleep(0.1)
    raise SystemExit(log.read_text())


def own_cpu_ms(server: Server, requests: int = 500) -> float:
    """What a request costs where the model has nothing to do; processor time, as others may use the machine."""
    client = Client(server.target)
    request = load.request(server.target, server.target.of_text("a red dress"))
    client.ask(request)
    before = server.processor_seconds()
    for _ in range(requests):
        client.ask(request)
    return 1e3 * (server.processor_seconds() - before) / requests


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default=None, help="default: ViT-B-32 of random weights")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each line")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--infinity", metavar="URL", help="an Infinity server on this machine")
    parser.add_argument("--infinity-model", default="openai/clip-vit-base-patch32")
    parser.add_argument("--json", type=Path, help="write the rows there too")
    given = parser.parse_args()
    model = given.model
    if model is None:
        from benchmarks.random_model import random_bundle

        model = str(random_bundle("ViT-B-32").path)
    rows = []
    with lookalike(model, given.precision) as (target, process):
        servers = [Server(target, process)]
        if given.infinity:
            servers.insert(0, Server(load.infinity(given.infinity, given.infinity_model), None))
        for row in figures(servers, given.seconds, given.forms):
            rows.append(row)
            print(line(row), flush=True)
            theirs = rows[-2] if len(rows) > 1 else row
            if theirs["server"] == "infinity" and theirs["load"] == row["load"]:
                rate, p50 = (row[name] / theirs[name] for name in ("rate", "p50"))
                print(
                    f"{'':18} {row['kind']:9} {row['load']:10} ratio: rate {rate:.2f}, p50 {p50:.2f}"
                )
        print(
            f"own processor time: {own_cpu_ms(servers[-1]):.2f} ms a request (text, from the cache)"
        )
        print(f"resident: {resident_mb(process):.0f} MB (the service and the store's processes)")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
