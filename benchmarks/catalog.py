"""How fast the catalogue's engine is, and whether a service beside it notices an index being built.

    python -m benchmarks.catalog                      1,000 and 100,000 vectors, with and without quantization
    python -m benchmarks.catalog --only engine --sizes 1000000 --quantized yes
                                                      a million: some 20 minutes on 2 cores, 15 of them building
    python -m benchmarks.catalog --only build         the heartbeat during a build of 100,000

Vectors are synthetic: 512 dimensions, in clusters of about 100, which is how pictures of a shop's kinds of
things lie. Queries are new members of those clusters. Recall is against exact search with NumPy. Times are of
one client, one query after the other, payloads included, no filter. `direct` is the engine called in this
process, `store` the whole way: plan, wire, engine's process, and back. `bare` is one call of the engine on the
same shard, with `ef` but without payloads: what can't be had for less.
"""

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from benchmarks.machine import machine
from benchmarks.rendering import Rendered
from lookalike.catalog.embedded import EmbeddedStore, wire_plan
from lookalike.catalog.engine.shard import Shard
from lookalike.catalog.items import Attribute, Item, Record, point_id
from lookalike.catalog.plans import plan_search
from lookalike.catalog.store import CollectionSpec, IndexSettings, Part, Search

DIMENSION = 512
CLUSTER = 100
SPREAD = 0.7
"""Of a member around its centre, per coordinate, relative to the centre's own: within a cluster, cosines are
about 0.67; between clusters about 0."""
BLOCK = 10_000
FINGERPRINT = "benchmark"
K = 10
EFS = (32, 64, 128, 256)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def centres(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.standard_normal((max(1, count // CLUSTER), DIMENSION), dtype=np.float32)


def members(seed: int, of: np.ndarray, count: int) -> np.ndarray:
    """Unit vectors `[count, 512]` of random clusters."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    return unit_rows(of[rng.integers(0, len(of), count)] + np.float32(SPREAD) * noise)


def blocks(count: int) -> Iterator[np.ndarray]:
    """All vectors of a catalogue of that size, a block at a time, always the same."""
    of = centres(count)
    for start in range(0, count, BLOCK):
        yield members(100 + start, of, min(BLOCK, count - start))


def exact(queries: np.ndarray, count: int, among: np.ndarray | None = None) -> np.ndarray:
    """The numbers of the nearest K of each query, `[queries, K]`; of those only that `among`, bool `[count]`,
    lets pass, if it is given."""
    best_scores = np.full((len(queries), K), -2.0, np.float32)
    best = np.zeros((len(queries), K), np.int64)
    for at, block in enumerate(blocks(count)):
        numbers = np.arange(at * BLOCK, at * BLOCK + len(block))
        cosines = queries @ block.T
        if among is not None:
            cosines[:, ~among[numbers]] = -2.0
        scores = np.concatenate([best_scores, cosines], axis=1)
        named = np.concatenate([best, np.broadcast_to(numbers, (len(queries), len(block)))], axis=1)
        top = np.argpartition(-scores, K, axis=1)[:, :K]
        best_scores = np.take_along_axis(scores, top, axis=1)
        best = np.take_along_axis(named, top, axis=1)
    return best


def shop_attributes(number: int) -> Mapping[str, Attribute]:
    """What an item of a shop may carry: one of 50 categories, and a price."""
    return {"category": f"c{number % 50}", "price": number % 1000 / 10}


def fill(
    store: EmbeddedStore,
    name: str,
    count: int,
    attributes: Callable[[int], Mapping[str, Attribute]] = shop_attributes,
) -> float:
    """Store the vectors, with the attributes of each number; how many seconds the store took."""
    taken = 0.0
    number = 0
    for block in blocks(count):
        records = []
        for vector in block:
            item = Item(str(number), f"{number}.jpg", attributes=attributes(number))
            records.append(Record(item, vector))
            number += 1
        started = time.perf_counter()
        store.upsert(name, FINGERPRINT, records)
        taken += time.perf_counter() - started
    return taken


def timed(call: Callable[[int], object], count: int) -> dict[str, float]:
    """p50 and p99, in milliseconds, of a second pass: the first reads from the disk what it touches."""
    for number in range(count):
        call(number)
    times = []
    for number in range(count):
        started = time.perf_counter()
        call(number)
        times.append((time.perf_counter() - started) * 1e3)
    return {"p50": statistics.median(times), "p99": float(np.percentile(times, 99))}


def memory(pid: int) -> dict[str, float]:
    """MB: resident in all; of it the process's own, and file pages, which are given back when needed."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":" in line
    )
    return {
        name: int(fields[key].split()[0]) * 1024 / 1e6
        for name, key in (("resident", "VmRSS"), ("own", "RssAnon"), ("files", "RssFile"))
    }


def build(
    store: EmbeddedStore, kept: Path, count: int, settings: IndexSettings
) -> dict[str, float]:
    """A collection of that size with its index, and the seconds it took: those in `kept`, if it is there."""
    if kept.exists():
        seconds: dict[str, float] = json.loads(kept.read_text())
        return seconds
    store.create("bench", CollectionSpec(FINGERPRINT, "synthetic", DIMENSION, settings))
    seconds = {"upsert_s": fill(store, "bench", count)}
    store.flush("bench")
    if count >= 20_000:
        started = time.perf_counter()
        seconds["build_s"] = store.build_index("bench", wait=True).build_seconds or 0.0
        seconds["build_and_swap_s"] = time.perf_counter() - started
    kept.write_text(json.dumps(seconds))
    return seconds


def engine_figures(folder: Path, count: int, quantized: bool, queries: int) -> dict[str, Any]:
    """Everything about one size."""
    vectors = members(7, centres(count), queries)
    settings = IndexSettings(
        index_from=10**9, quantization="scalar" if quantized else "off"
    )  # built when asked for
    searches = [Search((Part(vector),), fingerprint=FINGERPRINT, limit=K) for vector in vectors]
    found: dict[str, Any] = {"vectors": count, "quantized": quantized}
    with EmbeddedStore(folder) as store:
        found |= build(store, folder / "built.json", count, settings)
        truth = exact(vectors[:200], count)
        hits = [{int(hit.id) for hit in store.search("bench", one)} for one in searches[:200]]
        found["recall_at_10"] = float(
            np.mean(
                [len(set(row.tolist()) & got) / K for row, got in zip(truth, hits, strict=True)]
            )
        )
        found["store_ms"] = timed(lambda n: store.search("bench", searches[n % queries]), queries)
        facts = store.facts("bench")
        found["disk_mb"] = (facts.bytes_on_disk or 0) / 1e6
        collection = store._collection("bench")
        found["memory_mb"] = memory(collection.hosted.pid or 0)
        path, spec = collection.hosted.shard, collection.engine_spec()
        plans = [
            wire_plan(
                plan_search("bench", collection.spec, {}, one, lambda _: {}), collection.settings
            )
            for one in searches
        ]
    shard = Shard(path, spec)
    try:
        found["direct_ms"] = timed(lambda n: shard.search(*plans[n % queries]), queries)
        for ef in EFS:
            call = bare(shard, vectors, ef)
            got = [{str(point.id) for point in call(n)} for n in range(len(truth))]
            hit = [
                len({str(point_id(str(one))) for one in row} & ids) / K
                for row, ids in zip(truth, got, strict=True)
            ]
            found[f"bare_ef_{ef}"] = {
                **timed(call, queries),
                "recall": float(np.mean(hit)),
            }
    finally:
        shard.close()
    return found


def bare(shard: Shard, vectors: np.ndarray, ef: int) -> Callable[[int], list[Any]]:
    """The engine's own call for the nearest K, ids and scores only."""

    def call(number: int) -> list[Any]:
        nearest = edge.Query.Nearest(vectors[number % len(vectors)], "image")
        params = edge.SearchParams(
            hnsw_ef=ef,
            quantization=edge.QuantizationSearchParams(rescore=True, oversampling=2.0),
        )
        found: list[Any] = shard._shard.query(
            edge.QueryRequest(K, query=nearest, with_payload=False, params=params)
        )
        return found

    return call


class Heartbeat(threading.Thread):
    """Wants to run every 5 ms; `worst` is the longest it had to wait beyond that, in milliseconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.late: list[float] = []
        self.running = True

    def run(self) -> None:
        last = time.perf_counter()
        while self.running:
            time.sleep(0.005)
            now = time.perf_counter()
            self.late.append((now - last - 0.005) * 1e3)
            last = now


def build_beside_a_service(folder: Path, count: int) -> dict[str, Any]:
    """Searches, writes and a heartbeat in this process while `count` vectors are indexed."""
    settings = IndexSettings(index_from=10**9, quantization="off")
    vectors = members(7, centres(count), 500)
    found: dict[str, Any] = {"vectors": count}
    with EmbeddedStore(folder) as store:
        store.create("bench", CollectionSpec(FINGERPRINT, "synthetic", DIMENSION, settings))
        fill(store, "bench", count)
        store.flush("bench")
        build = threading.Thread(target=lambda: store.build_index("bench", wait=True))
        heart = Heartbeat()
        heart.start()
        build.start()
        times, writes, written = [], [], 0
        extra = members(9, centres(count), 1000)
        while build.is_alive():
            search = Search((Part(vectors[len(times) % 500]),), fingerprint=FINGERPRINT, limit=K)
            started = time.perf_counter()
            assert len(store.search("bench", search)) == K
            times.append((time.perf_counter() - started) * 1e3)
            if len(times) % 5 == 0:
                records = [
                    Record(Item(f"new/{written + n}"), extra[(written + n) % 1000])
                    for n in range(10)
                ]
                started = time.perf_counter()
                store.upsert("bench", FINGERPRINT, records)
                writes.append((time.perf_counter() - started) * 1e3)
                written += 10
            time.sleep(0.01)
        heart.running = False
        heart.join()
        state = store.facts("bench").index
        there = store.count("bench")
        names = [f"new/{number}" for number in range(written)]
        found |= {
            "build_s": state.build_seconds,
            "state": state.state,
            "heartbeat_late_ms": {
                "p50": statistics.median(heart.late),
                "p99": float(np.percentile(heart.late, 99)),
                "worst": max(heart.late),
            },
            "searches": len(times),
            "search_ms": {
                "p50": statistics.median(times),
                "p99": float(np.percentile(times, 99)),
                "worst": max(times),
            },
            "written": written,
            "write_ms": {"p50": statistics.median(writes), "p99": float(np.percentile(writes, 99))},
            "missing": count + written - there + written - len(store.digests("bench", names)),
        }
    return found


def show(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}")
    for key, value in found.items():
        if isinstance(value, dict):
            value = "  ".join(f"{name} {number:,.2f}" for name, number in value.items())
        elif isinstance(value, float) and not math.isnan(value):
            value = f"{value:,.3f}"
        print(f"  {key:20} {value}")


def rendered(figures: Mapping[str, Any]) -> Rendered:
    """The figures as tables."""
    page = Rendered()
    if figures["engine"]:
        head = ["vectors", "store p50, ms", "p99", "engine alone p50", f"bare call p50, ef {EFS[1]}",
                "recall@10", "store, s", "build, s", "memory, MB", "disk, MB"]  # fmt: skip
        page.table(
            head,
            [
                [
                    f"{row['vectors']:,}" + (", int8 copies" if row["quantized"] else ""),
                    f"{row['store_ms']['p50']:.2f}",
                    f"{row['store_ms']['p99']:.2f}",
                    f"{row['direct_ms']['p50']:.2f}",
                    f"{row[f'bare_ef_{EFS[1]}']['p50']:.2f}",
                    f"{row['recall_at_10']:.3f}",
                    f"{row['upsert_s']:.1f}",
                    f"{row['build_s']:.0f}" if "build_s" in row else "exact",
                    f"{row['memory_mb']['own']:.0f}",
                    f"{row['disk_mb']:.0f}",
                ]
                for row in figures["engine"]
            ],
        )
    if built := figures.get("build"):
        late, search = built["heartbeat_late_ms"], built["search_ms"]
        page.text(
            f"While {built['vectors']:,} vectors were indexed, in {built['build_s']:.0f} s, a heartbeat in the "
            f"process beside was late by {late['p50']:.2f} ms at p50, {late['p99']:.1f} at p99 and "
            f"{late['worst']:.1f} at worst; searches took {search['p50']:.1f} ms at p50, {search['p99']:.1f} "
            f"at p99 and {search['worst']:.1f} at worst; of {built['written']:,} items written meanwhile "
            f"{built['missing'] or 'none'} {'were' if built['missing'] else 'was'} missing."
        )
    return page


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--only", choices=["engine", "build"], help="one part instead of all")
    parser.add_argument("--quantized", choices=["both", "yes", "no"], default="both")
    parser.add_argument("--build-size", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument(
        "--folder", type=Path, help="where to put the stores (default: a temporary folder)"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        help="keep the stores in this folder, and use those that are there already",
    )
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args(argv)
    figures: dict[str, Any] = {"machine": machine(), "engine": []}
    show("machine", figures["machine"])
    base = Path(tempfile.mkdtemp(prefix="lookalike-benchmark-", dir=options.folder))
    try:
        if options.only != "build":
            for size in options.sizes:
                for quantized in {"both": (False, True), "yes": (True,), "no": (False,)}[
                    options.quantized
                ]:
                    folder = (options.keep or base) / f"{size}-{quantized}"
                    found = engine_figures(folder, size, quantized, options.queries)
                    if options.keep is None:
                        shutil.rmtree(folder)
                    figures["engine"].append(found)
                    show(f"{size:,} vectors{', int8 copies' if quantized else ''}", found)
        if options.only != "engine":
            figures["build"] = build_beside_a_service(base / "build", options.build_size)
            show("an index is built beside a service", figures["build"])
    finally:
        shutil.rmtree(base)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
