"""How embeddings are written: JSON lines, or NumPy's .npz."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from lookalike.errors import LookalikeError


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of one input: its vector, or the reason why there is none."""

    kind: Literal["text", "image"]
    input: str
    """The text, or the picture's path."""
    vector: NDArray[np.float32] | None
    error: LookalikeError | None = None
    truncated: bool = False


class Output(Protocol):
    def write(self, embedded: Embedded) -> None: ...
    def finish(self) -> None: ...


class JsonLines:
    """`{"text" or "image": ..., "embedding": [...]}` a line; `error` in place of `embedding` where it failed,
    and `truncated` where the text was longer than the model's context."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, embedded: Embedded) -> None:
        record: dict[str, Any] = {embedded.kind: _writable(embedded.input)}
        if embedded.error is not None:
            record["error"] = {"code": embedded.error.code, "detail": str(embedded.error)}
        else:
            record["embedding"] = embedded.vector
        if embedded.truncated:
            record["truncated"] = True
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        self._file.write(orjson.dumps(record, option=options))

    def finish(self) -> None:
        self._file.flush()


class Npz:
    """Arrays with one entry for each input, in order: `embeddings` float32 `[n, dimension]` (NaN where it
    failed), `inputs`, `kinds`, `truncated`, `errors` (empty where there is none); and `model` and
    `fingerprint`, which say what made them."""

    LONGEST_TEXT = 200
    """Characters of a text that are kept in `inputs`: all its entries take as much room as the longest."""

    def __init__(self, file: BinaryIO, *, dimension: int, model: str, fingerprint: str) -> None:
        self._file = file
        self._dimension = dimension
        self._made_by = {"model": model, "fingerprint": fingerprint}
        self._rows: list[Embedded] = []

    def write(self, embedded: Embedded) -> None:
        self._rows.append(embedded)

    def finish(self) -> None:
        embeddings = np.full((len(self._rows), self._dimension), np.nan, np.float32)
        for i, row in enumerate(self._rows):
            if row.vector is not None:
                embeddings[i] = row.vector
        np.savez_compressed(
            self._file,
            allow_pickle=False,
            embeddings=embeddings,
            inputs=np.array([self._shown(row) for row in self._rows], dtype=np.str_),
            kinds=np.array([row.kind for row in self._rows], dtype=np.str_),
            truncated=np.array([row.truncated for row in self._rows], dtype=np.bool_),
            errors=np.array([str(row.error or "") for row in self._rows], dtype=np.str_),
            **{name: np.array(value) for name, value in self._made_by.items()},
        )

    def _shown(self, row: Embedded) -> str:
        return _writable(row.input[: self.LONGEST_TEXT] if row.kind == "text" else row.input)


@contextmanager
def written(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name only once it is complete."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _writable(text: str) -> str:
    """Paths and arguments that aren't UTF-8 hold lone surrogates, which no file can."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
