"""Moving a collection to another model, beside the old one, while that goes on being searched.

Items are encoded anew from their pictures where those still are, or from their thumbnails as a last resort: at
256 pixels they lose little to towers that look at 224. Only when every item is there, and what was written
meanwhile too, the new collection takes the old one's name, at once. Interrupted, the half that is done is kept
beside, and the next run goes on from it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import digests
from lookalike.catalog.digests import Digest
from lookalike.catalog.encoding import Encoder
from lookalike.catalog.items import Record
from lookalike.catalog.overlap import Stages, overlap
from lookalike.catalog.pictures import PictureReader, picture_of
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.store import CollectionSpec, IndexSettings, IndexState, VectorStore
from lookalike.catalog.thumbnails import Thumbnails
from lookalike.errors import (
    CatalogueError,
    FetchError,
    ImageError,
    LookalikeError,
    PictureUnavailable,
    ReindexIncomplete,
    SettingInvalid,
    StoreError,
    TowerNotLoaded,
)

_PAGE = 128


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a reindex is, or how it ended."""

    items: int
    """Of the old collection when it began."""
    encoded: int = 0
    """In this run."""
    there: int = 0
    """From an earlier run that was interrupted."""
    from_thumbnails: int = 0
    """Of those encoded: the picture itself was not to be had."""
    failed: int = 0
    seconds: float = 0.0
    swapped: bool = False
    report: Path | None = None

    @property
    def done(self) -> int:
        """Items done, one way or the other."""
        return self.encoded + self.there + self.failed


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    record: Record
    pixels: NDArray[np.uint8] | None = None
    from_thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class _Failed:
    id: str
    error: LookalikeError


def beside(name: str, fingerprint: str) -> str:
    """What the new collection is called until it takes the old one's name."""
    mark = digests.of_bytes(f"{name} {fingerprint}".encode())[:12]  # long names may begin alike
    return f"{name[:40]}.reindex-{mark}"


def bring_into_index(store: VectorStore, name: str) -> IndexState:
    """Build the collection's index if it is large enough for one, and wait until it is in service."""
    facts = store.facts(name)
    if facts.items < facts.settings.index_from:
        return facts.index
    return store.build_index(name, wait=True)


class Reindex:
    """One move of a collection to the model of `encoder`.

    `writing` is held while the last changes are carried over and the names are swapped; whoever writes to the
    collection in this process holds it too. Writes of other processes (on a Qdrant server) in that moment
    would be lost, so stop them. `decoding` is held while a picture is decoded.
    """

    def __init__(
        self,
        store: VectorStore,
        name: str,
        encoder: Encoder,
        reader: PictureReader,
        thumbnails: Thumbnails,
        report: FailureReport,
        *,
        decoding: AbstractContextManager[object] = nullcontext(),  # noqa: B008 (holds nothing)
        settings: IndexSettings | None = None,
        skip_failed: bool = False,
        workers: int = 2,
        batch: int = 16,
        writing: AbstractContextManager[object] = nullcontext(),  # noqa: B008 (holds nothing)
        observer: Callable[[Moved], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._store, self._name, self._encoder = store, name, encoder
        self._reader, self._thumbnails, self._report = reader, thumbnails, report
        self._settings, self._skip_failed = settings, skip_failed
        self._workers, self._batch = workers, batch
        self._decoding, self._writing, self._observer = decoding, writing, observer
        self._stop = stop or threading.Event()
        self._new = beside(name, encoder.fingerprint)
        self._moved = Moved(0)
        self._copies = False
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def run(self) -> Moved:
        """Move it. Stopped, it returns with `swapped` false.

        Raises ReindexIncomplete where items failed, CollectionMissing, SettingInvalid, StoreError; the old
        collection is untouched then.
        """
        began = time.monotonic()
        old = self._store.facts(self._name)
        settings = self._settings or old.settings
        # the same model: only what is fixed at creation can be new, and the vectors are as good as they were
        self._copies = old.fingerprint == self._encoder.fingerprint
        if self._copies and settings.language == old.settings.language:
            raise SettingInvalid(
                "reindex", f"{self._name!r} is of {old.model} with these settings already"
            )
        self._prepare_new(settings)
        self._moved = Moved(old.items)
        self._carry_over(first=True)
        if self._stop.is_set():
            return self._ended(began)
        self._check_failures()
        bring_into_index(self._store, self._new)
        with self._writing:
            self._carry_over(first=False)
            if self._stop.is_set():
                return self._ended(began)
            self._check_failures()
            self._store.replace(self._name, self._new)
        self._moved = replace(self._moved, swapped=True)
        return self._ended(began)

    def _check_failures(self) -> None:
        if self._moved.failed and not self._skip_failed:
            raise ReindexIncomplete(self._name, self._moved.failed, self._moved.items, self._new)

    def _ended(self, began: float) -> Moved:
        return replace(
            self._moved,
            seconds=time.monotonic() - began,
            report=self._report.path if self._report.count else None,
        )

    def _prepare_new(self, settings: IndexSettings) -> None:
        names = {facts.name for facts in self._store.collections()}
        if self._new in names:
            there = self._store.facts(self._new)
            if (there.fingerprint, there.settings.language) == (
                self._encoder.fingerprint,
                settings.language,
            ):
                self._store.configure(self._new, settings)
                return
            self._store.drop(self._new)
        model = self._encoder.card.name
        made = CollectionSpec(self._encoder.fingerprint, model, self._encoder.dimension, settings)
        self._store.create(self._new, made)

    def _carry_over(self, *, first: bool) -> None:
        """Bring the new collection up to the old one: what is missing or has changed, and what is gone.

        After the first time it is the changes since that count, not the items that are there.
        """
        overlap(
            self._missing(count=first),
            Stages(self._prepare, self._take, self._encode, self._write),
            stop=self._stop,
            batch=self._batch,
            workers=self._workers,
            ahead=2 * self._batch,
        )
        if not self._stop.is_set():
            self._remove_gone()

    def _missing(self, *, count: bool) -> Iterator[Record]:
        after: str | None = None
        while True:
            page = self._store.scroll(self._name, after=after, limit=_PAGE, vectors=self._copies)
            there = self._store.digests(self._new, [record.item.id for record in page.records])
            for record in page.records:
                if there.get(record.item.id) == _digest(record):
                    if count:
                        self._count(there=1)
                else:
                    yield record
            after = page.next
            if after is None:
                return

    def _prepare(self, record: Record) -> _Ready | _Failed:
        marked = Record(record.item, record.image, record.text, _digest(record))
        if self._copies:
            return _Ready(marked)
        try:
            data, from_thumbnail = self._picture(record)
            if data is None:
                return _Ready(marked)
            pictures = self._encoder.images
            if pictures is None:
                raise TowerNotLoaded("image")
            with self._decoding:
                pixels = pictures.pixels(pictures.decode(data))
            return _Ready(marked, pixels, from_thumbnail)
        except StoreError:
            raise
        except (ImageError, FetchError, CatalogueError) as error:
            return _Failed(record.item.id, error)

    def _picture(self, record: Record) -> tuple[bytes | None, bool]:
        """The picture's bytes, None where the item has no picture; and whether it is but the thumbnail."""
        item = record.item
        if item.image is not None:
            try:
                # references in the store are absolute: what relative ones were relative to is gone
                return self._reader.read(picture_of(item.image, Path("/"))), False
            except (FetchError, PictureUnavailable) as error:
                reason: LookalikeError = error
        else:
            known = Digest.parse(record.digest)
            reason = PictureUnavailable(
                item.id, "was in the feed itself, and there is no thumbnail"
            )
            if known is not None and not known.picture:
                return None, False
            if known is None and not self._thumbnails.has(self._name, item.id):
                return None, False
        thumbnail = self._thumbnails.get(self._name, item.id)
        if thumbnail is None:
            raise reason
        return thumbnail, True

    def _take(self, outcome: _Ready | _Failed) -> _Ready | None:
        if isinstance(outcome, _Failed):
            if outcome.id not in self._failed:  # they are tried again with the last changes
                self._failed.add(outcome.id)
                self._report.add(outcome.id, outcome.id, outcome.error)
                self._count(failed=1)
            return None
        return outcome

    def _encode(self, batch: list[_Ready]) -> tuple[list[Record], int]:
        if self._copies:
            return [one.record for one in batch], 0
        has_text = self._encoder.card.text is not None
        pixels = [one.pixels for one in batch if one.pixels is not None]
        words = [w for one in batch if (w := one.record.item.words) and has_text]
        images = iter(self._encoder.encode_pixels(np.stack(pixels)) if pixels else ())
        texts = iter(self._encoder.encode_texts(words) if words else ())
        records = [
            Record(
                one.record.item,
                image=next(images) if one.pixels is not None else None,
                text=next(texts) if one.record.item.words and has_text else None,
                digest=one.record.digest,
            )
            for one in batch
        ]
        return records, sum(one.from_thumbnail for one in batch)

    def _write(self, encoded: tuple[list[Record], int]) -> None:
        records, from_thumbnails = encoded
        self._store.upsert(self._new, self._encoder.fingerprint, records)
        self._count(encoded=len(records), from_thumbnails=from_thumbnails)

    def _remove_gone(self) -> None:
        after: str | None = None
        while True:
            page = self._store.scroll_digests(self._new, after=after)
            ids = [one for one, _ in page.digests]
            there = self._store.digests(self._name, ids)
            if gone := [one for one in ids if one not in there]:
                self._store.delete(self._new, gone)
            after = page.next
            if after is None:
                return

    def _count(
        self, *, encoded: int = 0, there: int = 0, from_thumbnails: int = 0, failed: int = 0
    ) -> None:
        with self._lock:
            before = self._moved
            self._moved = replace(
                before,
                encoded=before.encoded + encoded,
                there=before.there + there,
                from_thumbnails=before.from_thumbnails + from_thumbnails,
                failed=before.failed + failed,
            )
            self._observer(self._moved)


def _digest(record: Record) -> str:
    """The record's own mark, or one of its content where its writer gave none."""
    return record.digest or f"record.{digests.of_record(record.item)}"
