"""From an entry, and what is stored of it, to what has to be stored anew.

Knows no store: whoever calls says what is stored. So it runs as well in another process, on another machine.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import digests
from lookalike.catalog.digests import Digest
from lookalike.catalog.encoding import Encoder
from lookalike.catalog.items import Item, Record, Vector
from lookalike.catalog.pictures import BytesPicture, DataPicture, PictureReader, UrlPicture
from lookalike.catalog.sources import Entry, Rejected
from lookalike.catalog.thumbnails import make_thumbnail
from lookalike.errors import CatalogueError, FetchError, ImageError, StoreError, TowerNotLoaded


@dataclass(frozen=True, slots=True)
class Known:
    """An entry, and what the store has of it."""

    entry: Entry
    there: bool
    digest: Digest | None


Entries = TypeVar("Entries", Entry | Rejected, Known | Rejected)


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """An entry to be stored: with pixels and words still to encode, or the vectors it has kept."""

    entry: Entry
    there: bool
    digest: Digest
    pixels: NDArray[np.uint8] | None = None
    image: Vector | None = None
    words: str | None = None
    text: Vector | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An entry that is stored as it is."""

    entry: Entry


Outcome = Changed | Unchanged | Rejected


class Stored(Protocol):
    """What is stored, asked for only where it is needed. Safe to call from many threads."""

    def lacks_thumbnail(self, entry: Entry) -> bool:
        """Whether a thumbnail is wanted and there is none."""
        ...

    def record(self, id: str) -> Record | None:  # noqa: A002 (the item's own word)
        """With its vectors. Raises StoreError."""
        ...


class Preparer:
    """Tells what is new or changed, and makes pixels and thumbnails of it. Safe to call from many threads.

    `refetch` and `thumbnails` are those of IngestOptions. `decoding` is held while a picture is decoded:
    threads that wait for the network, or other runs, must not all decode at once.
    """

    def __init__(
        self,
        encoder: Encoder,
        reader: PictureReader,
        *,
        refetch: bool,
        thumbnails: bool,
        decoding: threading.BoundedSemaphore,
    ) -> None:
        self._pictures, self._reader = encoder.images, reader
        self._has_text = encoder.card.text is not None
        self._refetch, self._thumbnails = refetch, thumbnails
        self._decoding = decoding

    def __call__(self, known: Known, stored: Stored) -> Outcome:
        """What becomes of the entry; what is wrong with it is in a Rejected.

        Raises StoreError, TowerNotLoaded.
        """
        entry = known.entry
        try:
            return self._changes(known, entry, stored)
        except StoreError:
            raise
        except (ImageError, FetchError, CatalogueError) as error:
            return Rejected(entry.where, entry.item.id, error)

    def _changes(self, known: Known, entry: Entry, stored: Stored) -> Changed | Unchanged:
        item, before = entry.item, known.digest
        text, record = digests.of_words(item), digests.of_record(item)
        same_rest = before is not None and (before.text, before.record) == (text, record)
        by_url = isinstance(entry.picture, UrlPicture) and not self._refetch
        lacks_thumbnail = stored.lacks_thumbnail(entry)
        if same_rest and before and before.picture and by_url and not lacks_thumbnail:
            return Unchanged(entry)
        data = self._reader.read(entry.picture) if entry.picture else None
        entry = replace(entry, picture=None)  # what it brought along is not held until it is stored
        digest = Digest(digests.of_bytes(data) if data is not None else "", text, record)
        if before == digest and not lacks_thumbnail:
            return Unchanged(entry)
        kept = _kept(item, before, digest, stored)
        changed = Changed(
            entry,
            known.there,
            digest,
            image=kept.image if kept and before and before.picture == digest.picture else None,
            text=kept.text if kept and before and before.text == digest.text else None,
        )
        if item.words and changed.text is None and self._has_text:
            changed = replace(changed, words=item.words)
        if data is not None:
            changed = self._with_pixels(changed, data, lacks_thumbnail)
        return changed

    def _with_pixels(self, changed: Changed, data: bytes, lacks_thumbnail: bool) -> Changed:
        """With what the picture still gives: pixels to encode, a thumbnail, both or neither."""
        wants_thumbnail = self._thumbnails and (changed.image is None or lacks_thumbnail)
        if changed.image is not None and not wants_thumbnail:
            return changed
        if self._pictures is None:
            raise TowerNotLoaded("image")
        with self._decoding:
            picture = self._pictures.decode(data)
            return replace(
                changed,
                pixels=self._pictures.pixels(picture) if changed.image is None else None,
                thumbnail=make_thumbnail(picture) if wants_thumbnail else None,
            )


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decoding_at_once() -> threading.BoundedSemaphore:
    """For as many pictures as keep the cores busy; each takes at least three bytes a pixel meanwhile."""
    return threading.BoundedSemaphore(cores() + 1)


def encode(encoder: Encoder, batch: Sequence[Changed]) -> list[Record]:
    """The records of a batch, all pictures through the model at once, and all words. Raises InferenceFailed."""
    pixels = [one.pixels for one in batch if one.pixels is not None]
    words = [one.words for one in batch if one.words is not None]
    images = iter(encoder.encode_pixels(np.stack(pixels)) if pixels else ())
    texts = iter(encoder.encode_texts(words) if words else ())
    return [
        Record(
            one.entry.item,
            image=next(images) if one.pixels is not None else one.image,
            text=next(texts) if one.words is not None else one.text,
            digest=str(one.digest),
        )
        for one in batch
    ]


def held_by(entry: Entry | Known | Rejected) -> int:
    """Bytes of the picture that an entry brings along."""
    if isinstance(entry, Known):
        entry = entry.entry
    if isinstance(entry, Entry):
        match entry.picture:
            case DataPicture(uri):
                return len(uri)
            case BytesPicture(data):
                return len(data)
    return 0


def pieces(entries: Iterable[Entries], most: int, most_bytes: int) -> Iterator[list[Entries]]:
    """The entries in lists of so many, or of fewer where the pictures that they bring along weigh more."""
    piece: list[Entries] = []
    held = 0
    for entry in entries:
        piece.append(entry)
        held += held_by(entry)
        if len(piece) == most or held > most_bytes:
            yield piece
            piece, held = [], 0
    if piece:
        yield piece


def _kept(item: Item, before: Digest | None, now: Digest, stored: Stored) -> Record | None:
    """The stored record, where some of its vectors still hold."""
    if before is None or not (
        (now.picture and now.picture == before.picture) or (now.text and now.text == before.text)
    ):
        return None
    return stored.record(item.id)
