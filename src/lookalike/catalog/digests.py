"""Marks of an item's content, by which a later run sees what has changed, and what of it."""

import json
from dataclasses import dataclass
from hashlib import blake2b

from lookalike.catalog.items import Item

_FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Digest:
    """Three marks: of the picture's bytes, of the words, and of all that the record says.

    A new price changes only `record`, so the vectors are kept; a new title changes `text` too. Equal marks
    mean equal content: at 80 bits, and compared only with the same item's earlier ones.
    """

    picture: str
    """Empty without a picture."""
    text: str
    """Empty without words."""
    record: str

    def __str__(self) -> str:
        return ".".join((_FORMAT, self.picture, self.text, self.record))

    @classmethod
    def parse(cls, text: str | None) -> "Digest | None":
        """None where it is not one of ours, so that everything counts as changed."""
        parts = (text or "").split(".")
        return cls(*parts[1:]) if len(parts) == 4 and parts[0] == _FORMAT else None


def of_bytes(data: bytes) -> str:
    """The mark of some bytes: 20 hexadecimal digits."""
    return blake2b(data, digest_size=10).hexdigest()


def of_words(item: Item) -> str:
    """The mark of what is embedded as text; empty without any."""
    return of_bytes(item.words.encode()) if item.words else ""


def of_record(item: Item) -> str:
    """The mark of everything stored beside the vectors."""
    content = [item.image, item.title, item.description, item.attributes]
    return of_bytes(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
