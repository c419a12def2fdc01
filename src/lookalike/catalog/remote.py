"""The catalogue of a running service, with the methods of `Catalog`: what `--url` is for.

The store of a folder belongs to one process. Where that is `lookalike serve`, everybody else goes through it:

    GET    /collections                              {"collections": [facts]}
    GET    /collections/{name}                       facts
    PUT    /collections/{name}                       index settings or nothing; made if it isn't there
    DELETE /collections/{name}
    POST   /collections/{name}/items                 NDJSON; {"items": [{"id", "status", "error"?}], ...}
    DELETE /collections/{name}/items/{id}
    GET    /collections/{name}/items/{id}/image      the thumbnail
    POST   /collections/{name}/search, /recommend    {"hits": [{"id", "score", "item"}], "took_ms"}

For these a service may have routes, and without them says that it hasn't:

    GET    /collections/{name}/items?after=&limit=   {"ids": [...], "next": "..." or null}: to prune
    GET    /collections/{name}/facets/{attribute}    {"values": [{"value", "count"}]}
    GET    /collections/{name}/duplicates            NDJSON of {"first", "second", "score"}
    POST   /collections/{name}/reindex               NDJSON of how far it is, the last line how it ended
    GET    /collections/{name}/export, /snapshot     a file, and the count of items as x-items
    PUT    /collections/{name}/import, /snapshot     a file; {"items": 5}

Errors are problem documents (RFC 9457). The service encodes, so no model is loaded here.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from lookalike.catalog import wire
from lookalike.catalog.filters import Filter
from lookalike.catalog.ingest import Done, IngestOptions, IngestSummary, Observer, Tally
from lookalike.catalog.pictures import PictureReader, UrlPicture
from lookalike.catalog.queries import Query
from lookalike.catalog.reindex import Moved
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.seen import Seen
from lookalike.catalog.sources import Entry, Rejected, Source
from lookalike.catalog.store import (
    CollectionFacts,
    FacetValue,
    Hit,
    IndexSettings,
    Pair,
    Recommend,
    VectorName,
)
from lookalike.errors import (
    CollectionMissing,
    DuplicateId,
    ItemRefused,
    LookalikeError,
    PruneRefused,
    ServiceRefused,
    ServiceUnreachable,
    SettingInvalid,
)

SEND = 16
"""Items of one request: the service's batch."""

SEND_BYTES = 16 * 2**20
"""Fewer, where their pictures are large."""

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_CHUNK = 2**20
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait when the service has too much to do and doesn't say for how long."""


class RemoteCatalog:
    """Talks to the service at `url`. Raises ServiceUnreachable, ServiceRefused, CollectionMissing.

    `model` is the one that `reindex` moves to. `transport` is where tests plug in.
    """

    def __init__(
        self,
        url: str,
        data: Path,
        *,
        model: str | None = None,
        api_key: str | None = None,
        max_image_bytes: int = 20 * 2**20,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingInvalid("--url", f"{url!r} doesn't begin with http:// or https://")
        self._url, self._data = url.rstrip("/"), data
        self._model, self._max_image_bytes = model, max_image_bytes
        self._http = httpx.Client(
            base_url=self._url,
            timeout=_TIMEOUT,
            transport=transport,
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "RemoteCatalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Collections

    def collections(self) -> list[CollectionFacts]:
        """The facts of all, by name."""
        return [wire.facts_of_json(one) for one in self._json("GET", "/collections")["collections"]]

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one."""
        return wire.facts_of_json(self._json("GET", _at(name)))

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings."""
        return wire.facts_of_json(
            self._json("PUT", _at(name), json=settings.model_dump(mode="json"))
        )

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it."""
        self._json("DELETE", _at(name))

    # Items

    def index(
        self,
        name: str,
        sources: Sequence[Source],
        *,
        options: IngestOptions = IngestOptions(),  # noqa: B008 (frozen)
        allow_urls: bool = False,
        inside: Path | None = None,
        settings: IndexSettings | None = None,
        observer: Observer = lambda _: None,
        on_done: Callable[[Done], None] = lambda _: None,
        stop: threading.Event | None = None,
        report: Path | None = None,
    ) -> IngestSummary:
        """Send sources to the service, which skips what it has. URLs are left for it to fetch, if it may."""
        if settings is not None:
            self.configure(name, settings)
        else:
            self._json("PUT", _at(name))  # made if it isn't there
        with FailureReport(report or self._data / "reports" / f"{name}.jsonl") as failures:
            reader = PictureReader(self._max_image_bytes, None, inside)
            return _Sending(
                self, name, reader, failures, options, allow_urls, observer, on_done, stop
            ).run(sources)

    def send(self, name: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What became of each of these items."""
        body = "".join(json.dumps(item) + "\n" for item in items)
        answer = self._json(
            "POST",
            f"{_at(name)}/items",
            content=body.encode(),
            headers={"content-type": "application/x-ndjson"},
        )
        results: list[dict[str, Any]] = answer["items"]
        return results

    def ids(self, name: str) -> Iterator[list[str]]:
        """All ids, a page at a time."""
        after: str | None = None
        while True:
            query = {"limit": "4096", **({"after": after} if after else {})}
            page = self._json("GET", f"{_at(name)}/items", params=query)
            yield page["ids"]
            after = page["next"]
            if after is None:
                return

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items."""
        for one in ids:
            self._json("DELETE", f"{_at(name)}/items/{quote(one, safe='')}")
        return len(ids)

    def build_index(self, name: str) -> None:
        """The service does that by itself."""

    def thumbnail(self, name: str, id: str) -> bytes | None:  # noqa: A002 (the item's own word)
        """A WebP of at most 256 pixels, or None."""
        path = f"{_at(name)}/items/{quote(id, safe='')}/image"
        with self._talking():
            answer = self._http.get(path)
        return answer.content if answer.status_code == httpx.codes.OK else None

    # Finding

    def search(self, name: str, query: Query) -> list[Hit]:
        """The hits, best first."""
        answer = self._json("POST", f"{_at(name)}/search", json=wire.search_json(query))
        return [wire.hit_of_json(hit) for hit in answer["hits"]]

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Items like those liked and unlike those disliked."""
        answer = self._json("POST", f"{_at(name)}/recommend", json=wire.recommend_json(recommend))
        return [wire.hit_of_json(hit) for hit in answer["hits"]]

    def facet(
        self,
        name: str,
        attribute: str,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        limit: int = 10,
    ) -> list[FacetValue]:
        """The most frequent values of an attribute."""
        query = {"limit": str(limit), "filter": json.dumps(wire.filter_json(filter))}
        path = f"{_at(name)}/facets/{quote(attribute, safe='')}"
        return [FacetValue(**one) for one in self._json("GET", path, params=query)["values"]]

    def duplicates(
        self,
        name: str,
        *,
        threshold: float,
        target: VectorName = "image",
        filter: Filter | None = None,  # noqa: A002 (the field's word)
    ) -> Iterator[Pair]:
        """Pairs of items that are nearly the same, as they are found."""
        query = {
            "threshold": repr(threshold),
            "target": target,
            "filter": json.dumps(wire.filter_json(filter)),
        }
        for line in self._lines("GET", f"{_at(name)}/duplicates", params=query):
            yield Pair(**line)

    # Moving

    def reindex(
        self,
        name: str,
        *,
        allow_urls: bool = False,
        settings: IndexSettings | None = None,
        skip_failed: bool = False,
        observer: Callable[[Moved], None] = lambda _: None,
        stop: threading.Event | None = None,
        report: Path | None = None,  # noqa: ARG002 (the service keeps its own)
    ) -> Moved:
        """Have the service move a collection to another model. Leaving early doesn't stop it."""
        body = {
            "model": self._model,
            "allow_urls": allow_urls,
            "skip_failed": skip_failed,
            **({"settings": settings.model_dump(mode="json")} if settings else {}),
        }
        moved = Moved(0)
        for line in self._lines("POST", f"{_at(name)}/reindex", json=body):
            if "code" in line:  # it failed after it had begun to answer
                raise ServiceRefused(self._url, 200, str(line.get("detail")))
            moved = replace(Moved(0), **{k: v for k, v in line.items() if k != "report"})
            observer(moved)
            if stop and stop.is_set():
                break
        return moved

    def export(
        self,
        name: str,
        path: Path,
        *,
        observer: Callable[[int], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> int:
        """Save a collection as a Parquet file; how many items."""
        items = self._save(f"{_at(name)}/export", path, stop)
        observer(items)
        return items

    def import_(
        self,
        name: str,
        path: Path,
        *,
        observer: Callable[[int], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> int:
        """Send an export; how many items."""
        items = int(self._send_file(f"{_at(name)}/import", path, stop)["items"])
        observer(items)
        return items

    def snapshot(self, name: str, path: Path) -> int:
        """Save a snapshot of a collection; how many items."""
        return self._save(f"{_at(name)}/snapshot", path)

    def restore(self, name: str, path: Path) -> CollectionFacts:
        """Send a snapshot, which becomes a new collection."""
        self._send_file(f"{_at(name)}/snapshot", path)
        return self.facts(name)

    def _save(self, path: str, to: Path, stop: threading.Event | None = None) -> int:
        part = to.with_name(f".{to.name}.{os.getpid()}.part")
        try:
            with self._talking(), self._http.stream("GET", path) as answer:
                self._check(answer)
                with part.open("wb") as file:
                    for chunk in answer.iter_bytes(_CHUNK):
                        if stop and stop.is_set():
                            return 0
                        file.write(chunk)
                items = int(answer.headers.get("x-items", "0"))
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
        return items

    def _send_file(
        self, path: str, source: Path, stop: threading.Event | None = None
    ) -> dict[str, Any]:
        def chunks(file: BinaryIO) -> Iterator[bytes]:
            while chunk := file.read(_CHUNK):
                if stop and stop.is_set():
                    raise KeyboardInterrupt  # an unfinished body is refused by the service as a whole
                yield chunk

        try:
            with source.open("rb") as file:
                answer: dict[str, Any] = self._json("PUT", path, content=chunks(file))
                return answer
        except OSError as error:
            raise SettingInvalid(str(source), (error.strerror or str(error)).lower()) from None

    # HTTP

    def _json(self, method: str, path: str, **request: Any) -> Any:
        with self._talking():
            for pause in (*_PAUSES, None):
                answer = self._http.request(method, path, **request)
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or pause is None:
                    break
                time.sleep(_retry_after(answer) or pause)
            self._check(answer)
            if not answer.content:
                return {}
            try:
                return answer.json()
            except ValueError:
                reason = "the answer is not JSON, so this is no Lookalike service"
                raise ServiceRefused(self._url, answer.status_code, reason) from None

    def _lines(self, method: str, path: str, **request: Any) -> Iterator[dict[str, Any]]:
        with (
            self._talking(),
            self._http.stream(
                method, path, timeout=httpx.Timeout(None, connect=5.0), **request
            ) as answer,
        ):
            self._check(answer)
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise ServiceUnreachable(self._url, str(error) or type(error).__name__) from None

    def _check(self, answer: httpx.Response) -> None:
        """Raises what a problem document says."""
        if answer.status_code < httpx.codes.BAD_REQUEST:
            return
        answer.read()
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        if problem.get("code") == CollectionMissing.code:
            raise CollectionMissing(str(problem.get("name")), problem.get("known") or ())
        if answer.status_code in _NO_ROUTE and problem.get("code") in (None, *_NO_ROUTE_CODES):
            reason = "it has no route for this; stop it, and run the command on its machine, without --url"
            raise ServiceRefused(self._url, answer.status_code, reason)
        reason = problem.get("detail") or problem.get("title") or answer.reason_phrase
        raise ServiceRefused(self._url, answer.status_code, str(reason))


_NO_ROUTE = frozenset({httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED})
_NO_ROUTE_CODES = ("not_found", "method_not_allowed")


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds, at most half a minute, where the service says so."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), 30.0) if said.isdecimal() else None


class _Sending:
    """One run of ingest through the service."""

    def __init__(
        self,
        catalog: RemoteCatalog,
        name: str,
        reader: PictureReader,
        report: FailureReport,
        options: IngestOptions,
        allow_urls: bool,
        observer: Observer,
        on_done: Callable[[Done], None],
        stop: threading.Event | None,
    ) -> None:
        self._catalog, self._name, self._reader = catalog, name, reader
        self._report, self._options, self._allow_urls = report, options, allow_urls
        self._observer, self._on_done = observer, on_done
        self._stop = stop or threading.Event()
        self._seen, self._spared, self._unidentified = Seen(), Seen(), 0
        self._tally = Tally()

    def run(self, sources: Sequence[Source]) -> IngestSummary:
        """Send it all."""
        began = time.monotonic()
        totals = [source.total() for source in sources]
        known = [total for total in totals if total is not None]
        self._tally = Tally(total=sum(known) if len(known) == len(totals) else None)
        batch: list[tuple[Entry, dict[str, Any]]] = []
        held = 0
        for entry in (one for source in sources for one in source):
            if self._stop.is_set():
                break
            if (ready := self._item(entry)) is not None:
                batch.append(ready)
                held += len(ready[1].get("image") or "")
                if len(batch) == SEND or held > SEND_BYTES:
                    self._send(batch)
                    batch, held = [], 0
        if batch:
            self._send(batch)
        stopped = self._stop.is_set()
        not_pruned = self._prune() if self._options.prune and not stopped else None
        return IngestSummary(
            collection=self._name,
            tally=self._tally,
            seconds=time.monotonic() - began,
            report=self._report.path if self._report.count else None,
            stopped=stopped,
            not_pruned=not_pruned,
        )

    def _item(self, entry: Entry | Rejected) -> tuple[Entry, dict[str, Any]] | None:
        """The item as it is sent; None where there is nothing to send."""
        if isinstance(entry, Rejected):
            if entry.id is None:
                self._unidentified += 1
            else:
                self._spared.add([entry.id])
            self._reject(entry.where, entry.id, entry.error)
            return None
        item = entry.item
        if self._seen.add([item.id])[0]:
            self._reject(entry.where, item.id, DuplicateId(item.id))
            return None
        body = wire.item_json(item)
        if entry.picture is None:
            return entry, body
        if isinstance(entry.picture, UrlPicture) and self._allow_urls:
            return entry, {**body, "image": entry.picture.url}
        try:
            data = self._reader.read(entry.picture)
        except LookalikeError as error:
            self._reject(entry.where, item.id, error)
            return None
        return entry, {**body, "image": "data:;base64," + base64.b64encode(data).decode()}

    def _send(self, batch: list[tuple[Entry, dict[str, Any]]]) -> None:
        results = self._catalog.send(self._name, [item for _, item in batch])
        for (entry, _), result in zip(batch, results, strict=True):
            status = result["status"]
            if status == "failed":
                error = result.get("error") or {}
                self._reject(
                    entry.where,
                    entry.item.id,
                    ItemRefused(entry.item.id, str(error.get("code")), str(error.get("detail"))),
                )
                continue
            self._tally = replace(self._tally, **{status: getattr(self._tally, status) + 1})
            self._on_done(Done(entry.where, entry.item.id, status))
        self._observer(self._tally)

    def _reject(self, where: str, id: str | None, error: LookalikeError) -> None:  # noqa: A002
        self._report.add(where, id, error)
        self._tally = replace(self._tally, failed=self._tally.failed + 1)
        self._on_done(Done(where, id, "failed", error))

    def _prune(self) -> str | None:
        if self._unidentified:
            return f"{self._unidentified:,} rows have no readable id"
        if not len(self._seen):
            raise PruneRefused(f"the source is empty, which would empty {self._name!r} too")
        try:
            self._remove_unseen()
        except ServiceRefused as error:
            return str(error)
        return None

    def _remove_unseen(self) -> None:
        for ids in self._catalog.ids(self._name):
            stay = self._seen.among(ids) | self._spared.among(ids)
            gone = [one for one, stays in zip(ids, stay, strict=True) if not stays]
            self._catalog.delete(self._name, gone)
            self._tally = replace(self._tally, pruned=self._tally.pruned + len(gone))


def _at(name: str) -> str:
    return f"/collections/{quote(name, safe='')}"
