"""Hits, facets and collections as rows of text. What comes from a catalogue can't move the cursor."""

from collections.abc import Iterator, Sequence

from lookalike.catalog.items import Item
from lookalike.catalog.store import CollectionFacts, FacetValue, Hit

HITS = {"score": True, "id": False, "title": False, "attributes": False}
"""Headings, and whether the column holds numbers."""

ITEMS = {name: numbers for name, numbers in HITS.items() if name != "score"}

COLLECTIONS = {"name": False, "items": True, "model": False, "index": False, "on disk": True}

_CONTROL = dict.fromkeys((*range(32), *range(127, 160)))


def hit_rows(hits: Sequence[Hit]) -> list[list[str]]:
    """For the columns HITS."""
    return [[f"{hit.score:.4f}", *_cells(hit.item)] for hit in hits]


def item_rows(items: Sequence[Item]) -> list[list[str]]:
    """For the columns ITEMS."""
    return [_cells(item) for item in items]


def facet_rows(values: Sequence[FacetValue]) -> list[list[str]]:
    """Values and counts."""
    return [[plain(_value(one.value)), f"{one.count:,}"] for one in values]


def collection_rows(collections: Sequence[CollectionFacts]) -> list[list[str]]:
    """For the columns COLLECTIONS."""
    return [
        [
            facts.name,
            f"{facts.items:,}",
            plain(facts.model),
            facts.index.state,
            size(facts.bytes_on_disk),
        ]
        for facts in collections
    ]


def fact_lines(facts: CollectionFacts) -> Iterator[str]:
    """What is known of a collection, a line each."""
    index = facts.index
    lines = {
        "name": facts.name,
        "items": f"{facts.items:,}",
        "model": f"{facts.model} (fingerprint {facts.fingerprint}, {facts.dimension} dimensions)",
        "created": facts.created,
        "index": f"{index.state}, {index.indexed:,} indexed, {index.pending:,} since"
        + (", quantized" if index.quantized else "")
        + (f", {index.reason}" if index.reason else ""),
        "on disk": size(facts.bytes_on_disk) or "not known",
        "attributes": ", ".join(f"{name} ({kind.value})" for name, kind in facts.attributes.items())
        or "none",
        "settings": ", ".join(f"{k}={v}" for k, v in facts.settings.model_dump().items()),
    }
    for name, value in lines.items():
        yield f"{name:<11} {plain(value)}"


def attributes(item: Item) -> str:
    """`colour=blue, price=5`"""
    return ", ".join(
        f"{name}={'/'.join(map(_value, value)) if isinstance(value, tuple) else _value(value)}"
        for name, value in item.attributes.items()
    )


def plain(text: str) -> str:
    """The text without control characters."""
    return text.translate(_CONTROL)


def size(count: int | None) -> str:
    """`1.2 MB`, or nothing where it isn't known."""
    if count is None:
        return ""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _cells(item: Item) -> list[str]:
    return [plain(item.id), plain(item.title or item.description or ""), plain(attributes(item))]


def _value(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
