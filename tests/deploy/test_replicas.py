"""Two services before one store are one service: what one takes in the other finds, at once."""

import base64
import io
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.deploy.conftest import Replicas, free_port, running, wait_for
from tests.deploy.dockerfile import ROOT


def picture(colour: str) -> str:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


ITEMS = [
    {"id": colour, "title": f"{colour} shirt", "image": picture(colour), "attributes": {"colour": colour}}
    for colour in ("red", "green", "blue")
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(replicas: Replicas) -> tuple[str, str]:
    """The addresses of two services; the first has been given a collection with three items."""
    first, second = (one.url for one in replicas.services)
    httpx.put(f"{first}/collections/shop", json={}, timeout=30).raise_for_status()
    answer = httpx.post(f"{first}/collections/shop/items", json=ITEMS, timeout=60)
    assert [one["status"] for one in answer.json()["items"]] == ["added"] * 3, answer.text
    return first, second


def search(url: str, **query: object) -> list[tuple[str, float]]:
    answer = httpx.post(f"{url}/collections/shop/search", json=query, timeout=30)
    assert answer.status_code == 200, answer.text
    return [(hit["id"], round(hit["score"], 5)) for hit in answer.json()["hits"]]


def test_what_one_service_takes_in_the_other_finds_with_equal_scores(shop: tuple[str, str]) -> None:
    first, second = shop
    for query in (
        {"text": "a red shirt", "target": "hybrid"},
        {"image": ITEMS[0]["image"], "target": "image"},
        {"item": "green", "target": "image"},
        {"text": "shirt", "target": "text", "filter": {"colour": "blue"}},
    ):
        here, there = search(first, **query), search(second, **query)
        assert here
        assert here == there


def test_thumbnails_come_from_the_folder_that_replicas_share(shop: tuple[str, str]) -> None:
    pictures = [httpx.get(f"{url}/collections/shop/items/red/image") for url in shop]
    assert [one.status_code for one in pictures] == [200, 200]
    assert pictures[0].content == pictures[1].content


def test_writes_through_either_are_seen_through_the_other(shop: tuple[str, str]) -> None:
    first, second = shop
    added = {"id": "late", "title": "late arrival", "attributes": {"size": 42}}
    httpx.post(f"{second}/collections/shop/items", json=[added], timeout=30).raise_for_status()
    assert httpx.get(f"{first}/collections/shop/items/late").json()["title"] == "late arrival"
    assert search(first, text="arrival", target="text", filter={"size": 42})[0][0] == "late"
    httpx.delete(f"{first}/collections/shop/items/late").raise_for_status()
    assert httpx.get(f"{second}/collections/shop/items/late").status_code == 404


def test_a_repeated_item_is_unchanged_whichever_service_it_comes_to(shop: tuple[str, str]) -> None:
    answer = httpx.post(f"{shop[1]}/collections/shop/items", json=ITEMS, timeout=60)
    assert [one["status"] for one in answer.json()["items"]] == ["unchanged"] * 3


def test_a_service_of_another_model_is_refused_the_collection(
    replicas: Replicas, shop: tuple[str, str]
) -> None:
    facts = [httpx.get(f"{url}/collections/shop").json() for url in shop]
    infos = [httpx.get(f"{url}/info").json()["fingerprint"] for url in shop]
    assert {one["fingerprint"] for one in facts} == set(infos)


def haproxy(replicas: Replicas, folder: Path) -> str:
    """Our configuration with the replicas' addresses in place of a DNS name, and ports that are free."""
    text = (ROOT / "deploy/loadbalancer/haproxy.cfg").read_text()
    begin, end = text.index("resolvers names"), text.index("frontend service")
    text = text[:begin] + text[end:]
    text = text.replace(" resolvers names init-addr none", "")
    servers = "\n  ".join(
        f"server replica{n} 127.0.0.1:{one.port}" for n, one in enumerate(replicas.services)
    )
    text = text.replace('server-template replica 16 "${BACKENDS}"', servers)
    text = text.replace("bind :8404", f"bind 127.0.0.1:{free_port()}")
    port = free_port()
    path = folder / "haproxy.cfg"
    path.write_text(text.replace("bind :8000", f"bind 127.0.0.1:{port}"))
    return f"http://127.0.0.1:{port}"


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_the_configuration_of_haproxy_is_valid() -> None:
    done = subprocess.run(
        ["haproxy", "-c", "-f", str(ROOT / "deploy/loadbalancer/haproxy.cfg")],
        env={**os.environ, "BACKENDS": "lookalike:8000", "RESOLVER": "127.0.0.11:53"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# The last of this file, for it stops one of the two.
@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_behind_haproxy_requests_are_shared_and_a_stopping_replica_costs_none(
    replicas: Replicas, shop: tuple[str, str], tmp_path: Path
) -> None:
    url = haproxy(replicas, tmp_path)
    log = tmp_path / "haproxy.log"
    command = ["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")]
    with running(command, log) as proxy, httpx.Client(timeout=30) as client:
        wait_for(f"{url}/readyz", proxy, log)
        assert client.get(f"{url}/metrics").status_code == 404

        def ask(number: int) -> tuple[int, str]:
            query = {"text": f"a red shirt {number}", "target": "hybrid"}
            answer = client.post(f"{url}/collections/shop/search", json=query)
            return answer.status_code, answer.headers.get("x-served-by", answer.text)

        served_by: set[str] = set()
        until = time.monotonic() + 20
        with ThreadPoolExecutor(4) as pool:
            while len(served_by) < 2:
                assert time.monotonic() < until, f"only {served_by} serves"
                answers = list(pool.map(ask, range(8)))
                assert {status for status, _ in answers} == {200}
                served_by |= {name for _, name in answers}
            stopped = replicas.services[1].process
            asking = pool.map(ask, range(60))
            stopped.send_signal(signal.SIGTERM)
            assert [one for one in asking if one[0] != 200] == [], log.read_text()[-3000:]
        assert stopped.wait(20) == 0
        assert ask(0) == (200, "replica0")
