"""The load: clients that ask a server over HTTP, in a closed or an open loop.

    closed loop   each client asks again when it has its answer: the rate that can be had
    open loop     requests come when they come (Poisson): what people wait for, counted from when the request
                  was due, and how much is refused

The clients share the machine with the server, so they cost little: a picture's request is bytes that were made
beforehand, sent by one call over a socket that stays open, and of the answer only the status, the length and
server-timing are read. What they cost still is measured: `Result.client_ms`.
"""

import base64
import io
import itertools
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

WORDS = "red blue long short cotton leather summer dress shirt shoe bag hat coat".split()
FORMS = ("multipart", "base64", "data URI", "text", "mix")
"""What a request brings. The mix: of four requests one is a picture as data URI, three are texts."""
BOUNDARY = "lookalike-benchmark"
PATIENCE = 120.0
"""Seconds after which a request counts as failed."""


def jpegs(count: int = 32) -> list[bytes]:
    """JPEGs of 800x800 of soft noise: the same on every machine."""
    files = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
        files.append(jpeg(Image.fromarray(coarse).resize((800, 800), Image.Resampling.BICUBIC)))
    return files


def jpeg(picture: Image.Image) -> bytes:
    """Its file, of quality 90."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


class Body(NamedTuple):
    """Of one request."""

    path: str
    content: bytes
    kind: str = "application/json"


def json_body(path: str, **fields: object) -> Body:
    return Body(path, json.dumps(fields).encode())


@dataclass
class Target:
    """A server, and how it is asked: from a picture's bytes or a text to a body, by form."""

    name: str
    url: str
    of_picture: Mapping[str, Callable[[bytes], Body]]
    of_text: Callable[[str], Body]

    @property
    def forms(self) -> list[str]:
        return [form for form in FORMS if form in self.of_picture or form in ("text", "mix")]


def ours(url: str, name: str = "lookalike") -> Target:
    """Lookalike, vectors answered as base64 by every route."""
    said = {"encoding_format": "base64"}

    def multipart(jpeg: bytes) -> Body:
        field = 'Content-Disposition: form-data; name="{}"'
        parts = [
            f"--{BOUNDARY}\r\n{field.format('encoding_format')}\r\n\r\nbase64\r\n".encode(),
            f'--{BOUNDARY}\r\n{field.format("file")}; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n".encode(),
            jpeg,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        ]
        return Body("/embed/image", b"".join(parts), f"multipart/form-data; boundary={BOUNDARY}")

    return Target(
        name,
        url,
        {
            "multipart": multipart,
            "base64": lambda jpeg: json_body(
                "/embed/image", image=base64.b64encode(jpeg).decode(), **said
            ),
            "data URI": lambda jpeg: json_body(
                "/v1/embeddings", input=[data_uri(jpeg)], modality="image", **said
            ),
        },
        lambda text: json_body("/v1/embeddings", input=[text], modality="text", **said),
    )


def infinity(url: str, model: str, name: str = "infinity") -> Target:
    """Infinity, which takes pictures as data URIs."""
    said = {"model": model, "encoding_format": "base64"}
    return Target(
        name,
        url,
        {
            "data URI": lambda jpeg: json_body(
                "/embeddings", input=[data_uri(jpeg)], modality="image", **said
            )
        },
        lambda text: json_body("/embeddings", input=[text], modality="text", **said),
    )


class Content:
    """What is asked: pictures in turn, and texts that were not asked before. For any number of threads."""

    def __init__(self) -> None:
        self._pictures = jpegs()
        self._number = itertools.count(1)
        self._ready: dict[tuple[str, str], list[bytes]] = {}

    def prepare(self, target: Target, form: str) -> Callable[[], bytes]:
        """What makes the next request, whole, from its first line to the body's last byte."""
        pictures = self._of_pictures(target, "data URI" if form == "mix" else form)

        def following() -> bytes:
            number = next(self._number)
            if form == "text" or (form == "mix" and number % 4):
                return request(target, target.of_text(text(number)))
            return pictures[number // (4 if form == "mix" else 1) % len(pictures)]

        return following

    def _of_pictures(self, target: Target, form: str) -> list[bytes]:
        if form == "text":
            return []
        key = (target.name, form)
        if key not in self._ready:
            self._ready[key] = [
                request(target, target.of_picture[form](jpeg)) for jpeg in self._pictures
            ]
        return self._ready[key]


def text(number: int) -> str:
    """Another one for every number."""
    return f"{' '.join(random.Random(number).choices(WORDS, k=4))} {number}"


def request(target: Target, body: Body) -> bytes:
    head = (
        f"POST {body.path} HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\n"
        f"Content-Type: {body.kind}\r\nContent-Length: {len(body.content)}\r\n\r\n"
    )
    return head.encode() + body.content


class Answer(NamedTuple):
    """`status` is 0 where none came. Seconds; `own` is the request's time beside decoding and inference."""

    status: int
    latency: float
    own: float | None = None


@dataclass
class Result:
    """What the clients saw. Seconds, unless a name says otherwise."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    client_seconds: float = 0.0
    """Processor time of this process meanwhile."""

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.answers + other.answers,
            self.seconds + other.seconds,
            self.client_seconds + other.client_seconds,
        )

    @cached_property
    def latencies(self) -> list[float]:
        return [one.latency for one in self.answers if one.status == 200]

    @property
    def refused(self) -> int:
        return sum(one.status == 429 for one in self.answers)

    @property
    def failed(self) -> int:
        return sum(one.status not in (200, 429) for one in self.answers)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def ms(self, quantile: float) -> float:
        return 1e3 * float(np.quantile(self.latencies, quantile)) if self.latencies else np.nan

    @property
    def own_ms(self) -> float:
        known = [one.own for one in self.answers if one.own is not None]
        return 1e3 * float(np.median(known)) if known else np.nan

    @property
    def client_ms(self) -> float:
        """What a request costs the load's own process."""
        return 1e3 * self.client_seconds / max(1, len(self.answers))


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMING = re.compile(rb"\r\nserver-timing: *([^\r]*)", re.IGNORECASE)
_STAGE = re.compile(rb"(\w+);dur=([\d.]+)")


class Client:
    """One connection, kept open."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        self._wire = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes, due: float | None = None) -> Answer:
        """Latency counts from `due`, else from now. Raises OSError."""
        began = time.perf_counter()
        self._wire.sendall(request)
        head = self._answer()
        ended = time.perf_counter()
        own = None
        if timing := _TIMING.search(head):
            stages = {name: float(ms) / 1e3 for name, ms in _STAGE.findall(timing[1])}
            own = ended - began - stages.get(b"decode", 0.0) - stages.get(b"inference", 0.0)
        return Answer(int(head[9:12]), ended - (began if due is None else due), own)

    def _answer(self) -> bytes:
        """The head of an answer that has been read to its end."""
        read = b""
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._more()
        length = _LENGTH.search(read, 0, end)
        if length is None:
            raise OSError("the answer does not say how long it is")
        missing = int(length[1]) - (len(read) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        return read[:end]

    def _more(self) -> bytes:
        if not (more := self._wire.recv(1 << 16)):
            raise OSError("the server has closed the connection")
        return more

    def close(self) -> None:
        self._wire.close()


def closed(target: Target, form: str, content: Content, clients: int, seconds: float) -> Result:
    result = Result()
    following = content.prepare(target, form)
    spent, began = time.process_time(), time.perf_counter()

    def run() -> None:
        client = Client(target)
        while time.perf_counter() < began + seconds:
            asked = time.perf_counter()
            try:
                result.answers.append(client.ask(following()))
            except OSError:
                result.answers.append(Answer(0, time.perf_counter() - asked))
                client.close()
                client = Client(target)
        client.close()

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - began
    result.client_seconds = time.process_time() - spent
    return result


def opened(target: Target, form: str, content: Content, rate: float, seconds: float) -> Result:
    result = Result()
    following = content.prepare(target, form)
    dice = random.Random(0)
    local = threading.local()

    def run(request: bytes, due: float) -> None:
        try:
            if not hasattr(local, "client"):
                local.client = Client(target)
            result.answers.append(local.client.ask(request, due))
        except OSError:
            result.answers.append(Answer(0, time.perf_counter() - due))
            if hasattr(local, "client"):
                local.client.close()
                del local.client

    spent, began = time.process_time(), time.perf_counter()
    due = began
    with ThreadPoolExecutor(128) as pool:
        while (due := due + dice.expovariate(rate)) < began + seconds:
            made = following()
            time.sleep(max(0.0, due - time.perf_counter()))
            pool.submit(run, made, due)
    result.seconds = time.perf_counter() - began
    result.client_seconds = time.process_time() - spent
    return result
