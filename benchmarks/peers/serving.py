"""The peers as services: Infinity over HTTP beside `lookalike serve`, in turn, with the same load.

Both run alone on the machine while they are asked. Closed loop at 1, 4, 16 and 64 clients; Lookalike also by
open loop (Poisson) at 50, 80, 95 and 120% of what 16 clients got. Processor time is of the whole family of the
server's processes, a request.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.environments import python_of
from benchmarks.peers.library import OFFLINE
from benchmarks.random_model import random_bundle
from benchmarks.service import Content, Result, Target, closed, lookalike, opened, resident_mb

CLIENTS = (1, 4, 16, 64)
SHARES = (0.5, 0.8, 0.95, 1.2)
PORT = 7997


@contextlib.contextmanager
def infinity(
    material: Path, dtype: str, given: dict[str, str]
) -> Iterator[tuple[Target, psutil.Process]]:
    """Infinity as its docs start it on a CPU: the PyTorch engine, lengths and batches by default."""
    python = Path(python_of("infinity", given))
    command = [str(python.parent / "infinity_emb"), "v2", "--model-id", str(material / "hf"),
               "--served-model-name", "clip", "--device", "cpu", "--engine", "torch",
               "--dtype", dtype, "--port", str(PORT)]  # fmt: skip
    env = {**os.environ, **OFFLINE, "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit("Infinity did not start: " + " ".join(command))
            with contextlib.suppress(OSError):
                wire = http.client.HTTPConnection("127.0.0.1", PORT)
                wire.request("GET", "/health")
                if wire.getresponse().status == 200:
                    break
            time.sleep(0.2)

        def body(kind: str, one: str) -> bytes:
            asked = {"model": "clip", "input": [one], "modality": kind}
            return json.dumps({**asked, "encoding_format": "base64"}).encode()

        url = f"http://127.0.0.1:{PORT}"
        yield Target(f"Infinity {dtype}", url, "/embeddings", body), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def ours(precision: str) -> Iterator[tuple[Target, psutil.Process]]:
    with lookalike(str(random_bundle("ViT-B-32").path), precision) as (target, process):
        target.name = f"Lookalike {precision}"
        yield target, process


def processor_seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (one.cpu_times() for one in family))


def row(target: Target, kind: str, load: str, result: Result, spent: float) -> dict[str, Any]:
    answered = max(1, len(result.latencies))
    found = {"server": target.name, "kind": kind, "load": load, "rate": result.rate,
             "p50": result.ms(0.5), "p95": result.ms(0.95), "p99": result.ms(0.99),
             "own_ms": result.own_ms, "refused": result.refused, "failed": result.failed,
             "processor_ms": 1e3 * spent / answered}  # fmt: skip
    print("  " + "  ".join(f"{name} {value:.1f}" if isinstance(value, float) else str(value)
                           for name, value in found.items()), file=sys.stderr, flush=True)  # fmt: skip
    return found


def loads(
    target: Target, process: psutil.Process, content: Content, seconds: float, *, shares: bool
) -> Iterator[dict[str, Any]]:
    for kind in ("image", "text"):
        most = 0.0
        for clients in CLIENTS:
            closed(target, kind, content, clients, min(2.0, seconds))
            before = processor_seconds(process)
            result = closed(target, kind, content, clients, seconds)
            spent = processor_seconds(process) - before
            yield row(target, kind, f"{clients} clients", result, spent)
            most = max(most, result.rate if clients == 16 else 0.0)
        for share in SHARES if shares else ():
            before = processor_seconds(process)
            result = opened(target, kind, content, share * most, seconds)
            spent = processor_seconds(process) - before
            yield row(target, kind, f"open {share:.0%}", result, spent)


def run(material: Path, seconds: float, given: dict[str, str]) -> Iterator[dict[str, Any]]:
    content = Content()
    servers = [
        ("Infinity float32", lambda: infinity(material, "float32", given)),
        ("Infinity bfloat16", lambda: infinity(material, "bfloat16", given)),
        ("Lookalike bf16", lambda: ours("bf16")),
        ("Lookalike int8", lambda: ours("int8")),
    ]
    for name, start in servers:
        print(f"  {name}", file=sys.stderr)
        with start() as (target, process):
            yield from loads(target, process, content, seconds, shares=name.startswith("Lookalike"))
            yield {"server": name, "resident_mb": resident_mb(process)}
