"""The server adapter against a server that is away, goes away, refuses, or is full."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conftest import FINGERPRINT, record, spec
from qdrant_client import QdrantClient, models

from lookalike.catalog.plans import describe
from lookalike.catalog.server import KEY, ServerStore
from lookalike.errors import (
    CollectionMissing,
    EngineFailed,
    LookalikeError,
    StoreFull,
    StoreUnavailable,
)

PHYSICAL = "lookalike-1"


def collection_info() -> dict[str, Any]:
    """What a real client's in-process mode says of a collection like ours, as a server would."""
    client = QdrantClient(":memory:")
    vector = models.VectorParams(size=16, distance=models.Distance.COSINE)
    client.create_collection(
        PHYSICAL,
        vectors_config={"image": vector, "text": vector},
        metadata={KEY: describe(spec(), spec().settings, "2026-01-01T00:00:00+00:00", {})},
    )
    info: dict[str, Any] = client.get_collection(PHYSICAL).model_dump(mode="json")
    return info


class FakeServer:
    """Answers what is asked before a write as a Qdrant server does, and writes as it is told to."""

    def __init__(self) -> None:
        self.writes = 0
        self.on_write: Callable[[BaseHTTPRequestHandler], None] = lambda handler: answer(
            handler, {}
        )
        info = collection_info()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/aliases":
                    alias = {"alias_name": "shirts", "collection_name": PHYSICAL}
                    answer(self, {"aliases": [alias]})
                else:
                    answer(self, info)

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                fake.writes += 1
                fake.on_write(self)

            do_PATCH = do_POST = do_PUT

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


def answer(handler: BaseHTTPRequestHandler, result: Any, status: int = 200) -> None:
    body = {"result": result, "status": "ok", "time": 0.0}
    if status != 200:
        body = {"status": {"error": result}, "time": 0.0}
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.http.shutdown()
    fake.http.server_close()


def write(store: ServerStore, count: int = 600) -> None:
    bare = [record(number) for number in range(count)]
    store.upsert("shirts", FINGERPRINT, bare)


def test_a_server_that_is_away_is_named_and_the_call_can_be_repeated() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = ServerStore.connect(f"http://127.0.0.1:{port}", timeout=2)
    with pytest.raises(StoreUnavailable, match=str(port)) as caught:
        store.collections()
    assert caught.value.retriable
    assert not store.alive()


def test_a_server_that_goes_away_half_way_is_a_clear_error(server: FakeServer) -> None:
    store = ServerStore.connect(server.url, timeout=2)

    def die_half_way(handler: BaseHTTPRequestHandler) -> None:
        if "points" in handler.path and server.writes > 10:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        elif handler.command == "PATCH":
            answer(handler, True)
        else:
            answer(handler, {"operation_id": 1, "status": "completed"})

    server.on_write = die_half_way
    with pytest.raises(StoreUnavailable, match="upsert") as caught:
        write(store, 2000)
    assert server.writes > 10
    assert caught.value.retriable
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(StoreUnavailable):
        store.count("shirts")


@pytest.mark.parametrize(
    ("status", "words", "expected", "says"),
    [
        (507, "no", StoreFull, "no space"),
        (500, "Service error: No space left on device: WAL", StoreFull, "no space"),
        (503, "starting", StoreUnavailable, "starting"),
        (429, "slow down", StoreUnavailable, "429"),
        (401, "Must provide an API key", EngineFailed, "LOOKALIKE_QDRANT_API_KEY"),
        (400, "Wrong input: bad", EngineFailed, "bad"),
        (404, "Not found: Collection", CollectionMissing, "shirts"),
    ],
)
def test_what_the_server_refuses_becomes_an_error_that_says_what_to_do(
    server: FakeServer, status: int, words: str, expected: type[LookalikeError], says: str
) -> None:
    store = ServerStore.connect(server.url, timeout=2)
    server.on_write = lambda handler: answer(handler, words, status)
    with pytest.raises(expected, match=says):
        write(store, 1)


def test_collections_that_are_not_ours_are_left_alone() -> None:
    client = QdrantClient(":memory:")
    vector = models.VectorParams(size=4, distance=models.Distance.COSINE)
    client.create_collection("theirs", vectors_config=vector)
    client.update_collection_aliases(
        [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name="theirs", alias_name="alias")
            )
        ]
    )
    store = ServerStore(client, ":memory:", payload_indexes=False)
    store.create("shirts", spec())
    assert [one.name for one in store.collections()] == ["shirts"]
    for name in ("theirs", "alias"):
        with pytest.raises(CollectionMissing):
            store.drop(name)
        with pytest.raises(LookalikeError):
            store.create(name, spec())
    assert client.collection_exists("theirs")
