"""With the size of the catalogue: a search through the embedded store, index and int8 copies as by default."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.catalog import engine_figures
from benchmarks.growth.alone import Row
from lookalike.catalog.store import IndexSettings


def run(sizes: Sequence[int], queries: int, keep: Path | None = None) -> Iterator[Row]:
    """One row for each number of vectors. `keep`: where `benchmarks.catalog --keep` has stores already, or this
    will leave its own."""
    for size in sizes:
        quantized = size >= IndexSettings().quantize_from
        with tempfile.TemporaryDirectory(prefix="lookalike-growth-") as folder:
            place = (keep or Path(folder)) / f"{size}-{quantized}"
            found = engine_figures(place, size, quantized, queries)
        yield {
            "vectors": size,
            "quantized": quantized,
            "p50_ms": found["store_ms"]["p50"],
            "p99_ms": found["store_ms"]["p99"],
            "engine_p50_ms": found["direct_ms"]["p50"],
            "recall_at_10": found["recall_at_10"],
            "upsert_s": found["upsert_s"],
            "build_s": found.get("build_s", 0.0),
            "memory_mb": found["memory_mb"]["own"],
            "disk_mb": found["disk_mb"],
        }
