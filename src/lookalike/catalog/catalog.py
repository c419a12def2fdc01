"""The catalogue as the service and the command line use it: one object, whatever the store.

It brings together the vector store, the encoder (loaded only when something has to be encoded), the folder of
thumbnails, and what reads pictures. Every method may be called from any thread.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from lookalike.catalog import exchange, snapshots
from lookalike.catalog.attributes import FACETED, to_index
from lookalike.catalog.encoding import Encoder, Model
from lookalike.catalog.fetch import Fetcher, FetchLimits
from lookalike.catalog.filters import Filter
from lookalike.catalog.gate import Gate
from lookalike.catalog.ingest import (
    Done,
    Ingest,
    IngestOptions,
    IngestSummary,
    Observer,
    Workers,
)
from lookalike.catalog.items import Record, Vector
from lookalike.catalog.opening import open_store
from lookalike.catalog.pictures import PictureReader
from lookalike.catalog.preparing import decoding_at_once
from lookalike.catalog.queries import Query, texts_and_images
from lookalike.catalog.reindex import Moved, Reindex, bring_into_index
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.sources import Source
from lookalike.catalog.store import (
    CollectionFacts,
    CollectionSpec,
    FacetValue,
    Hit,
    IndexSettings,
    IndexState,
    ItemPage,
    Pair,
    Part,
    Recommend,
    Search,
    VectorName,
    VectorStore,
    check_name,
)
from lookalike.catalog.thumbnails import Thumbnails
from lookalike.catalog.working import LocalWorkers
from lookalike.errors import CollectionMissing, FacetUnavailable
from lookalike.settings import Settings

LoadEncoder = Callable[[], Encoder]


@dataclass(frozen=True, slots=True)
class IdPage:
    """Ids of items; `next` goes into `after` for those that follow, and is None on the last page."""

    ids: tuple[str, ...]
    next: str | None


class Catalog:
    """Collections of items: taken in, searched, recommended from, moved.

    `data` is the folder beside the store: thumbnails and reports. `load` gives the encoder, once.
    """

    def __init__(
        self, store: VectorStore, load: LoadEncoder, data: Path, settings: Settings | None = None
    ) -> None:
        self.store, self._load, self._data = store, load, data
        self._settings = settings or Settings()
        self.thumbnails = Thumbnails(data / "thumbnails")
        self._loading = threading.Lock()
        self._writing: defaultdict[str, Gate] = defaultdict(Gate)
        # one for all runs: what a service takes in from several clients at once costs no more memory
        self._decoding = decoding_at_once()

    @classmethod
    def open(cls, settings: Settings, load: LoadEncoder) -> "Catalog":
        """The catalogue that the settings name. Raises StoreLocked, StoreUnavailable."""
        return cls(open_store(settings), load, settings.data, settings)

    @cached_property
    def _encoder(self) -> Encoder:
        return self._load()

    @property
    def encoder(self) -> Encoder:
        """Loaded when first asked for. Raises ModelError."""
        with self._loading:
            return self._encoder

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Collections

    def collections(self) -> list[CollectionFacts]:
        """The facts of all, by name."""
        return self.store.collections()

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one. Raises CollectionMissing."""
        return self.store.facts(name)

    def ensure(
        self, name: str, settings: IndexSettings | None = None, model: Model | None = None
    ) -> CollectionFacts:
        """The collection, made for this encoder's model (or the one given) where it isn't there."""
        try:
            return self.store.facts(name)
        except CollectionMissing:
            model = model or self.encoder
            made = CollectionSpec(
                model.fingerprint,
                model.card.name,
                model.dimension,
                settings or IndexSettings(),
            )
            return self.store.create(name, made)

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings."""
        return self.store.configure(name, settings)

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it, thumbnails too."""
        with self._writing[name].alone():
            self.store.drop(name)
            self.thumbnails.drop(name)

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
        workers: Workers | None = None,
        observer: Observer = lambda _: None,
        on_done: Callable[[Done], None] = lambda _: None,
        stop: threading.Event | None = None,
        report: Path | None = None,
    ) -> IngestSummary:
        """Take sources into a collection, which is made if it isn't there. See Ingest.run.

        `inside`: the one folder that pictures may be in. `workers`: who prepares and encodes; by default this
        process, with this encoder. `report`: where failures are named; by default in the data folder. `stop`:
        set it to end early and cleanly.
        """
        check_name(name)
        if workers is None:
            workers = LocalWorkers(self.encoder, self._decoding)
        self.ensure(name, settings, workers.model)
        with self._writing[name].shared(), self._report(name, report) as failures:
            ingest = Ingest(
                self.store,
                name,
                workers,
                self._reader(allow_urls, inside),
                self.thumbnails,
                failures,
                options=options,
                observer=observer,
                on_done=on_done,
                stop=stop,
            )
            return ingest.run(sources)

    def build_index(self, name: str) -> IndexState:
        """Bring a collection that is large enough for an index wholly into it, and to the disk. Returns when it
        is in service.
        """
        state = bring_into_index(self.store, name)
        self.store.flush(name)
        return state

    def get(self, name: str, id: str) -> Record | None:  # noqa: A002 (the item's own word)
        """The record of an item, without vectors."""
        return self.store.get(name, [id]).get(id)

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items and their thumbnails; how many were there."""
        with self._writing[name].shared():
            gone = self.store.delete(name, ids)
            self.thumbnails.remove(name, ids)
            return gone

    def thumbnail(self, name: str, id: str) -> bytes | None:  # noqa: A002 (the item's own word)
        """A JPEG of at most 256 pixels, or None."""
        return self.thumbnails.get(name, id)

    # Finding

    def search(self, name: str, query: Query) -> list[Hit]:
        """The hits, best first. Loads the model only where the query has words or pictures.

        Raises FingerprintMismatch, ItemMissing, FilterInvalid, QueryInvalid, ImageError, CollectionMissing.
        """
        texts, images = texts_and_images(query.parts)
        if (texts or images) and "_encoder" not in vars(self):
            self.store.facts(name)  # CollectionMissing, before the model is loaded for nothing
        by_words = query.target == "hybrid" and query.words is not None
        of_text: Iterator[Vector] = iter(self.encoder.encode_texts(texts) if texts else ())
        of_image: Iterator[Vector] = iter(self.encoder.encode_images(images) if images else ())
        parts: list[Part] = []
        for part in query.parts:
            if part.item is not None:
                parts.append(Part(item=part.item, weight=part.weight))
            else:
                vector = next(of_text if part.text is not None else of_image)
                parts.append(Part(vector=vector, weight=part.weight))
        return self.store.search(
            name,
            Search(
                parts=tuple(parts),
                target=query.target,
                words=query.words if by_words else None,
                limit=query.limit,
                offset=query.offset,
                filter=query.filter,
                diversity=query.diversity,
                threshold=query.threshold,
                fusion=query.fusion,
                exact=query.exact,
                within=query.within,
                fingerprint=self.encoder.fingerprint if texts or images else None,
            ),
        )

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Items like those liked and unlike those disliked. Raises ItemMissing, FilterInvalid."""
        return self.store.recommend(name, recommend)

    def facet(
        self,
        name: str,
        attribute: str,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        limit: int = 10,
    ) -> list[FacetValue]:
        """The most frequent values of an attribute. Raises FacetUnavailable."""
        return self.store.facet(name, attribute, filter=filter, limit=limit)

    def facets(
        self,
        name: str,
        attributes: Sequence[str] | None = None,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        limit: int = 10,
    ) -> dict[str, list[FacetValue]]:
        """The most frequent values of several attributes; without `attributes`, of all that can be counted
        now. Raises FacetUnavailable where one that is named can't be.
        """
        if attributes is not None:
            return {one: self.facet(name, one, filter=filter, limit=limit) for one in attributes}
        facts = self.store.facts(name)
        found = {}
        for one, kind in to_index(facts.attributes, facts.settings.attributes).items():
            if kind in FACETED:
                with suppress(FacetUnavailable):  # its payload index is still to be made
                    found[one] = self.facet(name, one, filter=filter, limit=limit)
        return found

    def duplicates(
        self,
        name: str,
        *,
        threshold: float,
        target: VectorName = "image",
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        observer: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Pair]:
        """Pairs of items that are nearly the same, as they are found."""
        return self.store.duplicates(
            name, threshold=threshold, target=target, filter=filter, observer=observer
        )

    def ids(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        after: str | None = None,
        limit: int = 1000,
    ) -> IdPage:
        """Some of the ids, in the store's own stable order, and where the next page begins."""
        page = self.store.scroll_digests(name, filter=filter, after=after, limit=limit)
        return IdPage(tuple(one for one, _ in page.digests), page.next)

    def items(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002 (the field's word)
        after: str | None = None,
        limit: int = 100,
    ) -> ItemPage:
        """As `ids`, with all that an item has."""
        page = self.store.scroll(name, filter=filter, after=after, limit=limit)
        return ItemPage(tuple(record.item for record in page.records), page.next)

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
        """Move a collection to this encoder's model while it is searched. See Reindex.run."""
        self.store.facts(name)
        with self._report(f"{name}.reindex", report) as failures:
            return Reindex(
                self.store,
                name,
                self.encoder,
                self._reader(allow_urls, None),
                self.thumbnails,
                failures,
                decoding=self._decoding,
                settings=settings,
                skip_failed=skip_failed,
                writing=self._writing[name].alone(),
                observer=observer,
                stop=stop,
            ).run()

    def export(
        self,
        name: str,
        path: Path,
        *,
        observer: exchange.Observer = lambda _: None,
        stop: threading.Event | None = None,
    ) -> int:
        """Write a collection to a Parquet file; how many items. Raises ExtraMissing."""
        return exchange.export_parquet(self.store, name, path, observer=observer, stop=stop)

    def export_to(self, name: str, sink: BinaryIO) -> int:
        """The same to something that is only written to, such as a connection."""
        return exchange.write_parquet(self.store, name, sink)

    def import_(
        self,
        name: str,
        path: Path,
        *,
        trusted: bool = True,
        observer: exchange.Observer = lambda _: None,
        stop: threading.Event | None = None,
    ) -> int:
        """Take an export in; how many items. Raises FingerprintMismatch, ExchangeInvalid, ExtraMissing.

        Not `trusted`: paths of pictures in it are left out, for `reindex` would read what they lead to.
        """
        check_name(name)
        with self._writing[name].shared():
            return exchange.import_parquet(
                self.store, name, path, trusted=trusted, observer=observer, stop=stop
            )

    def snapshot(self, name: str, path: Path) -> int:
        """Write a collection to one file for the same kind of store; how many items."""
        return self.store.snapshot(name, path)

    def snapshot_to(self, name: str, sink: BinaryIO) -> int:
        """The same to something that is only written to, such as a connection."""
        return snapshots.write_to(self.store, name, sink)

    def restore(self, name: str, path: Path, *, trusted: bool = True) -> CollectionFacts:
        """A new collection from a snapshot. Raises SnapshotInvalid, CollectionExists. `trusted`: as import_."""
        check_name(name)
        return snapshots.restore(self.store, name, path, trusted=trusted)

    def _report(self, name: str, path: Path | None) -> FailureReport:
        return FailureReport(path or self._data / "reports" / f"{name}.jsonl")

    def _reader(self, allow_urls: bool, inside: Path | None) -> PictureReader:
        limit = self._settings.max_image_bytes
        fetcher = Fetcher(FetchLimits(max_bytes=limit)) if allow_urls else None
        return PictureReader(limit, fetcher, inside)
