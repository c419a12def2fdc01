"""From a row of a feed to an item: which column is the id, the image, the title, the description."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from lookalike.catalog.items import Item
from lookalike.catalog.pictures import BytesPicture, Picture, picture_of
from lookalike.catalog.sources.entries import Entry, Rejected
from lookalike.errors import LookalikeError, RowInvalid, SettingInvalid

FIELDS = ("id", "image", "title", "description")


@dataclass(frozen=True, slots=True)
class FeedMapping:
    """The columns of the four fields. Of the rest, all become attributes but those in `ignore`.

    Objects are flattened: `{"size": {"eu": 42}}` becomes the attribute `size.eu`. A column in `split` holds
    several values in one string, divided by what `split` gives for it.
    """

    id: str = "id"
    image: str = "image"
    title: str = "title"
    description: str = "description"
    ignore: frozenset[str] = frozenset()
    split: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, str]:
        """Columns by field."""
        return {name: getattr(self, name) for name in FIELDS}

    @classmethod
    def parse(
        cls, pairs: Iterable[str] = (), ignore: Iterable[str] = (), split: Iterable[str] = ()
    ) -> "FeedMapping":
        """From the command line's `field=column` and `column=separator`. Raises SettingInvalid."""
        columns: dict[str, str] = {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not equals or not column or name not in FIELDS:
                raise SettingInvalid(
                    "--map", f"{pair!r} is not FIELD=COLUMN with a field of {', '.join(FIELDS)}"
                )
            columns[name] = column
        separators: dict[str, str] = {}
        for pair in split:
            column, equals, separator = pair.partition("=")
            if not equals or not separator or not column:
                raise SettingInvalid("--split", f"{pair!r} is not COLUMN=SEPARATOR")
            separators[column] = separator
        return cls(**columns, ignore=frozenset(ignore), split=separators)

    def entry(self, row: Mapping[str, Any], where: str, base: Path | None) -> Entry | Rejected:
        """What the row is. `base` is the folder that relative paths start from; None allows no paths."""
        raw = row.get(self.id)
        # a number is an id too (feeds have them), but true or 1.5 is a mistake in the mapping
        known = str(raw) if isinstance(raw, str | int) and not isinstance(raw, bool) else None
        try:
            if not known:
                raise RowInvalid(
                    f"has no id in {self.id!r}"
                    if raw in (None, "")
                    else f"{self.id!r} is no id: {raw!r:.80}"
                )
            picture = self._picture(row.get(self.image), base)
            item = Item(
                id=known,
                image=picture.reference if picture else None,
                title=_text(row.get(self.title)),
                description=_text(row.get(self.description)),
                attributes=self._attributes(row),
            )
            if picture is None and not item.words:
                raise RowInvalid("has neither a picture nor a title or description")
        except LookalikeError as error:
            return Rejected(where, known or None, error)
        return Entry(where, item, picture)

    def _picture(self, value: Any, base: Path | None) -> Picture | None:
        match value:
            case None | "" | b"":
                return None
            case str():
                return picture_of(value, base)
            case bytes():
                return BytesPicture(value)
            case {"bytes": bytes(data)} if data:  # as Hugging Face's data sets carry pictures
                return BytesPicture(data, str(value.get("path") or "in the feed"))
            case {"path": str(path)} if path:
                return picture_of(path, base)
            case _:
                raise RowInvalid(f"{self.image!r} is no picture but {type(value).__name__}")

    def _attributes(self, row: Mapping[str, Any]) -> dict[str, Any]:
        taken = {*self.fields.values(), *self.ignore}
        attributes: dict[str, Any] = {}
        for name, value in row.items():
            if name not in taken:
                self._flatten(name, value, attributes)
        return attributes

    def _flatten(self, name: str, value: Any, into: dict[str, Any]) -> None:
        if isinstance(value, Mapping):
            for inner, one in value.items():
                if f"{name}.{inner}" not in self.ignore:
                    self._flatten(f"{name}.{inner}", one, into)
        elif isinstance(value, str) and name in self.split:
            parts = (part.strip() for part in value.split(self.split[name]))
            into[name] = [part for part in parts if part]
        elif isinstance(value, list | tuple):
            into[name] = [_plain(one) for one in value]
        elif value != "":
            into[name] = _plain(value)


def _text(value: Any) -> Any:
    """A title that is a number is text all the same."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _plain(value: Any) -> Any:
    """What Parquet has beyond JSON, as JSON would have it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return value
