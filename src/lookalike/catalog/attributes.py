"""What kinds of values a collection's attributes hold: learned from the items, and only ever widened."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from lookalike.catalog.items import Attribute, Item, Scalar

MAX_KEYWORD = 256
"""A longer string is prose: not worth an index entry or a facet."""

MAX_INDEXED = 64
"""Payload indexes made by themselves, per collection; more attributes are found by scanning."""


class Kind(StrEnum):
    """The type of an attribute over all items of a collection."""

    KEYWORD = "keyword"
    INTEGER = "integer"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    """Every value is an ISO 8601 date or time."""
    TEXT = "text"
    """Strings, some of them longer than MAX_KEYWORD: can be compared, but have no index and no facets."""
    MIXED = "mixed"
    """Values that share no type: can be compared, but have no index, no range and no facets."""


INDEXED = frozenset({Kind.KEYWORD, Kind.INTEGER, Kind.FLOAT, Kind.BOOL, Kind.DATETIME})
FACETED = frozenset({Kind.KEYWORD, Kind.INTEGER, Kind.BOOL})

_DATETIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)

_WIDER: dict[frozenset[Kind], Kind] = {
    frozenset({Kind.INTEGER, Kind.FLOAT}): Kind.FLOAT,
    frozenset({Kind.KEYWORD, Kind.DATETIME}): Kind.KEYWORD,
    frozenset({Kind.KEYWORD, Kind.TEXT}): Kind.TEXT,
    frozenset({Kind.DATETIME, Kind.TEXT}): Kind.TEXT,
}


def is_datetime(text: str) -> bool:
    """Whether Qdrant reads the string as a date or time: `2024-05-01`, `2024-05-01T10:00:00Z`, ..."""
    if len(text) < 10 or not _DATETIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def kind_of(value: Scalar) -> Kind:
    """The narrowest kind that has the value."""
    if isinstance(value, bool):
        return Kind.BOOL
    if isinstance(value, int):
        return Kind.INTEGER
    if isinstance(value, float):
        return Kind.FLOAT
    if len(value) > MAX_KEYWORD:
        return Kind.TEXT
    return Kind.DATETIME if is_datetime(value) else Kind.KEYWORD


def widen(one: Kind | None, other: Kind) -> Kind:
    """The narrowest kind that has the values of both."""
    if one is None or one is other:
        return other
    return _WIDER.get(frozenset({one, other}), Kind.MIXED)


def learn(items: Iterable[Item], known: Mapping[str, Kind]) -> dict[str, Kind]:
    """What these items change: the attributes that are new or need a wider kind, and their kinds."""
    changed: dict[str, Kind] = {}
    for item in items:
        for name, value in item.attributes.items():
            before = changed.get(name) or known.get(name)
            after = _over(before, value)
            if after is not before:
                changed[name] = after
    return changed


def _over(kind: Kind | None, value: Attribute) -> Kind:
    if not isinstance(value, tuple):
        return widen(kind, kind_of(value))
    for one in value:
        kind = widen(kind, kind_of(one))
    return kind or Kind.MIXED


def to_index(kinds: Mapping[str, Kind], wanted: Iterable[str] | None) -> dict[str, Kind]:
    """The attributes that get a payload index: those wanted, or by default the first MAX_INDEXED."""
    indexable = {name: kind for name, kind in kinds.items() if kind in INDEXED}
    if wanted is None:
        return dict(list(indexable.items())[:MAX_INDEXED])
    return {name: indexable[name] for name in wanted if name in indexable}
