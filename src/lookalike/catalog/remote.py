"""The catalogue of a running service, with the methods of `Catalog`: what `--url` is for.

The store of a folder belongs to one process. Where that is `lookalike serve`, everybody else goes through it.
The routes are in docs/service.md. The service encodes, so no model is loaded here.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from lookalike.catalog import wire
from lookalike.catalog.connection import Connection
from lookalike.catalog.filters import Filter
from lookalike.catalog.ingest import Done, IngestOptions, IngestSummary, Observer
from lookalike.catalog.pictures import PictureReader
from lookalike.catalog.queries import Query
from lookalike.catalog.reindex import Moved
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.sending import Sending
from lookalike.catalog.sources import Source
from lookalike.catalog.store import (
    CollectionFacts,
    FacetValue,
    Hit,
    IndexSettings,
    ItemPage,
    Pair,
    Recommend,
    VectorName,
)
from lookalike.errors import ItemMissing

IDS = 4096
"""Of one page."""


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
        self._http = Connection(url, api_key, transport)
        self._data, self._model, self._max_image_bytes = data, model, max_image_bytes

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
        return [
            wire.facts_of_json(one) for one in self._http.json("GET", "/collections")["collections"]
        ]

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one."""
        return wire.facts_of_json(self._http.json("GET", _at(name)))

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings."""
        return wire.facts_of_json(
            self._http.json("PUT", _at(name), json=settings.model_dump(mode="json"))
        )

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it."""
        self._http.json("DELETE", _at(name))

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
            self._http.json("PUT", _at(name))  # made if it isn't there
        with FailureReport(report or self._data / "reports" / f"{name}.jsonl") as failures:
            reader = PictureReader(self._max_image_bytes, None, inside)
            return Sending(
                self, name, reader, failures, options, allow_urls, observer, on_done, stop
            ).run(sources)

    def send(self, name: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What became of each of these items."""
        body = "".join(json.dumps(item) + "\n" for item in items)
        answer = self._http.json(
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
            query = {"limit": str(IDS), **({"after": after} if after else {})}
            page = self._http.json("GET", f"{_at(name)}/items", params=query)
            yield page["ids"]
            after = page["next"]
            if after is None:
                return

    def items(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        after: str | None = None,
        limit: int = 100,
    ) -> ItemPage:
        """Some items, in the store's own stable order, and where the next page begins."""
        asked = {
            "full": "true",
            "limit": str(limit),
            **({"after": after} if after else {}),
            **({"filter": json.dumps(wire.filter_json(filter))} if filter else {}),
        }
        page = self._http.json("GET", f"{_at(name)}/items", params=asked)
        return ItemPage(tuple(map(wire.item_of_json, page["items"])), page["next"])

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items; how many were there."""
        gone = 0
        for one in ids:
            try:
                self._http.json("DELETE", f"{_at(name)}/items/{quote(one, safe='')}")
            except ItemMissing:
                continue
            gone += 1
        return gone

    def build_index(self, name: str) -> None:
        """The service does that by itself."""

    def thumbnail(self, name: str, id: str) -> bytes | None:  # noqa: A002 (the item's own word)
        """A JPEG of at most 256 pixels, or None."""
        return self._http.content(f"{_at(name)}/items/{quote(id, safe='')}/image")

    # Finding

    def search(self, name: str, query: Query) -> list[Hit]:
        """The hits, best first."""
        answer = self._http.json("POST", f"{_at(name)}/search", json=wire.search_json(query))
        return [wire.hit_of_json(hit) for hit in answer["hits"]]

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Items like those liked and unlike those disliked."""
        answer = self._http.json(
            "POST", f"{_at(name)}/recommend", json=wire.recommend_json(recommend)
        )
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
        body = {"fields": [attribute], "filter": wire.filter_json(filter), "limit": limit}
        found = self._http.json("POST", f"{_at(name)}/facets", json=body)["facets"]
        return [FacetValue(**one) for one in found[attribute]]

    def duplicates(
        self,
        name: str,
        *,
        threshold: float,
        target: VectorName = "image",
        filter: Filter | None = None,  # noqa: A002 (the field's word)
    ) -> Iterator[Pair]:
        """Pairs of items that are nearly the same, as they are found."""
        body = {
            "threshold": threshold,
            "target": target,
            "filter": wire.filter_json(filter),
        }
        for line in self._http.lines("POST", f"{_at(name)}/duplicates", json=body):
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
        report: Path | None = None,
    ) -> Moved:
        """Have the service move a collection to its model. Leaving early stops it; it goes on when asked again.

        `model`, if it was given, must be the one that the service runs.
        """
        body = {
            **({"model": self._model} if self._model else {}),
            **({"settings": settings.model_dump(mode="json")} if settings else {}),
            "allow_urls": allow_urls,
            "skip_failed": skip_failed,
        }
        moved = Moved(0)
        with FailureReport(report or self._data / "reports" / f"{name}.reindex.jsonl") as failures:
            for line in self._http.lines("POST", f"{_at(name)}/reindex", json=body):
                if "failure" in line:
                    failures.add_line(line["failure"])
                    continue
                moved = Moved(**line)
                observer(moved)
                if stop and stop.is_set():
                    break
            return replace(moved, report=failures.path if failures.count else None)

    def export(
        self,
        name: str,
        path: Path,
        *,
        observer: Callable[[int], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> int:
        """Save a collection as a Parquet file; how many items."""
        items = self._http.save(f"{_at(name)}/export", path, stop)
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
        items = int(self._http.send_file(f"{_at(name)}/import", path, stop)["items"])
        observer(items)
        return items

    def snapshot(self, name: str, path: Path) -> int:
        """Save a snapshot of a collection; how many items."""
        return self._http.save(f"{_at(name)}/snapshot", path)

    def restore(self, name: str, path: Path) -> CollectionFacts:
        """Send a snapshot, which becomes a new collection."""
        self._http.send_file(f"{_at(name)}/snapshot", path)
        return self.facts(name)


def _at(name: str) -> str:
    return f"/collections/{quote(name, safe='')}"
