"""For test_bulk_ray.py: takes a feed in with workers of a Ray cluster, tells how far it is, and is killed.

python -m tests.catalog.bulk_child FEED DATA ADDRESS
"""

import sys
from pathlib import Path

from lookalike.catalog.bulk.supplying import ray_workers
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.sources import open_source
from lookalike.settings import load_settings


def main(feed: Path, data: Path, address: str) -> None:
    settings = load_settings()
    with (
        ray_workers(settings, workers=2, address=address) as workers,
        EmbeddedStore(data / "store") as store,
    ):
        Catalog(store, lambda: None, data, settings).index(
            "shop",
            [open_source(feed)],
            workers=workers,
            observer=lambda tally: print(tally.added, flush=True),
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
