"""What every source gives: entries that items can be made of, and rows that they can't."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lookalike.catalog.items import Item
from lookalike.catalog.pictures import Picture
from lookalike.errors import LookalikeError


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a source, and where its picture is. `where` names the row or file for people."""

    where: str
    item: Item
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that no item can be made of. `id` is None where not even that could be read."""

    where: str
    id: str | None
    error: LookalikeError


class Source(Protocol):
    """Somewhere items come from, read from the start each time, in a fixed order, in bounded memory."""

    @property
    def name(self) -> str:
        """What people call it: its path."""
        ...

    def total(self) -> int | None:
        """How many entries there will be, where that can be told quickly; an estimate for progress."""
        ...

    def __iter__(self) -> Iterator[Entry | Rejected]:
        """Raises SourceInvalid where it can't be read at all, or no further."""
        ...
