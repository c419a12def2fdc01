"""A feed of one JSON object per line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookalike.catalog.sources.entries import Entry, Rejected
from lookalike.catalog.sources.files import count_lines, reading
from lookalike.catalog.sources.mapping import FeedMapping
from lookalike.errors import RowInvalid

MAX_LINE = 32 * 2**20
"""Bytes: a picture of 20 MiB as a data URI, and then some."""


class JsonLinesSource:
    """The lines of a `.jsonl` or `.ndjson` file. A bad line fails alone; empty ones are passed over."""

    def __init__(self, path: Path, mapping: FeedMapping) -> None:
        self._path, self._mapping = path.absolute(), mapping

    @property
    def name(self) -> str:
        return str(self._path)

    def total(self) -> int | None:
        return count_lines(self._path)

    def __iter__(self) -> Iterator[Entry | Rejected]:
        with reading(self._path) as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                where = f"{self._path.name}:{number}"
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE)
                    yield Rejected(where, None, RowInvalid(f"is longer than {MAX_LINE:,} bytes"))
                    continue
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield self._entry(line, where)

    def _entry(self, line: bytes, where: str) -> Entry | Rejected:
        try:
            row = json.loads(line, parse_constant=_refuse)
        except UnicodeDecodeError:
            return Rejected(where, None, RowInvalid("is not UTF-8"))
        except RecursionError:
            return Rejected(where, None, RowInvalid("is nested too deep"))
        except ValueError as error:
            return Rejected(where, None, RowInvalid(f"is not JSON: {error}"))
        if not isinstance(row, dict):
            return Rejected(where, None, RowInvalid("is not a JSON object"))
        return self._mapping.entry(row, where, self._path.parent)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")
