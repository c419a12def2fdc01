"""A feed in CSV (or TSV), whose cells are typed by their whole column."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from lookalike.catalog.sources.entries import Entry, Rejected
from lookalike.catalog.sources.files import reading
from lookalike.catalog.sources.mapping import FeedMapping
from lookalike.errors import RowInvalid, SourceInvalid

MAX_CELL = 32 * 2**20
"""Characters: a picture of 20 MiB as a data URI, and then some."""

_SEPARATORS = ",;\t|"
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class _Type(Enum):
    """From narrow to wide; a column has the narrowest type that fits all its cells."""

    BOOL = 0
    INTEGER = 1
    NUMBER = 2
    TEXT = 3


class DelimitedSource:
    """The rows of a `.csv` or `.tsv` file with a header. Comma, semicolon, tab or bar: the header tells.

    The file is read twice: first for the columns' types, so that `00123` or `12 oz` anywhere in a column keep
    all of it text, and a column of numbers can be filtered by ranges.
    """

    def __init__(self, path: Path, mapping: FeedMapping) -> None:
        self._path, self._mapping = path.absolute(), mapping
        self._scanned: tuple[int, dict[str, _Type]] | None = None

    @property
    def name(self) -> str:
        return str(self._path)

    def total(self) -> int | None:
        return self._scan()[0]

    def __iter__(self) -> Iterator[Entry | Rejected]:
        types = self._scan()[1]
        with self._rows() as (header, rows):
            while True:
                try:
                    cells = next(rows, None)
                except csv.Error as error:
                    yield Rejected(self._where(rows), None, RowInvalid(f"is not CSV: {error}"))
                    continue
                if cells is None:
                    return
                if cells:
                    yield self._entry(header, cells, types, self._where(rows))

    def _where(self, rows: Any) -> str:
        return f"{self._path.name}:{rows.line_num}"

    def _entry(
        self, header: Sequence[str], cells: Sequence[str], types: dict[str, _Type], where: str
    ) -> Entry | Rejected:
        if len(cells) > len(header):
            reason = f"has {len(cells)} cells, and the header {len(header)}"
            return Rejected(where, None, RowInvalid(reason))
        row = {
            name: _value(cell, types[name]) if name in types else cell
            for name, cell in zip(header, cells, strict=False)
        }
        return self._mapping.entry(row, where, self._path.parent)

    def _scan(self) -> tuple[int, dict[str, _Type]]:
        """How many rows there are, and the types of the attributes' columns."""
        if self._scanned is None:
            with self._rows() as (header, rows):
                texts = {*self._mapping.fields.values(), *self._mapping.split}
                types: dict[str, _Type] = {n: _Type.BOOL for n in header if n not in texts}
                seen: set[str] = set()
                count = 0
                while True:
                    try:
                        cells = next(rows, None)
                    except csv.Error:
                        count += 1
                        continue
                    if cells is None:
                        break
                    count += bool(cells)
                    for name, cell in zip(header, cells, strict=False):
                        if cell and (known := types.get(name)) not in (None, _Type.TEXT):
                            own = _type(cell)
                            types[name] = own if name not in seen else _wider(known, own)
                            seen.add(name)
                self._scanned = count, {n: t if n in seen else _Type.TEXT for n, t in types.items()}
        return self._scanned

    @contextmanager
    def _rows(self) -> Iterator[tuple[list[str], Any]]:
        """The header, and a csv reader of the rows after it."""
        # csv knows only this one limit for the whole process; raising it harms nobody
        csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))
        with reading(self._path) as binary:
            # a byte that is not UTF-8 becomes a lone surrogate, which the item refuses: it fails alone
            file = io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline="")
            first = file.readline(2**16)
            file.seek(0)
            separator = max(_SEPARATORS, key=first.count)
            rows = csv.reader(file, delimiter=separator)
            try:
                header = [name.strip() for name in next(rows, [])]
            except csv.Error as error:
                raise SourceInvalid(self._path, f"the header is not CSV: {error}") from None
            self._check(header)
            yield header, rows

    def _check(self, header: list[str]) -> None:
        if self._mapping.id not in header:
            shown = ", ".join(header[:30]) or "none"
            raise SourceInvalid(
                self._path,
                f"no column is called {self._mapping.id!r}; there are: {shown}. "
                "Say which one is the id with --map id=COLUMN",
            )
        if twice := sorted({name for name in header if name and header.count(name) > 1}):
            raise SourceInvalid(self._path, f"two columns are called {twice[0]!r}")


def _type(cell: str) -> _Type:
    if cell.lower() in ("true", "false"):
        return _Type.BOOL
    if _INTEGER.fullmatch(cell):
        return _Type.INTEGER
    if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
        return _Type.NUMBER
    return _Type.TEXT


def _wider(one: _Type | None, other: _Type) -> _Type:
    if one is other or one is None:
        return other
    if _Type.BOOL in (one, other):
        return _Type.TEXT
    return max(one, other, key=lambda kind: kind.value)


def _value(cell: str, kind: _Type) -> str | int | float | bool | None:
    if not cell:
        return None
    match kind:
        case _Type.BOOL:
            return cell.lower() == "true"
        case _Type.INTEGER:
            return int(cell)
        case _Type.NUMBER:
            return float(cell)
        case _Type.TEXT:
            return cell
