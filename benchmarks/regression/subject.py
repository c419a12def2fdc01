"""What is looked at: the service with the built-in model and a small collection, called in this process."""

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from PIL import Image

from benchmarks.load import BOUNDARY, Body, json_body, ours
from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.service.app import create_app
from lookalike.service.state import Service
from lookalike.settings import Settings

COLLECTION, ITEMS = "shop", 64
CHUNK = 1 << 16
"""Bytes of a body that arrive at once, as a server's socket gives them."""


def jpeg(seed: int = 0, side: int = 800) -> bytes:
    """Soft noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(
        out, "JPEG", quality=90
    )
    return out.getvalue()


def multipart(pictures: list[bytes]) -> Body:
    """Several pictures in one form."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    parts = b"".join(head + picture + b"\r\n" for picture in pictures)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return Body("/embed/image", parts + f"--{BOUNDARY}--\r\n".encode(), kind)


def bulky(picture: bytes, length: int = 1 << 20) -> bytes:
    """The same picture with so many bytes of comment: a body beside which its pixels are nothing."""
    segment = b"\xff\xfe" + (1 << 15).to_bytes(2, "big") + bytes((1 << 15) - 2)
    return picture[:2] + segment * (length // len(segment)) + picture[2:]


PICTURE, BULKY = jpeg(), bulky(jpeg(side=64))
_TARGET = ours("http://localhost")
_FORMS = ("multipart", "base64", "data URI")
Request = Callable[[int], Body]
"""The body of the n-th time that it is asked."""


def always(body: Body) -> Request:
    return lambda _: body


def searched(**fields: object) -> Request:
    return always(json_body(f"/collections/{COLLECTION}/search", **fields))


REQUESTS: dict[str, Request] = {
    **{f"picture as {form}": always(_TARGET.of_picture[form](PICTURE)) for form in _FORMS},
    "eight pictures": always(multipart([jpeg(seed, 320) for seed in range(8)])),
    "text, new": lambda n: _TARGET.of_text(f"a red dress {n:03}"),
    "text, cached": always(_TARGET.of_text("a red dress")),
    "sixteen texts": lambda n: json_body(
        "/embed/text", texts=[f"a blue coat {n:03} {place:02}" for place in range(16)]
    ),
    "search by text": searched(text="a red dress"),
    "search by picture": searched(image=base64.b64encode(PICTURE).decode()),
    "search by item": searched(item="7"),
    "hybrid search with a filter": searched(
        text="a red dress", target="hybrid", filter={"colour": "c1"}
    ),
}
BODIES: dict[str, Body] = {f"{form} body": _TARGET.of_picture[form](BULKY) for form in _FORMS}


@dataclass(frozen=True)
class Subject:
    """A running service. What is asked goes through all of its layers, but no socket."""

    app: FastAPI
    loop: asyncio.AbstractEventLoop

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    @property
    def encoder(self) -> Encoder:
        return self.service.encoder

    def ask(self, body: Body, method: str = "POST") -> bytes:
        """The answer's body. Raises RuntimeError for any other than a good one."""
        return asyncio.run_coroutine_threadsafe(self.answer(body, method), self.loop).result(60)

    async def answer(self, body: Body, method: str = "POST") -> bytes:
        pieces = [body.content[at : at + CHUNK] for at in range(0, len(body.content), CHUNK)]
        pieces.reverse()
        status, answer = 0, b""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": body.path, "raw_path": body.path.encode(), "root_path": "",
            "query_string": b"", "client": ("127.0.0.1", 1), "server": ("localhost", 80),
            "headers": [(b"host", b"localhost"), (b"content-type", body.kind.encode()),
                        (b"content-length", str(len(body.content)).encode())],
        }  # fmt: skip
        ended = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not pieces and ended.is_set():
                return {"type": "http.disconnect"}
            if not pieces and sent:
                await ended.wait()
                return {"type": "http.disconnect"}
            piece = pieces.pop() if pieces else b""
            sent.append(len(piece))
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            nonlocal status, answer
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                answer += message.get("body", b"")
                if not message.get("more_body"):
                    ended.set()

        sent: list[int] = []
        await self.app(scope, receive, send)
        if not 200 <= status < 300:
            raise RuntimeError(f"{body.path}: {status} {answer[:300]!r}")
        return answer


def load_tiny(settings: Settings) -> Encoder:
    """One thread, for figures that the number of cores does not change."""
    from lookalike.encoder.golden import store_of

    bundle = store_of(settings).bundle("tiny")
    return Encoder(bundle, wanted=Wanted("cpu", "fp32", 1, "openvino"))


@contextmanager
def running(folder: Path) -> Iterator[Subject]:
    """The service, ready, with a collection of ITEMS items."""
    given = {"data": folder / "data", "home": folder / "home", "threads": 1, "model_name": "tiny"}
    app = create_app(Settings().model_copy(update=given), load_tiny)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop")
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(120)

    context = app.router.lifespan_context(app)
    try:
        run(context.__aenter__())
        subject = Subject(app, loop)
        until = time.monotonic() + 60
        while subject.service.status == "loading" and time.monotonic() < until:
            time.sleep(0.01)  # it has no event to wait for from outside
        fill(subject)
        yield subject
        run(context.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def fill(subject: Subject) -> None:
    subject.ask(Body(f"/collections/{COLLECTION}", b"{}"), "PUT")
    items = [
        {
            "id": str(number),
            "title": f"thing number {number}",
            "image": "data:image/jpeg;base64," + base64.b64encode(jpeg(number, 64)).decode(),
            "attributes": {"colour": f"c{number % 4}"},
        }
        for number in range(ITEMS)
    ]
    answer = subject.ask(
        Body(f"/collections/{COLLECTION}/items", json.dumps(items).encode(), "application/json")
    )
    if answer.count(b'"id"') < ITEMS:
        raise RuntimeError(f"not all items were stored: {answer[:300]!r}")
