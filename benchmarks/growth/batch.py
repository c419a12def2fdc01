"""With the batch: what a picture and a text cost when they go through a tower together."""

from collections.abc import Iterator, Sequence

from benchmarks.growth.alone import Row, alone


def run(model: str, precisions: Sequence[str], seconds: float) -> Iterator[Row]:
    """One row for each tower, precision and batch."""
    for precision in precisions:
        task = {"measure": "batch", "model": model, "precision": precision, "seconds": seconds}
        found = alone(task)
        if found is None:
            continue
        for tower in ("picture", "text"):
            for size, ms in found[tower].items():
                yield {
                    "tower": tower,
                    "precision": found["precision"],
                    "batch": int(size),
                    "tokens": found["tokens"],
                    "ms": ms,
                }
