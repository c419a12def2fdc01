"""A small server that speaks the catalogue's part of the HTTP contract, over a real catalogue.

It stands in for the service where the client is tested: standard library only, no limits, no security.
"""

import base64
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lookalike.catalog import wire
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.filters import parse_filter
from lookalike.catalog.pictures import BytesPicture, UrlPicture
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.sources import Entry
from lookalike.catalog.store import IndexSettings, Recommend
from lookalike.errors import CollectionMissing, LookalikeError


class Posted:
    """A source of the items of one request."""

    name = "request"

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def total(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Entry]:
        for number, row in enumerate(self._rows):
            picture: BytesPicture | UrlPicture | None = None
            if (image := row.pop("image", None)) is not None:
                url = image.startswith("http")
                picture = (
                    UrlPicture(image)
                    if url
                    else BytesPicture(base64.b64decode(image.removeprefix("data:;base64,")))
                )
            item = wire.item_of_json({**row, "image": picture.reference if picture else None})
            yield Entry(str(number), item, picture)


class Contract:
    """The routes, as functions of a catalogue."""

    def __init__(self, catalog: Catalog, other: Catalog) -> None:
        self.catalog, self.other = catalog, other
        self.requests: list[str] = []

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Any:
        """JSON, a list of JSON lines, or bytes."""
        self.requests.append(f"{method} {path}")
        catalog = self.catalog
        _, *steps = [unquote(step) for step in path.strip("/").split("/")]
        match method, steps:
            case "GET", []:
                return {"collections": [wire.facts_json(one) for one in catalog.collections()]}
            case "GET", [name]:
                return wire.facts_json(catalog.facts(name))
            case "PUT", [name]:
                settings = IndexSettings(**json.loads(body)) if body else None
                facts = catalog.ensure(name, settings)
                return wire.facts_json(catalog.configure(name, settings) if settings else facts)
            case "DELETE", [name]:
                return catalog.drop(name)
            case "POST", [name, "items"]:
                rows = [json.loads(line) for line in body.splitlines()]
                results: dict[str, Any] = {}
                catalog.index(
                    name,
                    [Posted(rows)],
                    on_done=lambda d: results.update(
                        {
                            d.where: {
                                "id": d.id,
                                "status": d.status,
                                "error": d.error and {"code": d.error.code, "detail": str(d.error)},
                            }
                        }
                    ),
                )
                return {"items": [results[str(number)] for number in range(len(rows))]}
            case "GET", [name, "items"]:
                page = catalog.store.scroll_digests(name, after=query.get("after"), limit=5)
                return {"ids": [one for one, _ in page.digests], "next": page.next}
            case "DELETE", [name, "items", one]:
                return {"deleted": catalog.delete(name, [one])}
            case "GET", [name, "items", one, "image"]:
                return catalog.thumbnail(name, one)
            case "POST", [name, "search"]:
                asked = json.loads(body)
                parts = tuple(
                    QueryPart(
                        **{
                            **part,
                            **(
                                {"image": base64.b64decode(part["image"])}
                                if "image" in part
                                else {}
                            ),
                        }
                    )
                    for part in asked.pop("query")
                )
                asked["filter"] = parse_filter(asked["filter"])
                return self._hits(catalog.search(name, Query(parts, **asked)))
            case "POST", [name, "recommend"]:
                asked = json.loads(body)
                asked["filter"] = parse_filter(asked["filter"])
                liked = tuple(asked.pop("positive")), tuple(asked.pop("negative"))
                return self._hits(catalog.recommend(name, Recommend(*liked, **asked)))
            case "GET", [name, "facets", attribute]:
                found = catalog.facet(
                    name,
                    attribute,
                    filter=parse_filter(json.loads(query["filter"])),
                    limit=int(query["limit"]),
                )
                return {"values": [{"value": one.value, "count": one.count} for one in found]}
            case "GET", [name, "duplicates"]:
                pairs = catalog.duplicates(name, threshold=float(query["threshold"]))
                return [{"first": p.first, "second": p.second, "score": p.score} for p in pairs]
            case "POST", [name, "reindex"]:
                moved = self.other.reindex(name, skip_failed=json.loads(body)["skip_failed"])
                return [{"items": moved.items, "encoded": moved.encoded, "swapped": moved.swapped}]
            case "GET", [name, ("export" | "snapshot") as what]:
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / "file"
                    (catalog.export if what == "export" else catalog.snapshot)(name, file)
                    return file.read_bytes()
            case "PUT", [name, ("import" | "snapshot") as what]:
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / "file"
                    file.write_bytes(body)
                    if what == "import":
                        return {"items": catalog.import_(name, file)}
                    return {"items": catalog.restore(name, file).items}
        raise CollectionMissing(path)

    def _hits(self, hits: list[Any]) -> dict[str, Any]:
        return {"hits": [wire.hit_json(hit) for hit in hits], "took_ms": 0.1}


@contextmanager
def serving(contract: Contract) -> Iterator[str]:
    """The contract at a URL of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                answer = contract.answer(self.command, parts.path, query, self._body())
            except LookalikeError as error:
                problem = {"title": "refused", "code": error.code, "detail": str(error)}
                status = 404 if isinstance(error, CollectionMissing) else 422
                return self._send(status, json.dumps({**error.facts(), **problem}).encode())
            if answer is None:
                return self._send(404 if self.path.endswith("image") else 204, b"")
            if isinstance(answer, list):
                return self._send(200, "".join(json.dumps(x) + "\n" for x in answer).encode())
            return self._send(
                200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            )

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-items", "12")
            self.end_headers()
            self.wfile.write(body)

        log_message: Callable[..., None] = lambda *_: None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
