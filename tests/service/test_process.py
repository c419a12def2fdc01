"""`lookalike serve` as it is run: a process, real sockets, signals, and hours of poison in seconds."""

import base64
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from lookalike.models.bundle import Bundle
from tests.service.conftest import picture

REFUSE_OUTGOING = '''
"""Python runs this at its start: whatever leaves this machine is refused, and written down."""
import os, socket

real = socket.socket

class Guarded(real):
    def _check(self, address):
        if self.family != socket.AF_UNIX:
            with open(os.environ["OUTGOING"], "a") as file:
                file.write(f"{address}\\n")
            raise OSError("outgoing connections are refused")

    def connect(self, address):
        self._check(address)
        return super().connect(address)

    def connect_ex(self, address):
        self._check(address)
        return super().connect_ex(address)

    def sendto(self, data, *rest):
        self._check(rest[-1])
        return super().sendto(data, *rest)

def look_up(host, *rest, **more):
    with open(os.environ["OUTGOING"], "a") as file:
        file.write(f"look-up of {host}\\n")
    raise OSError("look-ups are refused")

socket.socket = Guarded
socket.getaddrinfo = look_up
'''


@dataclass
class Served:
    process: subprocess.Popen
    url: str
    port: int
    outgoing: Path
    log: Path

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(bundle: Bundle, folder: Path, **environment: str) -> Iterator[Served]:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "sitecustomize.py").write_text(REFUSE_OUTGOING)
    outgoing, log = folder / "outgoing", folder / "log"
    env = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "OUTGOING": str(outgoing),
        "LOOKALIKE_DATA": str(folder / "data"),
        "LOOKALIKE_HOME": str(folder / "home"),
        "LOOKALIKE_THREADS": "1",
        "LOOKALIKE_PRECISION": "fp32",
        "LOOKALIKE_LOG_FORMAT": "json",
        **environment,
    }
    command = [sys.executable, "-c", "from lookalike.cli import main; main()", "serve",
               "--port", "0", "--model", str(bundle.path)]  # fmt: skip
    with log.open("w") as file:
        process = subprocess.Popen(command, env=env, stderr=file, stdout=file)
    try:
        until = time.monotonic() + 60
        url = None
        while url is None or httpx.get(f"{url}/readyz").status_code != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
            found = re.search(r'"url":"(http://[^"]+)"', log.read_text())
            url = found.group(1) if found else None
        yield Served(process, url, int(url.rsplit(":", 1)[1]), outgoing, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def uri(seed: int) -> str:
    return "data:image/png;base64," + base64.b64encode(picture(seed)).decode()


@pytest.fixture(scope="module")
def served(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with serving(bundle, folder, LOOKALIKE_MAX_BODY_BYTES="400000") as running:
        yield running


def test_it_makes_no_outgoing_connection(served: Served) -> None:
    with httpx.Client(base_url=served.url) as client:
        client.post("/embed/text", json={"text": "a"}).raise_for_status()
        client.post("/embed/image", json={"image": uri(1)}).raise_for_status()
        client.post("/embed/image", json={"image": "http://example.com/a.png"})
        client.put("/collections/a").raise_for_status()
        items = [{"id": "1", "title": "b", "image": uri(1), "attributes": {}}]
        client.post("/collections/a/items", json=items).raise_for_status()
        client.post("/collections/a/search", json={"text": "x"}).raise_for_status()
        for path in ("/info", "/metrics", "/v1/models", "/openapi.json"):
            client.get(path).raise_for_status()
    assert not served.outgoing.exists(), served.outgoing.read_text()


# What the soak sends. Each poison gives whether it was answered as it should be.


def bomb() -> bytes:
    """A PNG whose header says 50,000 x 50,000."""
    data = bytearray(picture(0))
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    return bytes(data)


def raw(served: Served, data: bytes, wait: float = 0.0) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", served.port), timeout=5)
    wire.sendall(data)
    time.sleep(wait)
    return wire


def broken(served: Served, client: httpx.Client) -> bool:
    answer = client.post("/embed/image", files={"file": ("a.jpg", b"\xff\xd8\xff broken")})
    return answer.status_code == 422


def huge(served: Served, client: httpx.Client) -> bool:
    return client.post("/embed/image", files={"file": ("a.png", bomb())}).status_code == 422


def too_long(served: Served, client: httpx.Client) -> bool:
    answer = client.post(
        "/embed/text", content=(b"x" * 50_000 for _ in range(12)),
        headers={"content-type": "application/json"},
    )  # fmt: skip
    return answer.status_code == 413


def slow(served: Served, client: httpx.Client) -> bool:
    head = b"POST /embed/text HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\n\r\n{"
    raw(served, head, wait=0.3).close()
    return True


def cancelled(served: Served, client: httpx.Client) -> bool:
    body = json.dumps({"images": [uri(n) for n in range(8)]}).encode()
    head = (
        "POST /embed/image HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    raw(served, head.encode() + body).close()
    return True


def not_http(served: Served, client: httpx.Client) -> bool:
    raw(served, b"\x16\x03\x01 hello\r\n\r\n").close()
    return True


def half_a_stream(served: Served, client: httpx.Client) -> bool:
    line = json.dumps({"id": "kept", "title": "whole", "attributes": {}}).encode() + b"\n"
    head = (
        b"POST /collections/a/items HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/x-ndjson\r\ncontent-length: 9999\r\n\r\n"
    )
    raw(served, head + line + b'{"id": "torn", "ti', wait=0.2).close()
    return True


POISON = (half_a_stream, broken, huge, too_long, slow, cancelled, not_http)


def good(client: httpx.Client, number: int) -> bool:
    match number % 4:
        case 0:
            answer = client.post("/embed/text", json={"texts": [f"text {number}", "shoe"]})
        case 1:
            answer = client.post("/embed/image", json={"image": uri(number)})
        case 2:
            answer = client.post("/embed/image", files={"file": ("a.png", picture(number))})
        case _:
            answer = client.post("/collections/a/search", json={"text": f"text {number % 9}"})
    return answer.status_code == 200


def resident(served: Served) -> float:
    text = httpx.get(f"{served.url}/metrics").text
    return float(re.search(r"^lookalike_resident_bytes (\S+)", text, re.M).group(1))


def test_soak_in_which_a_tenth_is_poison(served: Served) -> None:
    httpx.put(f"{served.url}/collections/a")
    seconds = float(os.environ.get("LOOKALIKE_SOAK_SECONDS", "10"))
    ends = time.monotonic() + seconds
    failures: list[str] = []
    counts = {"good": 0, "poison": 0}
    lock = threading.Lock()

    def client_of(seed: int) -> None:
        dice = random.Random(seed)
        with httpx.Client(base_url=served.url, timeout=20) as client:
            while time.monotonic() < ends:
                if poisoned := dice.random() < 0.1:
                    kind = dice.choice(POISON)
                    ok, what = kind(served, client), kind.__name__
                else:
                    number = dice.randrange(1_000)
                    ok, what = good(client, number), f"good {number % 4}"
                with lock:
                    counts["poison" if poisoned else "good"] += 1
                    if not ok:
                        failures.append(what)

    with ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(client_of, seed) for seed in range(6)]
        time.sleep(seconds * 0.4)
        warm = resident(served)
        while time.monotonic() < ends:
            if httpx.get(f"{served.url}/readyz").status_code != 200:
                failures.append("not ready")
            time.sleep(0.2)
        for client in clients:
            client.result()
    assert not failures
    assert counts["good"] > 50
    assert counts["poison"] > 5
    assert resident(served) - warm < 30e6
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "alive"}
    until = time.monotonic() + 10
    while 'queue_items{tower="image"} 0.0' not in httpx.get(f"{served.url}/metrics").text:
        assert time.monotonic() < until, "what was cancelled still waits"
        time.sleep(0.05)
    while httpx.get(f"{served.url}/collections/a/items/kept").status_code != 200:
        assert time.monotonic() < until, "the whole item of a torn stream is not stored"
    assert httpx.get(f"{served.url}/collections/a/items/torn").status_code == 404
    unforeseen = [line for line in served.lines() if line["level"] == "error"]
    assert not unforeseen


def test_told_to_stop_it_finishes_what_it_accepted_flushes_and_ends(
    bundle: Bundle, tmp_path: Path
) -> None:
    with serving(bundle, tmp_path) as running:
        httpx.put(f"{running.url}/collections/kept")
        items = [
            {"id": str(n), "title": f"t {n}", "image": uri(n), "attributes": {}} for n in range(20)
        ]
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(
                httpx.post, f"{running.url}/collections/kept/items", json=items, timeout=30
            )
            while httpx.get(f"{running.url}/collections/kept").json()["items"] == 0:
                time.sleep(0.005)
            code = running.stop()
            stored = answer.result().json()
        assert stored["added"] == 20
        assert code == 0
        assert "stopped" in [line["message"] for line in running.lines()]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{running.url}/healthz")
    with serving(bundle, tmp_path) as again:
        assert httpx.get(f"{again.url}/collections/kept").json()["items"] == 20
        assert again.stop() == 0
