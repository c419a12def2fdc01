"""What a Ray of this machine makes of the local engine's rate.

    python -m benchmarks.bulk                        600 photos of the shared products, the built-in model
    python -m benchmarks.bulk --model ViT-B-32 --workers 2 --pictures 3000

Both engines take the same feed into a collection of their own, and then once more, when all is unchanged. Ray's
start and the loading of the models are told apart: they are paid once a run.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.ingest import write_feed
from lookalike.catalog.bulk.supplying import ray_workers
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import Workers
from lookalike.catalog.sources import open_source
from lookalike.catalog.working import LocalWorkers
from lookalike.encoder import Encoder
from lookalike.settings import load_settings


def rates(data: Path, feed: Path, workers: Workers) -> dict[str, float]:
    """Items a second, new and unchanged."""
    found = {}
    with Catalog(EmbeddedStore(data / "store"), lambda: None, data) as catalog:
        for what in ("new", "unchanged"):
            ran = catalog.index("bulk", [open_source(feed)], workers=workers)
            assert ran.complete
            found[what] = round(ran.tally.done / ran.seconds, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pictures", type=int, default=600)
    given = parser.parse_args()
    settings = load_settings().model_copy(update={"model_name": given.model})
    with tempfile.TemporaryDirectory() as folder:
        feed, _ = write_feed(Path(folder), given.pictures, True)
        local = rates(Path(folder) / "local", feed, LocalWorkers(Encoder.load(settings=settings)))
        began = time.monotonic()
        with ray_workers(settings, workers=given.workers, address="local") as workers:
            _ = workers.model
            started = time.monotonic() - began
            ray = rates(Path(folder) / "ray", feed, workers)
    told = {
        "model": given.model,
        "pictures": given.pictures,
        "workers": given.workers,
        "items_per_second": {"local": local, "ray": ray},
        "seconds_until_the_first_worker": round(started, 1),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
