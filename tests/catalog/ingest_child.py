"""For test_ingest_crash.py: takes a feed in, notes what was acknowledged, and is killed at any moment.

python -m tests.catalog.ingest_child FEED DATA LOG
"""

import os
import sys
import time
from pathlib import Path

from tests.catalog.colours import ColourEncoder

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import IngestOptions
from lookalike.catalog.sources import open_source

LOST, DONE = 3, 0


def main(feed: Path, data: Path, log: Path) -> int:
    acknowledged = set(log.read_text().split()) if log.exists() else set()
    with EmbeddedStore(data / "store") as store:
        if acknowledged:
            missing = acknowledged - store.digests("shop", sorted(acknowledged)).keys()
            digests = store.scroll_digests("shop", limit=10_000).digests
            if missing or len(digests) != store.count("shop") or len(dict(digests)) < len(digests):
                print("lost", sorted(missing), flush=True)
                return LOST
        note = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        upsert = store.upsert

        def noting(name: str, fingerprint: str, records: list) -> None:
            upsert(name, fingerprint, records)
            os.write(note, "".join(f"{r.item.id}\n" for r in records).encode())
            print("storing", flush=True)
            time.sleep(0.02)  # so that there is a middle to be killed in

        store.upsert = noting
        catalog = Catalog(store, ColourEncoder, data)
        summary = catalog.index("shop", [open_source(feed)], options=IngestOptions(batch=8))
        print("complete", summary.tally.done, flush=True)
        return DONE if summary.complete else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
