"""The peers as libraries: what a picture and a text cost in the process that has the model.

Each peer's worker runs in its own environment, one at a time, twice: the first start is counted as cold only in
that it compiles or converts what it caches; files are in the disk's cache for all.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.environments import ROOT, python_of

WORKERS = Path(__file__).parent / "workers"
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
)


def export_graphs(material: Path, given: dict[str, str]) -> None:
    if not (material / "onnx" / "text.onnx").exists():
        worker = WORKERS / "onnxruntime_worker.py"
        subprocess.run([python_of("torch", given), str(worker), "export", str(material)],
                       check=True, capture_output=True)  # fmt: skip


def measure(peer: Peer, material: Path, seconds: float, given: dict[str, str]) -> dict[str, Any]:
    """One row, or `{"failed": reason}`."""
    with tempfile.TemporaryDirectory() as folder:
        vectors = Path(folder) / "vectors.npz"
        task = {"material": str(material), "setting": peer.setting, "seconds": seconds,
                "vectors": str(vectors)}  # fmt: skip
        row: dict[str, Any] = {"peer": peer.name, "setting": peer.setting}
        done = subprocess.run(
            [python_of(peer.environment, given), str(WORKERS / f"{peer.worker}_worker.py"),
             json.dumps(task)],
            env={**os.environ, **OFFLINE, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return {**row, "failed": (done.stderr.strip().splitlines() or ["no reason"])[-1]}
        row |= json.loads(done.stdout.splitlines()[-1])
        with np.load(vectors) as saved:
            row["vectors"] = {name: saved[name].tolist() for name in ("images", "texts")}
        return row


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
    export_graphs(material, given)
    rows = []
    for peer in PEERS:
        print(f"  {peer.name}, {peer.setting} ...", file=sys.stderr, flush=True)
        rows.append(measure(peer, material, seconds, given))
        if "failed" in rows[-1]:
            print(f"    failed: {rows[-1]['failed']}", file=sys.stderr)
    compare(rows)
    yield from rows
