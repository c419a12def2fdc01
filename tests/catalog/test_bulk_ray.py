"""Bulk embedding on a real Ray of this machine, two workers, and the built-in model in them."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.catalog.shop import make_shop, picture, row, write_feed

from lookalike.catalog.bulk.cluster import Cluster, connected
from lookalike.catalog.bulk.crew import HELD, Crew
from lookalike.catalog.bulk.supplying import RayWorkers, crew_of
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.sources import open_source
from lookalike.encoder import Encoder
from lookalike.errors import ClusterUnreachable, SettingInvalid, WorkersDiffer
from lookalike.models.bundle import CARD
from lookalike.settings import Settings, load_settings

ray = pytest.importorskip("ray", reason="Ray is not installed (make full)")

ROOT = Path(__file__).parents[2]
ITEMS = 320
TINY = Path(sys.modules["lookalike.models"].__path__[0]) / "tiny"


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_NAME", "tiny")
        patch.setenv("LOOKALIKE_THREADS", "1")
        patch.delenv("RAY_ADDRESS", raising=False)
        yield load_settings()


@pytest.fixture(scope="module")
def cluster(settings: Settings) -> Iterator[Cluster]:
    """Room for two runs: the workers of one that was killed must have made way for the next."""
    with connected("local", 4) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(cluster: Cluster) -> str:
    """Where other processes find it."""
    return str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="module")
def crew(cluster: Cluster, settings: Settings) -> Iterator[Crew]:
    made = crew_of(cluster, settings, 2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed with all that can be wrong in it; its path."""
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, ITEMS)
    rows = [row(number) for number in range(ITEMS)]
    rows[3] = {"id": "sku-3", "image": 7}
    rows[4] = row(0, title="again")
    rows[5] = row(5, image=None)
    (folder / "pictures" / "6.png").write_bytes(picture(6)[:100])
    (folder / "pictures" / "7.png").unlink()
    return write_feed(folder, rows)


BAD = 4


@pytest.fixture(scope="module")
def local(shop: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the same feed, taken in by the local engine."""
    data = tmp_path_factory.mktemp("local")
    with catalog_in(data, settings) as catalog:
        assert catalog.index("shop", [open_source(shop)]).tally.added == ITEMS - BAD
    return data


def catalog_in(data: Path, settings: Settings) -> Catalog:
    return Catalog(
        EmbeddedStore(data / "store"), lambda: Encoder.load(settings=settings), data, settings
    )


def same_catalogue(one: Path, other: Path) -> None:
    """Ids, payloads with their digests, thumbnails; and vectors, as far as a batch's size leaves them alone."""
    found = []
    for data in (one, other):
        with EmbeddedStore(data / "store") as store:
            records = store.scroll("shop", limit=10 * ITEMS, vectors=True).records
        found.append({record.item.id: record for record in records})
    assert found[0].keys() == found[1].keys()
    for id_, first in found[0].items():
        second = found[1][id_]
        assert first.payload == second.payload
        for name in ("image", "text"):
            a, b = getattr(first, name), getattr(second, name)
            assert (a is None) == (b is None)
            assert a is None or float(np.dot(a, b)) > 0.9999, (id_, name)
    thumbnails = [
        {path.relative_to(data): path.read_bytes() for path in data.glob("thumbnails/*/*/*.jpg")}
        for data in (one, other)
    ]
    assert len(thumbnails[0]) > 0
    assert thumbnails[0] == thumbnails[1]


def report_of(data: Path) -> list[Any]:
    return [json.loads(line) for line in (data / "reports/shop.jsonl").read_text().splitlines()]


def test_two_workers_make_the_catalogue_of_the_local_engine_though_one_is_killed(
    crew: Crew,
    shop: Path,
    local: Path,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The worker dies with a parcel in its hands: that is done again by another."""
    caplog.set_level(logging.WARNING)
    assert crew.model
    hand = next(iter(crew._free))
    pid = hand.greet().pid
    os.kill(pid, signal.SIGSTOP)  # so that it can't be done with its parcel before it dies

    def kill_when_busy() -> None:
        with crew._changed:
            while crew._free[hand] == HELD:
                crew._changed.wait(0.05)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_when_busy)
    killer.start()
    with catalog_in(tmp_path, settings) as catalog:
        workers = RayWorkers(crew)
        first = catalog.index("shop", [open_source(shop)], workers=workers)
        killer.join()
        tally = first.tally
        assert (tally.added, tally.failed, tally.total) == (ITEMS - BAD, BAD, ITEMS)
        assert "a worker is gone and is replaced" in caplog.text
        assert "_encoder" not in vars(catalog)
        assert report_of(tmp_path) == report_of(local)

        again = catalog.index("shop", [open_source(shop)], workers=workers).tally
        assert (again.unchanged, again.failed, again.encoded) == (ITEMS - BAD, BAD, 0)
        assert (again.added, again.updated) == (0, 0)
    same_catalogue(tmp_path, local)


def test_a_run_that_is_killed_loses_nothing_and_even_the_local_engine_completes_it(
    address: str, shop: Path, local: Path, settings: Settings, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.catalog.bulk_child", str(shop), str(tmp_path), address]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    added = 0
    while not 0 < added < ITEMS:
        added = int(child.stdout.readline())  # nothing to read: it has failed
    child.kill()
    child.wait()
    child.stdout.close()
    with catalog_in(tmp_path, settings) as catalog:
        there = catalog.store.count("shop")
        assert added <= there < ITEMS - BAD
        tally = catalog.index("shop", [open_source(shop)]).tally
        assert (tally.added, tally.unchanged) == (ITEMS - BAD - there, there)
    same_catalogue(tmp_path, local)


def test_a_worker_that_finds_another_model_ends_the_run_and_says_what_to_do(
    cluster: Cluster, shop: Path, settings: Settings, tmp_path: Path
) -> None:
    """The bundle is replaced while a run goes on, and a new worker loads what is there then."""
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    crew = crew_of(cluster, settings.model_copy(update={"model_name": str(bundle)}), 1)
    try:
        assert crew.model.card.name == "tiny"
        card = json.loads((bundle / CARD).read_text())
        card["image"]["interpolation"] = "bilinear"
        (bundle / CARD).write_text(json.dumps(card))
        os.kill(crew.model.pid, signal.SIGKILL)
        with (
            catalog_in(tmp_path / "data", settings) as catalog,
            pytest.raises(WorkersDiffer, match=r"fingerprint.*never mix"),
        ):
            catalog.index("shop", [open_source(shop)], workers=RayWorkers(crew))
    finally:
        crew.close()


def command_line(data: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lookalike", "index", "-c", "shop", *map(str, arguments)],
        env=os.environ | {"LOOKALIKE_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_from_the_command_line_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    address: str, shop: Path, local: Path, tmp_path: Path
) -> None:
    engine = ("--engine", "ray", "--workers", 2, "--ray-address", address)
    first = command_line(tmp_path, shop, *engine)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "thumbnails" / "shop").glob("*/*.jpg")):  # it is in the middle
        assert time.monotonic() < deadline
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.02)
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=120)
    assert first.returncode == 130, err
    assert "Traceback" not in err
    assert "stopped before the end" in out
    added = int(re.search(r"shop: (\d+) added", out)[1])
    assert 0 < added < ITEMS - BAD

    rest = command_line(tmp_path, shop, *engine, "--json")
    out, err = rest.communicate(timeout=120)
    assert rest.returncode == 1, err  # of the bad items
    said = json.loads(out)
    assert (said["added"], said["unchanged"]) == (ITEMS - BAD - added, added)
    assert said["failed"] == BAD
    assert said["report"] == str(tmp_path / "reports" / "shop.jsonl")
    same_catalogue(tmp_path, local)


def test_a_cluster_that_isnt_there_is_named_at_once() -> None:
    with (
        pytest.raises(
            ClusterUnreachable, match=r"Ray cluster 127\.0\.0\.1:1 can't be used: .*refused"
        ),
        connected("127.0.0.1:1", 1),
    ):
        pass
    with (
        pytest.raises(SettingInvalid, match="on a machine of the cluster"),
        connected("ray://x", 1),
    ):
        pass
