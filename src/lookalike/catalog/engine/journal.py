"""The writes made while an index is built, as frames in a file, to be done again on the new shard.

It needs no fsync: the old shard has every write in its own log, and a build does not outlive its worker.
"""

from collections.abc import Iterator
from pathlib import Path

from lookalike.catalog.engine.wire import RECEIVE, Decoder, Frame


class JournalWriter:
    """Appends frames. One that can't be written whole leaves the journal unusable: give up the build."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self.length = 0
        """Bytes of whole frames."""

    def append(self, one: Frame) -> None:
        """Add a frame. Raises OSError."""
        packed = one.packed()
        if self._file.write(packed) != len(packed):
            raise OSError("the disk is full")
        self.length += len(packed)

    def close(self) -> None:
        """Close the file, which stays."""
        self._file.close()


def replay(path: Path, start: int, end: int) -> Iterator[tuple[Frame, int]]:
    """The frames between two positions (of whole frames), each with the position after it."""
    decoder = Decoder()
    with path.open("rb") as file:
        file.seek(start)
        at = start
        left = end - start
        while left > 0 and (data := file.read(min(RECEIVE, left))):
            left -= len(data)
            for one in decoder.feed(data):
                at += len(one.packed())
                yield one, at
