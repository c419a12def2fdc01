"""What the service gives over HTTP: `python -m benchmarks.service`.

`lookalike serve` with ViT-B/32 of random weights (or `--model`), over loopback, with JPEGs of 800x800 as data
URIs and short texts that do not repeat, at 1 and 16 clients:

    closed loop   each client asks again when it has its answer: the rate that can be had
    open loop     requests come when they come (Poisson), at shares of that rate: what people wait for, counted
                  from when the request was due, and how much is refused

"own ms" is the median of a request's time beside decoding and inference, as the client sees it: transfer,
parsing, queues, batching, JSON. `--infinity URL` measures an Infinity server that runs on the same machine, in
turn with ours, and prints the ratios (start it with: infinity_emb v2 --model-id openai/clip-vit-base-patch32).
Machines are noisy: read the ratios.
"""

import argparse
import base64
import contextlib
import http.client
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
from PIL import Image

PRODUCTS = Path(__file__).parents[2] / "shared" / "data" / "products"
CLIENTS = (1, 16)
SHARES = (0.5, 0.8, 1.5)
WORDS = "red blue long short cotton leather summer dress shirt shoe bag hat coat".split()


@dataclass
class Target:
    """A server, and how it is asked."""

    name: str
    url: str
    path: str
    body_of: Callable[[str, str], bytes]
    """Kind (image, text) and content to a request's body."""


@dataclass
class Result:
    """What the clients saw. Seconds."""

    latencies: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def ms(self, quantile: float) -> float:
        return 1e3 * float(np.quantile(self.latencies, quantile)) if self.latencies else np.nan

    @property
    def own_ms(self) -> float:
        return 1e3 * float(np.median(self.own)) if self.own else np.nan


def jpegs(count: int = 32) -> list[bytes]:
    """JPEGs of 800x800, quality 90: product photos where they are, else soft noise."""
    files = []
    paths = sorted((PRODUCTS / "images").rglob("*.jpg"))[:count] if PRODUCTS.is_dir() else []
    for number in range(count):
        if number < len(paths):
            picture = (
                Image.open(paths[number])
                .convert("RGB")
                .resize((800, 800), Image.Resampling.BICUBIC)
            )
        else:
            rng = np.random.default_rng(number)
            coarse = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((800, 800), Image.Resampling.BICUBIC)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90)
        files.append(out.getvalue())
    return files


def data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


class Content:
    """What is asked: pictures in turn, and texts that were not asked before."""

    def __init__(self) -> None:
        self._pictures = [data_uri(jpeg) for jpeg in jpegs()]
        self._number = 0
        self._lock = threading.Lock()

    def next(self, kind: str) -> str:
        with self._lock:
            self._number += 1
            number = self._number
        if kind == "image":
            return self._pictures[number % len(self._pictures)]
        dice = random.Random(number)
        return f"{' '.join(dice.choices(WORDS, k=4))} {number}"


class Client:
    """One connection, kept open."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        self._target = target
        self._wire = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def ask(self, body: bytes, result: Result, due: float | None = None) -> None:
        began = time.perf_counter()
        self._wire.request("POST", self._target.path, body, {"content-type": "application/json"})
        answer = self._wire.getresponse()
        answer.read()
        ended = time.perf_counter()
        if answer.status == 429:
            result.refused += 1
        elif answer.status != 200:
            result.failed += 1
        else:
            result.latencies.append(ended - (began if due is None else due))
            if timing := answer.getheader("server-timing"):
                stages = dict(re.findall(r"(\w+);dur=([\d.]+)", timing))
                spent = (float(stages["decode"]) + float(stages["inference"])) / 1e3
                result.own.append(ended - began - spent)


def closed(target: Target, kind: str, content: Content, clients: int, seconds: float) -> Result:
    result = Result()
    ends = time.perf_counter() + seconds

    def run() -> None:
        client = Client(target)
        while time.perf_counter() < ends:
            client.ask(target.body_of(kind, content.next(kind)), result)

    began = time.perf_counter()
    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - began
    return result


def opened(target: Target, kind: str, content: Content, rate: float, seconds: float) -> Result:
    result = Result()
    dice = random.Random(0)
    local = threading.local()

    def run(body: bytes, due: float) -> None:
        if not hasattr(local, "client"):
            local.client = Client(target)
        try:
            local.client.ask(body, result, due)
        except (OSError, http.client.HTTPException):
            result.failed += 1
            del local.client

    began = time.perf_counter()
    due = began
    with ThreadPoolExecutor(128) as pool:
        while (due := due + dice.expovariate(rate)) < began + seconds:
            body = target.body_of(kind, content.next(kind))
            time.sleep(max(0.0, due - time.perf_counter()))
            pool.submit(run, body, due)
    result.seconds = time.perf_counter() - began
    return result


@contextlib.contextmanager
def lookalike(model: str, precision: str) -> Iterator[tuple[Target, psutil.Process]]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        options = ["--port", "0", "--model", model, "--precision", precision, "--data", folder]
        command = [
            sys.executable,
            "-c",
            "from lookalike.cli import main; main()",
            "serve",
            *options,
        ]
        env = {**os.environ, "LOOKALIKE_LOG_FORMAT": "json", "LOOKALIKE_LOG_LEVEL": "info"}
        with log.open("w") as file:
            process = subprocess.Popen(command, env=env, stderr=file)
        try:
            url = wait_until_ready(process, log)
            yield (
                Target("lookalike", url, "/v1/embeddings", _openai_body),
                psutil.Process(process.pid),
            )
        finally:
            process.terminate()
            process.wait(30)


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if found := re.search(r'"url":"(http://[^"]+)"', log.read_text()):
            parts = urlsplit(found.group(1))
            wire = http.client.HTTPConnection(parts.hostname or "", parts.port)
            wire.request("GET", "/readyz")
            if wire.getresponse().status == 200:
                return found.group(1)
        time.sleep(0.1)
    raise SystemExit(log.read_text())


def _openai_body(kind: str, content: str) -> bytes:
    return json.dumps({"input": [content], "modality": kind, "encoding_format": "base64"}).encode()


def own_cpu_ms(target: Target, process: psutil.Process, requests: int = 500) -> float:
    """What a request costs where the model has nothing to do; processor time, as others may use the machine."""
    client, body = Client(target), target.body_of("text", "a red dress")
    client.ask(body, Result())
    before = process.cpu_times()
    for _ in range(requests):
        client.ask(body, Result())
    after = process.cpu_times()
    return 1e3 * (after.user + after.system - before.user - before.system) / requests


def resident_mb(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_info().rss for one in family) / 1e6


def row(name: str, kind: str, load: str, result: Result) -> str:
    wrong = f"  {result.failed} failed" if result.failed else ""
    return (
        f"{name:10} {kind:6} {load:14} {result.rate:8.1f}/s  p50 {result.ms(0.5):7.1f}  "
        f"p99 {result.ms(0.99):7.1f}  own {result.own_ms:6.2f} ms  refused {result.refused}{wrong}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default=None, help="default: ViT-B-32 of random weights")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each line")
    parser.add_argument("--infinity", metavar="URL", help="an Infinity server on this machine")
    parser.add_argument("--infinity-model", default="openai/clip-vit-base-patch32")
    given = parser.parse_args()
    model = given.model
    if model is None:
        from benchmarks.random_model import random_bundle

        model = str(random_bundle("ViT-B-32").path)
    content = Content()
    with lookalike(model, given.precision) as (ours, process):
        targets = [ours]
        if given.infinity:

            def infinity_body(kind: str, one: str) -> bytes:
                body = {"model": given.infinity_model, "input": [one], "modality": kind}
                return json.dumps({**body, "encoding_format": "base64"}).encode()

            targets.append(Target("infinity", given.infinity, "/embeddings", infinity_body))
        for kind in ("image", "text"):
            rates: dict[tuple[str, int], Result] = {}
            for clients in CLIENTS:
                for target in targets:
                    closed(target, kind, content, clients, 1.0)  # warm
                    result = closed(target, kind, content, clients, given.seconds)
                    rates[target.name, clients] = result
                    print(row(target.name, kind, f"{clients} clients", result), flush=True)
                if given.infinity:
                    mine, theirs = rates["lookalike", clients], rates["infinity", clients]
                    print(
                        f"{'':10} {kind:6} ratio at {clients}: rate {mine.rate / theirs.rate:.2f}, "
                        f"p50 {mine.ms(0.5) / theirs.ms(0.5):.2f}",
                        flush=True,
                    )
            most = rates["lookalike", CLIENTS[-1]].rate
            for share in SHARES:
                result = opened(ours, kind, content, share * most, given.seconds)
                print(row(ours.name, kind, f"open {share:.0%}", result), flush=True)
        print(
            f"own processor time: {own_cpu_ms(ours, process):.2f} ms a request (text, from the cache)"
        )
        print(f"resident: {resident_mb(process):.0f} MB (the service and the store's processes)")


if __name__ == "__main__":
    main()
