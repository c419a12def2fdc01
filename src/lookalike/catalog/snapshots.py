"""A collection in one file: what it is, and every record with its vectors, the same from either adapter.

the line `lookalike snapshot 1`, then frames as on the engine's wire: the collection's description;
pieces of records; and an end, with the count and the SHA-256 of all before it.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import numpy as np

from lookalike.catalog.engine.wire import RECEIVE, Decoder, Frame, OutOfStepError, frame
from lookalike.catalog.items import Record, checked_item, without_path
from lookalike.catalog.store import CollectionFacts, CollectionSpec, IndexSettings
from lookalike.errors import CollectionExists, CollectionMissing, LookalikeError, SnapshotInvalid

if TYPE_CHECKING:
    from lookalike.catalog.store import VectorStore

MAGIC = b"lookalike snapshot 1\n"
PIECE = 256


def write(store: "VectorStore", name: str, path: Path) -> int:
    """Write the snapshot; how many records it holds. Raises OSError, and what the store raises."""
    temporary = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    try:
        with temporary.open("wb") as file:
            written = write_to(store, name, file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def write_to(store: "VectorStore", name: str, sink: BinaryIO) -> int:
    """Write the snapshot to something that is only written to, from its begin to its end."""
    facts = store.facts(name)
    digest = hashlib.sha256()
    written = 0

    def put(data: bytes) -> None:
        digest.update(data)
        sink.write(data)

    put(MAGIC)
    put(frame(_description(facts)).packed())
    after: str | None = None
    while True:
        page = store.scroll(name, after=after, limit=PIECE, vectors=True)
        put(_piece(page.records).packed())
        written += len(page.records)
        after = page.next
        if after is None:
            break
    sink.write(frame({"end": written, "sha256": digest.hexdigest()}).packed())
    sink.flush()
    return written


def restore(
    store: "VectorStore", name: str, path: Path, *, trusted: bool = True
) -> CollectionFacts:
    """A new collection from the snapshot. Of one that isn't `trusted` no reference to a picture is kept that is
    a path of this machine. Raises SnapshotInvalid, CollectionExists.
    """
    try:
        store.facts(name)
    except CollectionMissing:
        pass
    else:
        raise CollectionExists(name)
    pieces = _read(path)
    spec = _spec(path, next(pieces))
    temporary = f"restoring-{uuid4().hex[:12]}"
    store.create(temporary, spec)
    try:
        for piece in pieces:
            records = list(_records(piece, spec.dimension))
            if not trusted:
                records = [without_path(record) for record in records]
            store.upsert(temporary, spec.fingerprint, records)
        store.flush(temporary)
        store.replace(name, temporary)
    except BaseException:
        store.drop(temporary)
        raise
    return store.facts(name)


def _description(facts: CollectionFacts) -> dict[str, Any]:
    return {
        "fingerprint": facts.fingerprint,
        "model": facts.model,
        "dimension": facts.dimension,
        "settings": facts.settings.model_dump(mode="json"),
    }


def _spec(path: Path, first: Frame) -> CollectionSpec:
    try:
        said = first.header
        settings = IndexSettings.model_validate(said["settings"])
        return CollectionSpec(said["fingerprint"], said["model"], said["dimension"], settings)
    except (KeyError, ValueError) as error:
        raise SnapshotInvalid(path, f"its description can't be read: {error}") from None


def _piece(records: tuple[Record, ...]) -> Frame:
    rows: list[tuple[dict[str, Any], str]] = []
    vectors = []
    for record in records:
        letters = ""
        for letter, vector in (("i", record.image), ("t", record.text)):
            if vector is not None:
                letters += letter
                vectors.append(vector)
        rows.append((record.payload, letters))
    body = np.concatenate(vectors).astype("<f4").tobytes() if vectors else b""
    return frame({"rows": rows}, body)


def _records(piece: Frame, dimension: int) -> Iterator[Record]:
    numbers = np.frombuffer(piece.body, dtype="<f4").reshape(-1, dimension)
    at = 0
    for payload, letters in piece.header["rows"]:
        own = {}
        for letter in letters:
            own[letter] = numbers[at]
            at += 1
        yield Record(checked_item(payload), own.get("i"), own.get("t"), payload.get("digest"))


def _read(path: Path) -> Iterator[Frame]:
    """The description and the pieces. Raises SnapshotInvalid, at the latest after the last piece."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise SnapshotInvalid(path, "it is not a snapshot of Lookalike, or of a newer one")
            digest = hashlib.sha256(MAGIC)
            decoder = Decoder()
            written = 0
            while data := file.read(RECEIVE):
                for one in decoder.feed(data):
                    header = one.header
                    if "end" in header:
                        if header["sha256"] != digest.hexdigest() or header["end"] != written:
                            raise SnapshotInvalid(path, "it is damaged: its checksum is wrong")
                        return
                    digest.update(one.packed())
                    written += len(header.get("rows", ()))
                    yield one
    except LookalikeError:
        raise
    except OSError as error:
        raise SnapshotInvalid(path, str(error)) from error
    except (OutOfStepError, ValueError) as error:
        raise SnapshotInvalid(path, f"it is damaged: {error}") from None
    raise SnapshotInvalid(path, "it is cut short")
