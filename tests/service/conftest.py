"""A small real model with random weights, and the service over it, in this process."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.models.bundle import Bundle
from lookalike.models.convert import convert
from lookalike.service.app import create_app
from lookalike.service.state import Service
from lookalike.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
NAME = "openclip-vit-quickgelu"
URL = "http://localhost"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return convert(
        GOLDEN / NAME, tmp_path_factory.mktemp("bundle") / NAME, name=NAME, precisions=("fp32",)
    )


@pytest.fixture(scope="session")
def encoder(bundle: Bundle) -> Iterator[Encoder]:
    """The reference for what the service must answer."""
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="fp32", threads=1)) as loaded:
        yield loaded


def settings_of(folder: Path, **given: Any) -> Settings:
    base = {"data": folder / "data", "home": folder / "home", "threads": 1}
    return Settings().model_copy(update={**base, **given})


def loader(bundle: Bundle) -> Callable[[Settings], Encoder]:
    def load(settings: Settings) -> Encoder:
        from lookalike.encoder.images import ImageLimits

        limits = ImageLimits(settings.max_image_pixels, settings.max_image_bytes)
        wanted = Wanted(device="cpu", precision="fp32", threads=1)
        return Encoder(bundle, wanted=wanted, limits=limits)

    return load


def wait_until_loaded(service: Service) -> None:
    until = time.monotonic() + 30
    while service.status == "loading":
        assert time.monotonic() < until, "the model does not load"
        time.sleep(0.01)


Start = Callable[..., TestClient]


@pytest.fixture
def start(bundle: Bundle, tmp_path: Path) -> Iterator[Start]:
    """Starts a service with the given settings, ready, and gives a client of it. Without collections unless
    asked for, as the store's processes take their time."""
    with ExitStack() as stack:

        def begin(*, load: Any = None, **given: Any) -> TestClient:
            folder = tmp_path / str(time.monotonic_ns())
            app = create_app(
                settings_of(folder, **{"catalogue": False, **given}), load or loader(bundle)
            )
            client = stack.enter_context(
                TestClient(app, base_url=URL, raise_server_exceptions=False)
            )
            if load is None:
                wait_until_loaded(app.state.service)
            return client

        yield begin


@pytest.fixture(scope="module")
def app(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(settings_of(tmp_path_factory.mktemp("service")), loader(bundle))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of a service that a module's tests share."""
    with TestClient(app, base_url=URL, raise_server_exceptions=False) as opened:
        wait_until_loaded(app.state.service)
        assert app.state.service.ready, app.state.service.reason
        yield opened


def picture(seed: int = 0, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The application behind a real socket; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until_loaded(app.state.service)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
