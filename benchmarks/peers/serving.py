"""The peers as services: Infinity and clip-as-service over HTTP beside `lookalike serve`, with the same load.

All are started, then asked in turn, figure by figure: what disturbs the machine meanwhile hits all of them. One
that is not asked waits, and takes no processor time to speak of (its share is printed). Closed loop at 1, 4, 16
and 64 clients, then open loop (Poisson) at 50, 80, 95 and 120% of the best rate of those. Pictures in all forms
that a server takes. Processor time is of the whole family of the server's processes, a request.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks import load, service
from benchmarks.load import Body, Target, data_uri, json_body
from benchmarks.peers.environments import NotInstalled, python_of
from benchmarks.peers.library import OFFLINE, WORKERS
from benchmarks.random_model import random_bundle
from benchmarks.service import Server, family, figures, line, lookalike, resident_mb

PORT = 7997
PATIENCE = 400.0
"""Seconds until a server must have started; Infinity times itself first."""
FORMS = ("data URI", "text", "mix", "multipart", "base64")


@contextlib.contextmanager
def started(
    command: list[str], env: dict[str, str], folder: Path, ready: Callable[[], bool]
) -> Iterator[psutil.Process]:
    """A server's process, once `ready`. Raises RuntimeError with the end of what it wrote."""
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=file, stderr=file)
    try:
        ends = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(" ".join(log.read_text().split())[-300:] or "it says nothing")
            time.sleep(0.3)
        yield psutil.Process(process.pid)
    finally:
        whole = family(psutil.Process(process.pid)) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        for one in whole[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def answers(port: int, body: Body | None = None) -> bool:
    """Whether a server on that port answers 200 (to /health, without a body)."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        if body is None:
            wire.request("GET", "/health")
        else:
            wire.request("POST", body.path, body.content, {"content-type": body.kind})
        return wire.getresponse().status == 200
    return False


@contextlib.contextmanager
def infinity(
    material: Path, dtype: str, given: dict[str, str], port: int = PORT
) -> Iterator[tuple[Target, psutil.Process]]:
    """Infinity as its docs start it on a CPU: the PyTorch engine, lengths and batches by default."""
    python = Path(python_of("infinity", given))
    command = [str(python.parent / "infinity_emb"), "v2", "--model-id", str(material / "hf"),
               "--served-model-name", "clip", "--device", "cpu", "--engine", "torch",
               "--dtype", dtype, "--port", str(port)]  # fmt: skip
    env = {**os.environ, **OFFLINE, "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with (
        tempfile.TemporaryDirectory() as folder,
        started(command, env, Path(folder), lambda: answers(port)) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        yield load.infinity(url, "clip", f"Infinity {dtype}"), process


@contextlib.contextmanager
def clip_as_service(
    material: Path, given: dict[str, str], port: int = PORT + 2
) -> Iterator[tuple[Target, psutil.Process]]:
    """clip-as-service with its PyTorch executor, over HTTP; its flow as its docs show it."""
    python = python_of("clip-as-service", given)
    worker = WORKERS / "clip_as_service_local.py"
    weights = material / "clip.pt"
    if not weights.exists():
        source = material.parent / "ViT-B-32.source" / "open_clip_model.safetensors"
        subprocess.run([python_of("torch", given), str(worker), "export", str(source), str(weights)],
                       check=True, capture_output=True)  # fmt: skip

    def body(**document: str) -> Body:
        return json_body("/post", data=[document], execEndpoint="/")

    flow = {"jtype": "Flow", "version": "1", "with": {"port": port, "protocol": "http"},
            "executors": [{"name": "clip", "replicas": 1, "timeout_ready": 300_000,
                           "uses": {"jtype": "LocalCLIPEncoder", "with": {"device": "cpu"},
                                    "metas": {"py_modules": [str(worker)]}}}]}  # fmt: skip
    env = {**os.environ, **OFFLINE, "CLIP_WEIGHTS": str(weights), "NO_VERSION_CHECK": "1",
           "JINA_OPTOUT_TELEMETRY": "1",
           "PATH": f"{Path(python).parent}:{os.environ['PATH']}"}  # fmt: skip
    env.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flow.yml").write_text(json.dumps(flow))  # YAML is a superset of JSON
        command = [python, "-m", "clip_server", "flow.yml"]
        asked = body(text="a red dress")
        with started(command, env, Path(folder), lambda: answers(port, asked)) as process:
            yield (
                Target(
                    "clip-as-service",
                    f"http://127.0.0.1:{port}",
                    {"data URI": lambda jpeg: body(uri=data_uri(jpeg))},
                    lambda text: body(text=text),
                ),
                process,
            )


def run(material: Path, seconds: float, given: dict[str, str]) -> Iterator[dict[str, Any]]:
    bundle = str(random_bundle("ViT-B-32").path)
    servers: list[Server] = []
    few = {"clients": (1, 16), "shares": ()}
    wanted: list[tuple[str, Any, dict[str, Any]]] = [
        ("Infinity float32", lambda: infinity(material, "float32", given), {}),
        ("Infinity bfloat16", lambda: infinity(material, "bfloat16", given, PORT + 1), few),
        ("clip-as-service", lambda: clip_as_service(material, given), few),
        ("Lookalike bf16", lambda: lookalike(bundle, "bf16", "Lookalike bf16"), {}),
        ("Lookalike int8", lambda: lookalike(bundle, "int8", "Lookalike int8"), {}),
        (
            "Lookalike bf16, fast",
            lambda: lookalike(bundle, "bf16", "Lookalike bf16, fast", "fast"),
            few,
        ),
        (
            "Lookalike int8, fast",
            lambda: lookalike(bundle, "int8", "Lookalike int8, fast", "fast"),
            few,
        ),
    ]
    with contextlib.ExitStack() as stack:
        for name, start, how in wanted:
            print(f"  starting {name} ...", file=sys.stderr, flush=True)
            try:
                target, process = stack.enter_context(start())
            except (RuntimeError, NotInstalled, subprocess.CalledProcessError) as error:
                yield {"server": name, "not_started": str(error)}
                continue
            servers.append(Server(target, process, **how))
        yield from idle(servers)
        for row in figures(servers, seconds, FORMS):
            print("  " + line(row), file=sys.stderr, flush=True)
            yield row
        for server in servers:
            assert server.process is not None
            yield {"server": server.target.name, "resident_mb": resident_mb(server.process)}
            if server.target.name.startswith("Lookalike"):
                yield {"server": server.target.name, "own_cpu_ms": service.own_cpu_ms(server)}


def idle(servers: list[Server]) -> Iterator[dict[str, Any]]:
    """The share of a core that each takes while nobody asks it."""
    before = [server.processor_seconds() for server in servers]
    time.sleep(2.0)
    for server, was in zip(servers, before, strict=True):
        yield {"server": server.target.name, "idle": (server.processor_seconds() - was) / 2.0}
