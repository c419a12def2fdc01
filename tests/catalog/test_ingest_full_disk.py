"""Taking sources in when the disk is full: a clear error, nothing half done, and on from there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.catalog.colours import ColourEncoder
from tests.catalog.shop import make_shop, row, write_feed

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import IngestOptions, IngestSummary
from lookalike.catalog.sources import open_source
from lookalike.errors import StoreFull

MIB = 2**20


def _mount(path: Path, options: str) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    path.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 300 MiB."""
    path = tmp_path / "disk"
    _mount(path, "size=300m")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def take_in(catalog: Catalog, feed: Path) -> IngestSummary:
    options = IngestOptions(batch=8, patience=0.2)
    return catalog.index("shop", [open_source(feed)], options=options)


def whole(catalog: Catalog) -> int:
    """How many items there are; each has its vector, its words and its thumbnail."""
    count = 0
    after: str | None = None
    while True:
        page = catalog.store.scroll("shop", after=after, vectors=True)
        for one in page.records:
            assert one.image is not None, one.item.id
            assert one.item.title, one.item.id
            assert catalog.thumbnail("shop", one.item.id), one.item.id
            count += 1
        after = page.next
        if after is None:
            return count


def test_a_store_without_room_ends_the_run_and_the_next_one_goes_on(
    disk: Path, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 60)
    write_feed(tmp_path, [row(n) for n in range(20)], "first.jsonl")
    with Catalog(EmbeddedStore(disk / "store"), ColourEncoder, disk) as catalog:
        assert take_in(catalog, tmp_path / "first.jsonl").tally.added == 20
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 8 * MIB))
        with pytest.raises(StoreFull, match=r"no space is left in .*free, .*needed") as caught:
            take_in(catalog, feed)
        assert str(disk) in str(caught.value)
        assert whole(catalog) == 20  # nothing half done, and searches go on
    with Catalog(EmbeddedStore(disk / "store"), ColourEncoder, disk) as catalog:
        filler.unlink()
        again = take_in(catalog, feed)
        assert (again.tally.added, again.tally.unchanged, again.complete) == (40, 20, True)
        assert whole(catalog) == 60


def test_thumbnails_without_room_end_the_run_before_their_items_are_stored(tmp_path: Path) -> None:
    feed = make_shop(tmp_path, 60)
    small = tmp_path / "small"
    _mount(small, "size=128k")
    try:
        with Catalog(EmbeddedStore(tmp_path / "store"), ColourEncoder, small) as catalog:
            with pytest.raises(StoreFull, match="thumbnails"):
                take_in(catalog, feed)
            stored = whole(catalog)
            assert 0 < stored < 60
            assert not list((small / "thumbnails" / "shop" / ".parts").iterdir())
            subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
            assert take_in(catalog, feed).tally.unchanged == stored
            assert whole(catalog) == 60
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_report_without_room_ends_the_run_with_what_is_full(tmp_path: Path) -> None:
    make_shop(tmp_path, 1)
    rows = [{"id": f"gone-{n}", "image": f"{'x' * 200}-{n}.png"} for n in range(200)]
    feed = write_feed(tmp_path, rows)
    small = tmp_path / "small"
    _mount(small, "size=32k")
    try:
        with (
            Catalog(EmbeddedStore(tmp_path / "store"), ColourEncoder, small) as catalog,
            pytest.raises(StoreFull, match=r"shop\.jsonl"),
        ):
            take_in(catalog, feed)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
