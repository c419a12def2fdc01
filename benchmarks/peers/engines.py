"""The catalogue's engine beside FAISS, hnswlib and USearch, on the same clustered vectors.

The others are libraries of vectors alone: no write-ahead log, no payloads, no filters, nothing survives a kill.
Lookalike's figure is of its whole way, payloads included, through the engine's process.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalog import blocks, centres, engine_figures, exact, members
from benchmarks.peers.environments import python_of
from benchmarks.peers.library import WORKERS

OTHERS = ("FAISS flat", "FAISS HNSW", "hnswlib", "USearch")
QUERIES = 1_000
BOTH = 100_000
"""Vectors up to which Lookalike is measured without int8 copies too; beyond, only as it would be by default."""


def run(
    sizes: list[int], given: dict[str, str], keep: Path | None = None
) -> Iterator[dict[str, Any]]:
    """`keep`: where `benchmarks.catalog --keep` has Lookalike's stores already, or this will leave them."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            queries = members(7, centres(size), QUERIES)
            np.save(base / "vectors.npy", np.concatenate(list(blocks(size))))
            np.save(base / "queries.npy", queries)
            np.save(base / "truth.npy", exact(queries[:200], size))
            for engine in OTHERS:
                task = {"engine": engine} | {
                    name: str(base / f"{name}.npy") for name in ("vectors", "queries", "truth")
                }
                done = subprocess.run(
                    [python_of("engines", given), str(WORKERS / "engines_worker.py"), json.dumps(task)],
                    env=os.environ, capture_output=True, text=True, check=False,
                )  # fmt: skip
                if done.returncode:
                    print(f"  {engine}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                figures = json.loads(done.stdout.splitlines()[-1])
                yield {"engine": engine, "vectors": size, **figures}
            for quantized in (False, True) if size <= BOTH else (True,):
                place = (keep or base) / f"{size}-{quantized}"
                found = engine_figures(place, size, quantized, QUERIES)
                yield {
                    "engine": "Lookalike" + (", int8 copies" if quantized else ""),
                    "vectors": size,
                    "build_s": found["upsert_s"] + found.get("build_s", 0.0),
                    "recall_at_10": found["recall_at_10"],
                    "p50": found["store_ms"]["p50"],
                    "p99": found["store_ms"]["p99"],
                    "direct_p50": found["direct_ms"]["p50"],
                    "memory_mb": found["memory_mb"]["own"],
                }
