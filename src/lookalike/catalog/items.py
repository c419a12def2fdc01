"""What a catalogue holds: items as their owner names them, and the record that is stored of each.

An item's id is whatever string the owner uses. Qdrant wants integers or UUIDs, so a point's id is a UUIDv5
of it: the same id is the same point everywhere and for ever, and the original travels in the payload.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import ItemInvalid

Scalar = str | int | float | bool
Attribute = Scalar | tuple[Scalar, ...]
"""A value to filter by and count. A list stands for several values of one attribute (two colours)."""

MAX_ID = 512
MAX_TEXT = 100_000
MAX_ATTRIBUTES = 256
MAX_NAME = 128

_NAMESPACE = UUID("6f4f7c1e-2b0c-5d52-9a53-0c6f3d1b8a47")
"""Never to change: every stored point's id is made with it."""

_NAME = re.compile(r'[^"\\\[\]\x00-\x1f\x7f]+')
"""What an attribute may be called. The characters left out have a meaning in Qdrant's paths."""


def point_id(item_id: str) -> UUID:
    """The Qdrant point of an item: the same for the same id, always."""
    return uuid5(_NAMESPACE, item_id)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a catalogue. `image` refers to the picture (a path or URL); the bytes are not kept.

    Refuses to be invalid: raises ItemInvalid, naming the field. Empty strings and None are "not there".
    Lists among the attributes may be given as lists; they are kept as tuples. Attributes that are None or
    an empty list are left out.
    """

    id: str
    image: str | None = None
    title: str | None = None
    description: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise ItemInvalid(str(self.id), "id", "must be a string that is not empty")
        if len(self.id) > MAX_ID:
            raise ItemInvalid(self.id[:80] + "...", "id", f"is longer than {MAX_ID} characters")
        if not _encodes(self.id):
            raise ItemInvalid(ascii(self.id), "id", "has characters that are not valid Unicode")
        for name in ("image", "title", "description"):
            object.__setattr__(self, name, self._text(name, getattr(self, name)))
        if not isinstance(self.attributes, Mapping):
            raise ItemInvalid(self.id, "attributes", "must be an object of names and values")
        kept = {
            name: value
            for name, raw in self.attributes.items()
            if (value := self._attribute(name, raw)) is not None
        }
        if len(kept) > MAX_ATTRIBUTES:
            raise ItemInvalid(self.id, "attributes", f"are more than {MAX_ATTRIBUTES}")
        object.__setattr__(self, "attributes", kept)

    def _text(self, name: str, value: object) -> str | None:
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ItemInvalid(self.id, name, "must be a string")
        if len(value) > MAX_TEXT:
            raise ItemInvalid(self.id, name, f"is longer than {MAX_TEXT:,} characters")
        if not _encodes(value):
            raise ItemInvalid(self.id, name, "has characters that are not valid Unicode")
        return value

    def _attribute(self, name: object, value: object) -> Attribute | None:
        if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
            raise ItemInvalid(
                self.id,
                "attributes",
                f"can't be called {name!r}: 1 to {MAX_NAME} characters, none of \" \\ [ ]",
            )
        if value is None:
            return None
        if isinstance(value, list | tuple):
            return tuple(self._scalar(name, one) for one in value if one is not None) or None
        return self._scalar(name, value)

    def _scalar(self, name: str, value: object) -> Scalar:
        where = f"attributes.{name}"
        if isinstance(value, bool):
            return value
        if isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise ItemInvalid(self.id, where, "is an integer of more than 64 bits")
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise ItemInvalid(self.id, where, "is not a finite number")
            return value
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise ItemInvalid(self.id, where, f"is longer than {MAX_TEXT:,} characters")
            if not _encodes(value):
                raise ItemInvalid(self.id, where, "has characters that are not valid Unicode")
            return value
        raise ItemInvalid(
            self.id, where, "must be a string, a number, true, false, or a list of those"
        )

    @property
    def words(self) -> str:
        """What BM25 reads: title and description."""
        return "\n".join(part for part in (self.title, self.description) if part)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, as a broken file name can bring in
        return False
    return True


Vector = NDArray[np.float32]
"""A unit vector, float32 `[dimension]`."""


@dataclass(frozen=True, eq=False)
class Record:
    """An item as it is stored: with the vectors of the model whose fingerprint its collection has.

    `image` and `text` are float32 unit vectors `[dimension]`, or None where the item has no picture or no
    text. The sparse `bm25` vector is not here: the store makes it from the item's words.
    `digest` is the writer's own mark of what the record was made from (content, not vectors): ingest
    compares it to skip what has not changed.
    """

    item: Item
    image: Vector | None = None
    text: Vector | None = None
    digest: str | None = None

    @cached_property
    def payload(self) -> dict[str, Any]:
        """What goes into Qdrant beside the vectors."""
        item = self.item
        payload: dict[str, Any] = {"id": item.id}
        for name in ("image", "title", "description"):
            if (value := getattr(item, name)) is not None:
                payload[name] = value
        if item.attributes:
            payload["attributes"] = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in item.attributes.items()
            }
        if self.digest is not None:
            payload["digest"] = self.digest
        return payload


def item_of(payload: Mapping[str, Any]) -> Item:
    """The item of a payload that this package has stored, and so checked before; a page of hits would cost a
    tenth of a millisecond to check again.
    """
    item = object.__new__(Item)
    for name in ("id", "image", "title", "description"):
        object.__setattr__(item, name, payload.get(name))
    attributes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in payload.get("attributes", {}).items()
    }
    object.__setattr__(item, "attributes", attributes)
    return item


def checked_item(payload: Mapping[str, Any]) -> Item:
    """The item of a payload from anywhere. Raises ItemInvalid."""
    return Item(
        id=payload.get("id", ""),
        image=payload.get("image"),
        title=payload.get("title"),
        description=payload.get("description"),
        attributes=payload.get("attributes") or {},
    )


def without_path(record: Record) -> Record:
    """The record without the reference to its picture, where that is a path and no address."""
    item = record.item
    if item.image is None or item.image.startswith(("http://", "https://")):
        return record
    return replace(record, item=replace(item, image=None))
