"""Where items come from: a folder of pictures, or a feed in JSON lines, CSV or Parquet.

All are read as a stream: memory doesn't grow with them.
"""

from collections.abc import Callable
from pathlib import Path

from lookalike.catalog.sources.delimited import DelimitedSource
from lookalike.catalog.sources.entries import Entry, Rejected, Source
from lookalike.catalog.sources.folder import FolderSource
from lookalike.catalog.sources.jsonl import JsonLinesSource
from lookalike.catalog.sources.mapping import FeedMapping
from lookalike.catalog.sources.parquet import ParquetSource
from lookalike.errors import SourceInvalid

__all__ = ["Entry", "FeedMapping", "Rejected", "Source", "open_source"]

_BY_SUFFIX: dict[str, Callable[[Path, FeedMapping], Source]] = {
    ".jsonl": JsonLinesSource,
    ".ndjson": JsonLinesSource,
    ".csv": DelimitedSource,
    ".tsv": DelimitedSource,
    ".parquet": ParquetSource,
}


def open_source(path: Path, mapping: FeedMapping | None = None) -> Source:
    """The source at a path: a folder, or a file whose suffix says what it is. Raises SourceInvalid."""
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise SourceInvalid(path, "there is no such file or folder")
    reader = _BY_SUFFIX.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_BY_SUFFIX)
        raise SourceInvalid(path, f"must be a folder of pictures, or a feed ({known})")
    return reader(path, mapping or FeedMapping())
