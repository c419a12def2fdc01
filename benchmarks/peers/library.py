"""The peers as libraries: what a picture and a text cost in the process that has the model.

Each peer's worker runs in its own environment, one at a time, twice. Loading counts from the process's start
to its first answers, imports included. Cold: what it caches beside the model (compiled graphs) is not there,
and the model's files are not in memory; warm: a second start. One that takes longer than LIMIT is ended, and
its row says so.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.environments import ROOT, NotInstalled, python_of

WORKERS = Path(__file__).parent / "workers"
LIMIT = 120.0
"""Seconds that a start, with all that is measured beyond `seconds`, may take: compiling, above all."""
FIGURES = 13
"""That each take about `seconds` in a worker's whole run."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Peer:
    """A way of running the model, as a user would choose it."""

    name: str
    environment: str
    worker: str
    setting: str


PEERS = (
    Peer("transformers, eager", "torch", "transformers", "eager fp32"),
    Peer("transformers, eager", "torch", "transformers", "eager bf16"),
    Peer("transformers, torch.compile", "torch", "transformers", "compiled fp32"),
    Peer("transformers, torch.compile", "torch", "transformers", "compiled bf16"),
    Peer("sentence-transformers", "torch", "sentence_transformers", "fp32"),
    Peer("ONNX Runtime, exported", "torch", "onnxruntime", "fp32"),
    Peer("FastEmbed", "fastembed", "fastembed", "fp32"),
    Peer("Lookalike", "lookalike", "lookalike", "fp32"),
    Peer("Lookalike", "lookalike", "lookalike", "bf16"),
    Peer("Lookalike", "lookalike", "lookalike", "int8"),
    Peer("Lookalike", "lookalike", "lookalike", "int8, fast"),
)


def export_graphs(material: Path, given: dict[str, str]) -> None:
    if not (material / "onnx" / "text.onnx").exists():
        worker = WORKERS / "onnxruntime_worker.py"
        subprocess.run([python_of("torch", given), str(worker), "export", str(material)],
                       check=True, capture_output=True)  # fmt: skip


def measure(peer: Peer, material: Path, seconds: float, given: dict[str, str]) -> dict[str, Any]:
    """One row, or `{"failed": reason}`."""
    row: dict[str, Any] = {"peer": peer.name, "setting": peer.setting}
    with tempfile.TemporaryDirectory() as folder:
        vectors = Path(folder) / "vectors.npz"
        task = {"material": str(material), "setting": peer.setting, "seconds": seconds,
                "vectors": str(vectors), "cache": str(Path(folder) / "cache")}  # fmt: skip
        try:
            forget(material)
            cold = work(peer, {**task, "only_load": True}, LIMIT, given)
            warm = work(peer, task, LIMIT + FIGURES * seconds, given)
        except (WorkerFailed, NotInstalled) as error:
            return {**row, "failed": str(error)}
        with np.load(vectors) as saved:
            found = {name: saved[name].tolist() for name in ("images", "texts")}
    return {**row, **warm, "cold_s": cold["load_s"], "vectors": found}


class WorkerFailed(Exception):
    """A peer's worker gave no figures; says why."""


def work(peer: Peer, task: dict[str, Any], limit: float, given: dict[str, str]) -> dict[str, Any]:
    """What a worker found. Raises WorkerFailed, NotInstalled."""
    command = [python_of(peer.environment, given), str(WORKERS / f"{peer.worker}_worker.py")]
    cache = {"TORCHINDUCTOR_CACHE_DIR": task["cache"] + "/torch"}
    process = subprocess.Popen(
        [*command, json.dumps({**task, "began": time.time()})],
        env={**os.environ, **OFFLINE, **cache, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, wrong = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # torch.compile has processes of its own
        process.communicate()
        raise WorkerFailed(f"took over {limit:.0f} s") from None
    if process.returncode:
        raise WorkerFailed((wrong.strip().splitlines() or ["no reason"])[-1])
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def forget(material: Path) -> None:
    """Have the system drop the models' files from memory: the next start reads them from the disk."""
    for folder in (material, material.parent / "ViT-B-32.bundle"):
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_size > 1_000_000:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compare(rows: list[dict[str, Any]]) -> None:
    """Add to each row the lowest cosine of its vectors to eager fp32's: the weights were the same."""
    eager = (row for row in rows if row["setting"] == "eager fp32" and "vectors" in row)
    reference = next(eager, None)
    for row in rows:
        if "vectors" in row and reference is not None:
            row["least_cosine"] = {
                kind: float(np.min(np.sum(
                    np.array(row["vectors"][kind]) * np.array(reference["vectors"][kind]), axis=1
                )))
                for kind in ("images", "texts")
            }  # fmt: skip
    for row in rows:
        row.pop("vectors", None)


def run(material: Path, seconds: float, given: dict[str, str]) -> Iterator[dict[str, Any]]:
    with contextlib.suppress(NotInstalled, subprocess.CalledProcessError):
        export_graphs(material, given)  # without it, the rows that need them say so
    rows = []
    for peer in PEERS:
        print(f"  {peer.name}, {peer.setting} ...", file=sys.stderr, flush=True)
        rows.append(measure(peer, material, seconds, given))
        if "failed" in rows[-1]:
            print(f"    failed: {rows[-1]['failed']}", file=sys.stderr)
    compare(rows)
    yield from rows
