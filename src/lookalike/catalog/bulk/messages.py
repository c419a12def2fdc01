"""What goes to workers, and what comes back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lookalike.catalog.digests import Digest
from lookalike.catalog.items import Record, Vector
from lookalike.catalog.preparing import Known
from lookalike.errors import LookalikeError
from lookalike.models.cards import ModelCard


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a worker says when its model is loaded. A Model of `lookalike.catalog.encoding`."""

    node: str
    pid: int
    version: str
    card: ModelCard
    fingerprint: str

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self.card.dimension


@dataclass(frozen=True, slots=True)
class Unfit:
    """What a worker says whose model can't be loaded."""

    node: str
    error: LookalikeError


@dataclass(frozen=True, slots=True)
class Orders:
    """How a run wants its parcels done: of IngestOptions and PictureReader what concerns workers."""

    batch: int
    refetch: bool
    thumbnails: bool
    allow_urls: bool
    inside: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """An entry of a parcel, and what is stored of it. The record only once it was `looked_up`."""

    known: Known
    lacks_thumbnail: bool
    looked_up: bool = False
    record: Record | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """To be stored. `encoded`: whether its picture went through the model."""

    digest: Digest
    image: Vector | None
    text: Vector | None
    thumbnail: bytes | None
    encoded: bool


@dataclass(frozen=True, slots=True)
class Same:
    """Stored as it is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something is wrong with the entry."""

    error: LookalikeError


@dataclass(frozen=True, slots=True)
class Lacking:
    """Can't be done without the picture's bytes, since the file isn't on the worker's machine; or without the
    stored record, some of whose vectors still hold.
    """

    what: Literal["picture", "record"]


Answer = Made | Same | Refused | Lacking
