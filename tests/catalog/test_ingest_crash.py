"""Ingest that is killed: nothing acknowledged is lost, and it resumes to the same end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.catalog.colours import ColourEncoder
from tests.catalog.ingest_child import DONE
from tests.catalog.shop import make_shop

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.sources import open_source

ITEMS = 800
KILLS = 16
ROOT = Path(__file__).parents[2]


def contents(catalog: Catalog) -> dict:
    """Everything that is stored of every item, vectors and thumbnails too."""
    records = catalog.store.scroll("shop", limit=2 * ITEMS, vectors=True).records
    return {
        record.item.id: (
            record.payload,
            record.image.tobytes(),
            record.text.tobytes(),
            catalog.thumbnail("shop", record.item.id),
        )
        for record in records
    }


def test_ingest_killed_at_random_moments_loses_nothing_and_completes(tmp_path: Path) -> None:
    feed = make_shop(tmp_path, ITEMS)
    data, log = tmp_path / "killed", tmp_path / "acknowledged"
    command = [sys.executable, "-m", "tests.catalog.ingest_child", *map(str, (feed, data, log))]
    when = random.Random(5)
    in_the_middle = kills = 0
    while kills < KILLS:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert child.stdout is not None
        if kills % 5 == 4:  # while it starts, where the last kill is recovered from
            time.sleep(when.uniform(0, 1.0))
        else:
            first = child.stdout.readline()
            assert first.split()[0] in ("storing", "complete"), f"after {kills} kills: {first}"
            time.sleep(when.uniform(0, 0.2))
        os.kill(child.pid, signal.SIGKILL)
        kills += 1
        in_the_middle += child.wait() == -signal.SIGKILL
        child.stdout.close()
    assert in_the_middle >= KILLS - 4  # else it was over before most of them
    acknowledged = set(log.read_text().split())
    assert len(acknowledged) > 0

    last = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert last.returncode == DONE, last.stdout + last.stderr
    assert last.stdout.split()[-2:] == ["complete", str(ITEMS)]

    undisturbed = tmp_path / "undisturbed"
    with (
        Catalog(EmbeddedStore(data / "store"), ColourEncoder, data) as killed,
        Catalog(EmbeddedStore(undisturbed / "store"), ColourEncoder, undisturbed) as calm,
    ):
        calm.index("shop", [open_source(feed)])
        assert killed.store.count("shop") == ITEMS
        assert contents(killed) == contents(calm)
        again = killed.index("shop", [open_source(feed)])
        assert (again.tally.unchanged, again.tally.encoded) == (ITEMS, 0)
