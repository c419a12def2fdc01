"""Items as they come over HTTP, as a source for ingest: a list, or lines that are still arriving."""

import asyncio
import queue
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from lookalike.catalog.items import Item
from lookalike.catalog.pictures import Picture, picture_of
from lookalike.catalog.sources import Entry, FeedMapping, Rejected
from lookalike.errors import LookalikeError, RowInvalid

MAX_LINE = 32 * 2**20
"""Bytes of a line: a picture of 20 MiB as a data URI, and then some."""

AHEAD_BYTES = 4 * 2**20
"""Of a stream that wait for ingest; then the client waits."""

_OWN = frozenset({"id", "image", "title", "description", "attributes"})


def entry_of(row: object, index: int) -> Entry | Rejected:
    """The item of a JSON object. Without `attributes`, all further fields are attributes, as in a feed."""
    where = str(index)
    if not isinstance(row, Mapping):
        return Rejected(where, None, RowInvalid("is not a JSON object"))
    if "attributes" not in row:
        return FeedMapping().entry({**row, "image": _as_uri(row.get("image"))}, where, None)
    raw = row.get("id")
    known = raw if isinstance(raw, str) and raw else None
    try:
        if unknown := sorted(map(str, row.keys() - _OWN)):
            raise RowInvalid(f"has {unknown[0]!r} beside 'attributes'; put it in there")
        if known is None:
            raise RowInvalid("has no id")
        picture = _picture(row.get("image"))
        item = Item(
            id=known,
            image=picture.reference if picture else None,
            title=row.get("title"),
            description=row.get("description"),
            attributes=row["attributes"] or {},
        )
        if picture is None and not item.words:
            raise RowInvalid("has neither a picture nor a title or description")
    except LookalikeError as error:
        return Rejected(where, known, error)
    return Entry(where, item, picture)


def _picture(value: object) -> Picture | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise RowInvalid("'image' is no string")
    return picture_of(str(_as_uri(value)), None)


def _as_uri(value: object) -> object:
    """Bare base64, as the embedding routes take it, is a picture here too; a short string is a path."""
    if not isinstance(value, str) or len(value) < 64 or ":" in value[:8] or "." in value:
        return value
    return f"data:;base64,{value}"


class ListSource:
    """Items of one body."""

    name = "the request"

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def total(self) -> int | None:
        """How many."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Entry | Rejected]:
        return (entry_of(row, index) for index, row in enumerate(self._rows))


class LineSource:
    """Items of a stream: the event loop puts lines in, ingest's thread takes them out."""

    name = "the request"

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._ahead = 0

    def total(self) -> int | None:
        """Nobody knows."""
        return None

    async def put(self, lines: list[bytes]) -> None:
        """Wait for room, and hand over."""
        while self._ahead > AHEAD_BYTES:
            self._room.clear()
            await self._room.wait()
        self._ahead += sum(map(len, lines))
        self._lines.put(lines)

    def end(self) -> None:
        """There are no more."""
        self._lines.put(None)

    def __iter__(self) -> Iterator[Entry | Rejected]:
        index = 0
        while (lines := self._lines.get()) is not None:
            for line in lines:
                if index >= self._most:
                    limit = RowInvalid(
                        f"is beyond the limit of {self._most:,} items of one request"
                    )
                    yield Rejected(str(index), None, limit)
                else:
                    yield _entry(line, index)
                index += 1
            self._loop.call_soon_threadsafe(self._taken, sum(map(len, lines)))

    def _taken(self, size: int) -> None:
        self._ahead -= size
        self._room.set()


def _entry(line: bytes, index: int) -> Entry | Rejected:
    if len(line) > MAX_LINE:
        return Rejected(str(index), None, RowInvalid(f"is longer than {MAX_LINE:,} bytes"))
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Rejected(str(index), None, RowInvalid(f"is not JSON: {error.msg}"))
    return entry_of(row, index)


class Lines:
    """Cuts chunks into lines. Of a line that is too long only so much is kept that it is seen to be."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk; empty ones are passed over."""
        *ended, rest = chunk.split(b"\n")
        lines = []
        for part in ended:
            self._keep(part)
            lines.append(bytes(self._rest))
            self._rest.clear()
        self._keep(rest)
        return list(_filled(lines))

    def end(self) -> list[bytes]:
        """The line that nothing ended."""
        return list(_filled([bytes(self._rest)]))

    def _keep(self, part: bytes) -> None:
        self._rest += part[: MAX_LINE + 1 - len(self._rest)]


def _filled(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.strip())
