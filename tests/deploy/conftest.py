"""Services as processes, with the model that is inside the package."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.deploy.dockerfile import ROOT


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    url: str
    port: int
    log: Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Until `url` answers 200."""
    until = time.monotonic() + seconds
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with SIGTERM, or else killed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LOOKALIKE_", "QDRANT_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**clean, **environment}, cwd=ROOT, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)


@contextmanager
def starting(folder: Path, **environment: str) -> Iterator[Served]:
    """`lookalike serve` with `tiny`, which is still loading."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "log"
    settings = {
        "MODEL_NAME": "tiny",
        "LOOKALIKE_PORT": str(port),
        "LOOKALIKE_DATA": str(folder / "data"),
        "LOOKALIKE_HOME": str(folder / "home"),
        "LOOKALIKE_THREADS": "1",
        "LOOKALIKE_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "lookalike", "serve"]
    with running(command, log, **{**settings, **environment}) as process:
        yield Served(process, f"http://127.0.0.1:{port}", port, log)


@dataclass
class Replicas:
    """Two services that share a Qdrant server."""

    services: list[Served]
    store: str
    data: Path


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    port, log = free_port(), folder / "store.log"
    command = [sys.executable, "-m", "tests.deploy.qdrant_stand_in", str(port)]
    with ExitStack() as stack:
        store = stack.enter_context(running(command, log))
        url = f"http://127.0.0.1:{port}"
        data = folder / "shared"
        services = [
            stack.enter_context(starting(folder / name, QDRANT_URL=url, LOOKALIKE_DATA=str(data)))
            for name in ("first", "second")
        ]
        wait_for(f"{url}/aliases", store, log)
        for one in services:
            wait_for(f"{one.url}/readyz", one.process, one.log)
        yield Replicas(services, url, data)
