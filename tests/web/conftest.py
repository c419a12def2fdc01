"""One service with the built-in model, as it is run, and one Chromium, for all tests of the page."""

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from lookalike.sample import feed

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "products"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
    # a camera that shows a test picture, and that nobody has to allow
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}


@dataclass(frozen=True)
class Served:
    """A running service. `photos`: whether `shop` holds photos, not the drawn sample."""

    url: str
    api: httpx.Client
    photos: bool = False


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Served]:
    """`lookalike serve` with the built-in model, in a process of its own."""
    command = [sys.executable, "-m", "lookalike", "serve", "--model", "tiny", "--port", "0"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("LOOKALIKE_")},
                "LOOKALIKE_DATA": str(folder / "data"),
                "LOOKALIKE_HOME": str(folder / "home"),
                "LOOKALIKE_THREADS": "1",
                "LOOKALIKE_HOST": "127.0.0.1",
                **environment,
            },
        )
    try:
        url = _address(process, log)
        headers = {"x-api-key": "the-key-that-writes"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as api:
            _wait(lambda: api.get("/readyz").status_code == 200, "the service is not ready")
            yield Served(url, api)
    finally:
        process.terminate()
        process.wait(30)


def _address(process: subprocess.Popen, log: Path) -> str:
    found: list[str] = []

    def said() -> bool:
        assert process.poll() is None, log.read_text()
        found.extend(re.findall(r"http://127\.0\.0\.1:\d+", log.read_text()))
        return bool(found)

    _wait(said, "the service does not say where it listens")
    return found[0]


def _wait(until: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def data_uri(path: Path) -> str:
    return "data:;base64," + base64.b64encode(path.read_bytes()).decode()


def photos(count: int) -> list[dict[str, Any]]:
    """Items of real photos, a few of each category; empty where they are not at hand."""
    if not (PHOTOS / "items.jsonl").exists():
        return []
    rows = (json.loads(line) for line in (PHOTOS / "items.jsonl").read_text().splitlines())
    by_category: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["split"] == "test":
            by_category.setdefault(row["category"], []).append(row)
    turns = itertools.zip_longest(*(by_category[name][:12] for name in sorted(by_category)))
    clothes_first = sorted(
        itertools.chain.from_iterable(turns),
        key=lambda row: (row is None) or row["department"] != "clothing",
    )
    chosen = [row for row in clothes_first if row is not None][:count]
    return [
        {
            "id": row["id"],
            "image": data_uri(PHOTOS / row["image"]),
            "title": row["title"] or f"{row['category']} {number}",
            "attributes": {
                "category": row["category"],
                "department": row["department"],
                "price": 5 + number % 40,
            },
        }
        for number, row in enumerate(chosen)
    ]


def sample(count: int) -> list[dict[str, Any]]:
    """Items of the built-in sample, evenly out of all."""
    rows = [json.loads(line) for line in feed().read_text().splitlines()]
    items = []
    for row in rows[:: len(rows) // count][:count]:
        image = data_uri(feed().parent / row.pop("image"))
        own = {name: row.pop(name) for name in ("id", "title", "description")}
        items.append({**own, "image": image, "attributes": row})
    return items


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without keys. Its collection `shop` holds 72 items: real photos where they are at hand, else
    some of the built-in sample."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        real = photos(72)
        items = real or sample(72)
        served.api.put("/collections/shop").raise_for_status()
        answer = served.api.post("/collections/shop/items", json=items).raise_for_status().json()
        assert answer["failed"] == 0, answer
        yield Served(served.url, served.api, bool(real))


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that wants a key: `the-key-that-reads` or `the-key-that-writes`. `shop` holds 6 items."""
    keys = "read:the-key-that-reads,the-key-that-writes"
    with serving(tmp_path_factory.mktemp("guarded"), LOOKALIKE_API_KEYS=keys) as served:
        served.api.put("/collections/shop").raise_for_status()
        served.api.post("/collections/shop/items", json=sample(6)).raise_for_status()
        yield served


@pytest.fixture(scope="module")  # its event loop would run on beside the tests that come after
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium here")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


OpenPage = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, service: Served) -> Iterator[OpenPage]:
    """Opens the page at an address (`#/search?q=dress`), in a fresh session, and returns Playwright's page.

    At the end of the test it is asserted that nothing was asked of another origin, that no script failed,
    and that the policy was not violated.
    """
    seen: list[str] = []
    with ExitStack() as stack:

        def begin(address: str = "", *, of: Served = service, **given: Any) -> Any:
            context = browser.new_context(**{"viewport": WIDE, **given})
            stack.callback(context.close)
            context.set_default_timeout(15_000)
            page = context.new_page()

            def requested(request: Any) -> None:
                if not request.url.startswith((of.url + "/", "blob:", "data:")):
                    seen.append(f"left the origin: {request.url}")

            def said(message: Any) -> None:
                if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
                    seen.append(message.text)

            page.on("request", requested)
            page.on("pageerror", lambda error: seen.append(f"failed: {error}"))
            page.on("console", said)
            page.goto(f"{of.url}/{address}")
            return page

        yield begin
    assert not seen


@pytest.fixture(scope="session")
def serious() -> Callable[..., list[str]]:
    """What axe-core finds of serious or critical impact on a page, in words, by all its rules or by these."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )

    def find(page: Any, rules: Sequence[str] = ()) -> list[str]:
        options = {"runOnly": list(rules)} if rules else {}
        found = axe.Axe().run(page, options=options).response["violations"]
        return [
            f"{one['id']}: {one['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    return find
