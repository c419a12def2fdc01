"""A feed in Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookalike.catalog.arrow import parquet
from lookalike.catalog.sources.entries import Entry, Rejected
from lookalike.catalog.sources.mapping import FeedMapping
from lookalike.errors import SourceInvalid

ROWS = 64
"""Rows held at a time: they may carry their pictures."""


class ParquetSource:
    """The rows of a `.parquet` file. Pictures may be in it: a column of bytes, or of `{bytes, path}` as
    Hugging Face's data sets have it.
    """

    def __init__(self, path: Path, mapping: FeedMapping) -> None:
        self._path, self._mapping = path.absolute(), mapping

    @property
    def name(self) -> str:
        return str(self._path)

    def total(self) -> int | None:
        with self._open() as file:
            return int(file.metadata.num_rows)

    def __iter__(self) -> Iterator[Entry | Rejected]:
        with self._open() as file:
            columns = [name for name in file.schema_arrow.names if name not in self._mapping.ignore]
            if self._mapping.id not in columns:
                raise SourceInvalid(
                    self._path,
                    f"no column is called {self._mapping.id!r}; there are: {', '.join(columns[:30])}. "
                    "Say which one is the id with --map id=COLUMN",
                )
            number = 0
            batches = file.iter_batches(batch_size=ROWS, columns=columns)
            while (rows := self._next(batches)) is not None:
                for row in rows:
                    number += 1
                    where = f"{self._path.name}:{number}"
                    yield self._mapping.entry(row, where, self._path.parent)

    def _next(self, batches: Any) -> list[dict[str, Any]] | None:
        try:
            batch = next(batches, None)
            return None if batch is None else batch.to_pylist()
        except (OSError, ValueError) as error:
            raise SourceInvalid(self._path, f"can't be read further: {error}") from None

    def _open(self) -> Any:
        try:
            return parquet("Parquet").ParquetFile(self._path)
        except FileNotFoundError:
            raise SourceInvalid(self._path, "there is no such file") from None
        except (OSError, ValueError) as error:
            raise SourceInvalid(self._path, f"is not Parquet: {error}") from None
