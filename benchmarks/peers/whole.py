"""The whole: a folder of pictures taken in, then searched by words, as a user would have it.

    Infinity + Qdrant   the script in workers/infinity_qdrant_worker.py: Infinity over HTTP, Qdrant's engine in
                        the script's own process (no Qdrant server is started: it would add a hop)
    Lookalike           `lookalike index FOLDER --url` into a running service, then its search route

Both servers run already when the time begins, and are asked one after the other. Lookalike's ingest does more:
it hashes, makes thumbnails, and can be repeated. The share of processor time is of all processes of each side.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import load
from benchmarks.load import Client, Target, jpegs, json_body
from benchmarks.peers.environments import ROOT, python_of
from benchmarks.peers.library import OFFLINE, WORKERS
from benchmarks.peers.serving import infinity
from benchmarks.random_model import random_bundle
from benchmarks.service import Server, lookalike, resident_mb

PER_SECOND = 64
"""Pictures to take in, for each of the seconds that a figure may take."""
SEARCHES = 100


def by_script(
    server: Server, folder: Path, texts: list[str], given: dict[str, str]
) -> dict[str, Any]:
    """Infinity and Qdrant's engine."""
    task = {"url": server.target.url, "pictures": str(folder), "texts": texts}
    before = server.processor_seconds()
    done = subprocess.run(
        [python_of("qdrant", given), str(WORKERS / "infinity_qdrant_worker.py"), json.dumps(task)],
        env={**os.environ, **OFFLINE}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no reason"])[-1]}
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    spent = server.processor_seconds() - before + row.pop("own_processor_s")
    own_mb = row.pop("own_mb")
    assert server.process is not None
    return {**row, "processor_s": spent,
            "memory_mb": resident_mb(server.process) + own_mb}  # fmt: skip


def by_lookalike(server: Server, folder: Path, texts: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-c", "from lookalike.cli import main; main()", "index", str(folder),
               "--url", server.target.url, "--collection", "bench", "--json"]  # fmt: skip
    before = server.processor_seconds()
    children = os.times()
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    seconds = time.perf_counter() - began
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no reason"])[-1]}
    used = os.times()
    own = used.children_user + used.children_system
    own -= children.children_user + children.children_system
    client, times = Client(server.target), []
    for number, text in enumerate(["warm", *texts]):
        request = load.request(
            server.target, json_body("/collections/bench/search", text=text, limit=10)
        )
        began = time.perf_counter()
        answer = client.ask(request)
        assert answer.status == 200, answer
        if number:
            times.append(1e3 * (time.perf_counter() - began))
    client.close()
    assert server.process is not None
    return {
        "ingest_s": seconds,
        "pictures": len(list(folder.glob("*.jpg"))),
        "p50": float(np.quantile(times, 0.5)),
        "p95": float(np.quantile(times, 0.95)),
        "processor_s": server.processor_seconds() - before + own,
        "memory_mb": resident_mb(server.process),
    }


def run(material: Path, seconds: float, given: dict[str, str]) -> Iterator[dict[str, Any]]:
    texts = (material / "texts.txt").read_text().splitlines()[:SEARCHES]
    bundle = str(random_bundle("ViT-B-32").path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, jpeg in enumerate(jpegs(max(16, int(PER_SECOND * seconds)))):
            (folder / f"{number:04}.jpg").write_bytes(jpeg)
        print("  Infinity + Qdrant ...", file=sys.stderr, flush=True)
        try:
            with infinity(material, "float32", given) as (target, process):
                server = warmed(target, process)
                yield {"way": "Infinity + Qdrant", **by_script(server, folder, texts, given)}
        except RuntimeError as error:
            yield {"way": "Infinity + Qdrant", "failed": str(error)}
        for precision in ("bf16", "int8"):
            print(f"  Lookalike {precision} ...", file=sys.stderr, flush=True)
            with lookalike(bundle, precision) as (target, process):
                server = warmed(target, process)
                yield {"way": f"Lookalike {precision}", **by_lookalike(server, folder, texts)}


def warmed(target: Target, process: psutil.Process) -> Server:
    content = load.Content()
    for form in ("data URI", "text"):
        load.closed(target, form, content, 4, 0.5)
    return Server(target, process)
