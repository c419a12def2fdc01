"""The one way in which every peer's worker is timed.

A worker is a script that runs in its peer's own environment, so nothing here imports Lookalike: only the
standard library and NumPy. It hands `run` a function that loads the model in a setting and returns a `Loaded`;
what is printed, as one line of JSON, is one row of the report. The vectors of the first pictures and texts are
saved too: the report compares them, which proves that the weights were the same.
"""

import itertools
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

BATCHES = (1, 8, 32)
CHECKED = 8
"""Pictures and texts whose vectors are compared between the peers."""


class Loaded(Protocol):
    """A model in memory. Vectors are `[n, dim]`, of any length."""

    def images(self, pictures: Sequence[bytes]) -> np.ndarray: ...

    def texts(self, texts: Sequence[str]) -> np.ndarray: ...

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        """What only runs the tower, on pictures that are decoded and resized already."""
        ...


@dataclass
class Task:
    """What the worker is asked to do; read from its command line."""

    material: Path
    setting: str
    seconds: float
    vectors: Path
    cache: Path
    """Where it may keep what it compiles; empty on a cold start."""
    began: float
    """When its process was started, by the clock."""
    only_load: bool = False
    pictures: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def read_task() -> Task:
    asked = json.loads(sys.argv[1])
    material = Path(asked["material"])
    return Task(
        material,
        asked["setting"],
        asked["seconds"],
        Path(asked["vectors"]),
        Path(asked["cache"]),
        asked["began"],
        asked.get("only_load", False),
        [path.read_bytes() for path in sorted((material / "pictures").glob("*.jpg"))],
        (material / "texts.txt").read_text().splitlines(),
    )


def milliseconds(call: Callable[[int], Any], seconds: float, least: int = 3) -> float:
    """The median of as many calls as fit into `seconds`, after one that is not counted."""
    call(0)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call(len(taken) + 1)
        taken.append(time.perf_counter() - start)
    return 1e3 * float(np.median(taken))


def throughput(call: Callable[[Sequence[Any]], Any], of: Sequence[Any], seconds: float) -> float:
    """Pictures or texts a second with all cores, 32 at a time: the better of one caller and one a core.

    One caller leaves cores idle where decoding and the model take turns; several get into each other's way
    where the model takes all cores already.
    """
    numbers = itertools.count()
    best = 0.0
    for callers in dict.fromkeys((1, len(os.sched_getaffinity(0)))):
        done = []
        end = time.perf_counter() + seconds / 2

        def ask(done: list[int] = done, end: float = end) -> None:
            while not done or time.perf_counter() < end:
                done.append(len(call(some(of, next(numbers), 32))))

        began = time.perf_counter()
        threads = [threading.Thread(target=ask) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, sum(done) / (time.perf_counter() - began))
    return best


def resident_mb() -> dict[str, int]:
    """Now and at its peak, of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return {"now": int(known["VmRSS"].split()[0]) * 1024 // 1_000_000,
            "peak": int(known["VmHWM"].split()[0]) * 1024 // 1_000_000}  # fmt: skip


def some(of: Sequence[Any], number: int, count: int) -> list[Any]:
    """`count` of them, other ones for every number: no peer answers twice from a cache."""
    return [of[(number * count + n) % len(of)] for n in range(count)]


def unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def run(load: Callable[[Task], Loaded], versions: Callable[[], dict[str, str]]) -> None:
    task = read_task()
    model = load(task)
    first = model.images(task.pictures[:1]), model.texts(task.texts[:1])
    row: dict[str, Any] = {
        "load_s": time.time() - task.began,
        "dimension": int(np.asarray(first[0]).shape[1]),
        "versions": {"python": platform.python_version(), **versions()},
    }
    if task.only_load:
        print(json.dumps(row))
        return
    np.savez(
        task.vectors,
        images=unit(model.images(task.pictures[:CHECKED])),
        texts=unit(model.texts(task.texts[:CHECKED])),
    )
    row["loaded_mb"] = resident_mb()["now"]
    for count in BATCHES:
        tower = model.prepared(task.pictures[:count])
        for name, call in (
            ("image", lambda n, count=count: model.images(some(task.pictures, n, count))),
            ("tower", lambda _, tower=tower: tower()),
            ("text", lambda n, count=count: model.texts(some(task.texts, n, count))),
        ):
            row.setdefault(name, {})[str(count)] = milliseconds(call, task.seconds) / count
    row["rate"] = {
        "image": throughput(model.images, task.pictures, task.seconds),
        "text": throughput(model.texts, task.texts, task.seconds),
    }
    row["used_mb"] = resident_mb()
    print(json.dumps(row))
