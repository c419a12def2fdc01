"""Does the service live in half a core and 1 GiB? `python -m benchmarks.small_container` (as root, on Linux)

Runs `lookalike serve` with ViT-B/32 of random weights in a control group with a hard limit of memory and a
quota of CPU, as a container has them, and asks of it more than it can do: pictures and texts from many clients
at once, large pictures, and a collection in the embedded store. What the kernel counted is printed: the peak of
memory, how often the limit was hit, and whether anything was killed for it.

    memory.peak    all that the kernel charges: anonymous memory, and file pages that it may drop at any time.
                   A mapped model counts here, so this reaches the limit sooner or later, and that is no harm
    anonymous      the highest of samples of what can't be dropped: this has to stay below the limit
    kills          processes killed for want of memory: has to be 0
"""

import argparse
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.load import WORDS, data_uri, jpegs
from benchmarks.random_model import CACHE

ROOT = Path("/sys/fs/cgroup")
NAME = "lookalike-small"
MIB = 2**20


class ControlGroup:
    """A control group with limits, of version 2 where the kernel's controllers are there, else of version 1."""

    def __init__(self, memory: int, cores: float) -> None:
        v2 = ROOT / "cgroup.controllers"
        self.version = 2 if v2.is_file() and "memory" in v2.read_text() else 1
        period = 100_000
        quota = round(cores * period)
        if self.version == 2:
            (ROOT / "cgroup.subtree_control").write_text("+memory +cpu")
            self.memory = self.cpu = ROOT / NAME
            self._limits = [
                (self.memory / "memory.max", memory),
                (self.memory / "memory.swap.max", 0),
                (self.cpu / "cpu.max", f"{quota} {period}"),
            ]
        else:
            self.memory, self.cpu = ROOT / "memory" / NAME, ROOT / "cpu" / NAME
            self._limits = [
                (self.memory / "memory.limit_in_bytes", memory),
                (self.cpu / "cpu.cfs_period_us", period),
                (self.cpu / "cpu.cfs_quota_us", quota),
            ]

    @property
    def folders(self) -> list[Path]:
        return list(dict.fromkeys((self.memory, self.cpu)))

    def __enter__(self) -> "ControlGroup":
        for folder in self.folders:
            if folder.exists():
                folder.rmdir()
            folder.mkdir()
        for path, value in self._limits:
            if path.exists():  # without swap, there is no file for it
                path.write_text(str(value))
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self.folders:
            for pid in (folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            until = time.monotonic() + 10
            while (folder / "cgroup.procs").read_text() and time.monotonic() < until:
                time.sleep(0.05)
            folder.rmdir()

    def command(self, command: list[str]) -> list[str]:
        """The command inside the group, which sees its own group where a container would."""
        enter = "; ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self.folders)
        seen = (
            f"mount --bind {self.memory} {ROOT}"
            if self.version == 2
            else f"mount --bind {self.cpu} {ROOT}/cpu; mount --bind {self.memory} {ROOT}/memory"
        )
        script = f'set -e; {enter}; {seen}; exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", *command]

    def _number(self, *names: str) -> int:
        for name in names:
            path = self.memory / name
            if path.exists():
                return int(path.read_text())
        return -1

    def peak(self) -> int:
        return self._number("memory.peak", "memory.max_usage_in_bytes")

    def anonymous(self) -> int:
        name = "anon" if self.version == 2 else "total_rss"
        return self._stat("memory.stat", name)

    def kills(self) -> int:
        return self._stat(
            "memory.events" if self.version == 2 else "memory.oom_control", "oom_kill"
        )

    def throttled(self) -> float:
        """Seconds that it had work and wasn't let."""
        text = dict(line.split() for line in (self.cpu / "cpu.stat").read_text().splitlines())
        return (
            int(text.get("throttled_usec", 0)) / 1e6
            if self.version == 2
            else int(text.get("throttled_time", 0)) / 1e9
        )

    def _stat(self, file: str, name: str) -> int:
        lines = (self.memory / file).read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.split()[0] == name), -1)


@dataclass
class Seen:
    """What the clients of a phase saw. Seconds."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    seconds: float = 0.0
    items: int = 1

    def row(self) -> str:
        refused, ok = self.statuses.get(429, 0), self.statuses.get(200, 0)
        other = sum(self.statuses.values()) - refused - ok + self.broken
        p50, p95 = (
            (float(np.quantile(self.latencies, q)) for q in (0.5, 0.95))
            if self.latencies
            else (np.nan, np.nan)
        )
        return (
            f"{ok * self.items / self.seconds:7.1f}/s  p50 {p50:6.2f} s  p95 {p95:6.2f} s  "
            f"answered {ok}, refused {refused}, failed {other}"
        )


def hammer(
    url: str, clients: int, seconds: float, asks: Callable[[int], tuple[str, object]]
) -> Seen:
    """`clients` ask again as soon as they have an answer; refused ones wait a little."""
    seen, lock = Seen(), threading.Lock()
    ends = time.monotonic() + seconds
    numbers = iter(range(10**9))

    def run() -> None:
        with httpx.Client(timeout=60) as client:
            while time.monotonic() < ends:
                with lock:
                    path, body = asks(next(numbers))
                began = time.monotonic()
                try:
                    status = client.post(f"{url}{path}", json=body).status_code
                except httpx.HTTPError:
                    status = 0
                took = time.monotonic() - began
                with lock:
                    if status == 0:
                        seen.broken += 1
                    else:
                        seen.statuses[status] = seen.statuses.get(status, 0) + 1
                    if status == 200:
                        seen.latencies.append(took)
                if status != 200:
                    time.sleep(0.2)

    began = time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.monotonic() - began
    return seen


def large_jpeg(megapixels: int) -> str:
    side = round((megapixels * 1e6) ** 0.5) - 8
    coarse = np.random.default_rng(7).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((side, side)).save(out, "JPEG", quality=80)
    return data_uri(out.getvalue())


@contextmanager
def sampling(group: ControlGroup) -> Iterator[list[int]]:
    samples: list[int] = []
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.1):
            samples.append(group.anonymous())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def measure(given: argparse.Namespace, precision: str) -> bool:
    """One precision, printed; whether the service lived."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    pictures = [data_uri(jpeg) for jpeg in jpegs(16)]
    large = large_jpeg(given.megapixels)
    with (
        tempfile.TemporaryDirectory() as folder,
        ControlGroup(given.memory * MIB, given.cores) as group,
        sampling(group) as anonymous,
        (Path(folder) / "log").open("wb") as log,
    ):
        environment = {
            **os.environ,
            "LOOKALIKE_DATA": folder,
            "LOOKALIKE_PRECISION": precision,
            "LOOKALIKE_MAX_IMAGE_PIXELS": str(given.megapixels * 1_000_000),
            "BATCH_SIZE": str(given.batch),
            "LOOKALIKE_LOG_LEVEL": "warning",
        }
        serve = [sys.executable, "-m", "lookalike", "serve", "--model", str(given.bundle)]
        began = time.monotonic()
        process = subprocess.Popen(
            group.command([*serve, "--port", str(port)]), env=environment, stdout=log, stderr=log
        )
        while True:
            try:
                if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() - began > 120:
                print(f"{precision}: did not start\n{(Path(folder) / 'log').read_text()[-2000:]}")
                return False
            time.sleep(0.1)
        ready = time.monotonic() - began
        threads = httpx.get(f"{url}/info").json()["threads"]
        print(
            f"\n{precision}: {given.cores:g} cores and {given.memory} MiB (cgroup v{group.version}), "
            f"{threads} thread, batches of {given.batch}, pictures to {given.megapixels} megapixels"
        )
        print(f"  ready after {ready:.1f} s, anonymous {max(anonymous) / MIB:.0f} MiB at most")

        def phase(name: str, clients: int, asks: Callable[[int], tuple[str, object]]) -> None:
            seen = hammer(url, clients, given.seconds, asks)
            print(
                f"  {name:<34} {seen.row()}; anonymous so far {max(anonymous) / MIB:.0f} MiB",
                flush=True,
            )

        def text(number: int) -> tuple[str, object]:
            words = " ".join(WORDS[(number * 7 + i * 3) % len(WORDS)] for i in range(4))
            return "/embed/text", {"text": f"{words} {number}"}

        def image(number: int) -> tuple[str, object]:
            return "/embed/image", {"image": pictures[number % len(pictures)]}

        def mixed(number: int) -> tuple[str, object]:
            if number % 8 == 7:
                return "/embed/image", {"image": large}
            return text(number) if number % 2 else image(number)

        def batches(_: int) -> tuple[str, object]:
            return "/embed/image", {"images": (pictures * 4)[:64]}

        phase("texts, 4 clients", 4, text)
        phase("pictures of 800x800, 4 clients", 4, image)
        phase("mixed with large ones, 16 clients", 16, mixed)
        phase("64 pictures a request, 32 clients", 32, batches)
        catalogued(url, pictures)
        killed, code = group.kills(), process.poll()
        alive = code is None and httpx.get(f"{url}/readyz", timeout=60).status_code == 200
        print(
            f"  memory.peak {group.peak() / MIB:.0f} MiB, anonymous {max(anonymous) / MIB:.0f} MiB, "
            f"kills {killed}, throttled {group.throttled():.0f} s; "
            + ("still ready" if alive else f"NOT ready (exit status {code})"),
            flush=True,
        )
        if code is None:
            process.terminate()
            process.wait(60)
        return alive and killed == 0


def catalogued(url: str, pictures: list[str]) -> None:
    """A collection in the embedded store, which is a process of its own in the same limits."""
    items = [
        {
            "id": str(n),
            "title": f"{WORDS[n % len(WORDS)]} {n}",
            "image": pictures[n % len(pictures)],
        }
        for n in range(64)
    ]
    try:
        httpx.put(f"{url}/collections/shop", json={}, timeout=60).raise_for_status()
        body = "\n".join(map(json.dumps, items))
        began = time.monotonic()
        answer = httpx.post(
            f"{url}/collections/shop/items",
            content=body,
            headers={"content-type": "application/x-ndjson"},
            timeout=300,
        )
        stored = sum(one["stored"] for one in answer.json()["items"])
        took = time.monotonic() - began
        found = httpx.post(
            f"{url}/collections/shop/search", json={"text": "red dress"}, timeout=60
        ).json()
        print(f"  collection: {stored} of 64 items in {took:.1f} s, {len(found['hits'])} hits")
    except (httpx.HTTPError, KeyError, ValueError) as error:
        print(f"  collection: FAILED, {error!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cores", type=float, default=0.5)
    parser.add_argument("--memory", type=int, default=1024, help="MiB")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--megapixels", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=20, help="for each phase")
    parser.add_argument("--precisions", default="bf16,int8")
    parser.add_argument("--bundle", type=Path, default=CACHE / "ViT-B-32.bundle")
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root: only root may make control groups")
        return 2
    if not given.bundle.exists():
        print(f"make it first: python -m benchmarks.random_model ViT-B-32 {given.bundle.parent}")
        return 2
    lived = [measure(given, precision) for precision in given.precisions.split(",")]
    return 0 if all(lived) else 1


if __name__ == "__main__":
    sys.exit(main())
