"""How much of the encoder's own rate is left when a whole catalogue is taken in.

    python -m benchmarks.ingest                       600 photos of the shared products, random ViT-B/32
    python -m benchmarks.ingest --model tiny          another model, by name or folder
    python -m benchmarks.ingest --pictures 3000

The encoder's rate is `encode_images` over the same files' bytes, 16 at a time, decoding included. Ingest does
everything beyond that too: reading, hashing, thumbnails, the store with its write-ahead log. Both run in turn,
several times over, for machines are noisy; the share is that of the medians. The second run of ingest, over a
catalogue that is there already, is what an unchanged item costs. The share of processor time is the one to
read where the machine has other work. Memory is the growth of this process between the first tenth and the end.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import machine
from benchmarks.rendering import Rendered
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import IngestOptions, Tally
from lookalike.catalog.sources import open_source
from lookalike.encoder import Encoder

PRODUCTS = Path(__file__).parents[1].parent / "shared" / "data" / "products"
BATCH = 16


def load(name: str) -> Encoder:
    if name != "random":
        return Encoder.load(name)
    from benchmarks.random_model import random_bundle

    return Encoder(random_bundle("ViT-B-32"))


def write_feed(folder: Path, count: int, words: bool) -> tuple[Path, list[Path]]:
    """A feed of the first pictures of the products, and their paths."""
    feed, paths = folder / "feed.jsonl", []
    with feed.open("w") as out, (PRODUCTS / "items.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            if len(paths) == count:
                break
            row["image"] = str(PRODUCTS / row["image"])
            paths.append(Path(row["image"]))
            if not words:
                row["title"] = row["description"] = None
            out.write(json.dumps(row) + "\n")
    return feed, paths


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def encoder_rate(encoder: Encoder, paths: list[Path]) -> dict[str, float]:
    """Pictures a second, their bytes in memory, and processor time of all."""
    pictures = [path.read_bytes() for path in paths]
    used, began = processor_seconds(), time.perf_counter()
    for start in range(0, len(pictures), BATCH):
        encoder.encode_images(pictures[start : start + BATCH])
    seconds = time.perf_counter() - began
    return {"rate": len(pictures) / seconds, "processor": processor_seconds() - used}


def ingest_rates(encoder: Encoder, feed: Path, thumbnails: bool) -> dict[str, float]:
    """Pictures a second, new and unchanged, processor time of the new ones, and megabytes of growth."""
    process = psutil.Process()
    early = 0

    def watch(tally: Tally) -> None:
        nonlocal early
        if not early and tally.total and tally.done >= tally.total // 10:
            early = process.memory_info().rss

    options = IngestOptions(thumbnails=thumbnails)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        with Catalog(EmbeddedStore(data / "store"), lambda: encoder, data) as catalog:
            catalog.ensure("products")
            source = [open_source(feed)]
            used = processor_seconds()
            new = catalog.index("products", source, options=options, observer=watch)
            used = processor_seconds() - used
            workers = [child.cpu_times() for child in process.children(recursive=True)]
            grown = process.memory_info().rss - early
            old = catalog.index("products", source, options=options)
    assert new.complete, new
    assert old.tally.unchanged == new.tally.added, old
    return {
        "new": new.tally.added / new.seconds,
        "processor": used + sum(worker.user + worker.system for worker in workers),
        "unchanged": old.tally.unchanged / old.seconds,
        "grown_mb": grown / 2**20,
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    encoder = load(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        feed, paths = write_feed(Path(folder), arguments.pictures, arguments.words)
        encoder_rate(encoder, paths[:64])
        alone: list[dict[str, float]] = []
        whole: list[dict[str, float]] = []
        for _ in range(arguments.rounds):
            alone.append(encoder_rate(encoder, paths))
            whole.append(ingest_rates(encoder, feed, not arguments.no_thumbnails))

    def median(rows: list[dict[str, float]], name: str) -> float:
        return statistics.median(row[name] for row in rows)

    return {
        "model": encoder.info.model,
        "precision": encoder.info.precision,
        "threads": encoder.info.threads,
        "pictures": len(paths),
        "encoder_per_second": round(median(alone, "rate"), 1),
        "ingest_per_second": round(median(whole, "new"), 1),
        "share": round(median(whole, "new") / median(alone, "rate"), 3),
        "share_of_processor_time": round(
            median(alone, "processor") / median(whole, "processor"), 3
        ),
        "rounds": [
            {"encoder": round(a["rate"], 1), "ingest": round(w["new"], 1)}
            for a, w in zip(alone, whole, strict=True)
        ],
        "unchanged_per_second": round(median(whole, "unchanged")),
        "grown_mb": round(whole[-1]["grown_mb"], 1),
    }


def rendered(found: Mapping[str, Any]) -> Rendered:
    """The figures as a table."""
    return Rendered().table(
        ["model", "encoder alone, a second", "ingest, a second", "share", "share of processor time",
         "unchanged, a second", "growth, MB"],
        [
            [
                f"{found['model']}, {found['precision']}",
                f"{found['encoder_per_second']:.1f}",
                f"{found['ingest_per_second']:.1f}",
                f"{found['share']:.0%}",
                f"{found['share_of_processor_time']:.0%}",
                f"{found['unchanged_per_second']:,}",
                f"{found['grown_mb']:.1f}",
            ]
        ],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="random", help="`random`: ViT-B/32 of random weights")
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", action="store_true", help="embed titles and descriptions too")
    parser.add_argument("--no-thumbnails", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    given = parser.parse_args()
    found = {"machine": machine(), **measure(given)}
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
