"""A collection as a Parquet file that anything can read, and back again.

Columns: `id`, `image`, `title`, `description`, `attributes` (JSON), `digest`, and the unit vectors
`image_vector` and `text_vector` (float32 lists of the model's dimension, null where the item has none). The
file's metadata says which model made them. Both ways are streams: memory doesn't grow with the collection.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from lookalike.catalog.arrow import arrow, parquet
from lookalike.catalog.items import Item, Record, Vector, without_path
from lookalike.catalog.store import CollectionFacts, CollectionSpec, IndexSettings, VectorStore
from lookalike.errors import CatalogueError, ExchangeInvalid, FingerprintMismatch

FORMAT = 1
_KEY = b"lookalike"
_ROWS = 1024

Observer = Callable[[int], None]
"""Told how many items are done."""


def export_parquet(
    store: VectorStore,
    name: str,
    path: Path,
    *,
    observer: Observer = lambda _: None,
    stop: threading.Event | None = None,
) -> int:
    """Write the collection to a file, which appears only when complete; how many items it holds.

    Raises CollectionMissing, ExtraMissing, OSError. Stopped, it leaves nothing and returns what it had done.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as sink:
            done = write_parquet(store, name, sink, observer=observer, stop=stop)
        if not (stop and stop.is_set()):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return done


def write_parquet(
    store: VectorStore,
    name: str,
    sink: BinaryIO,
    *,
    observer: Observer = lambda _: None,
    stop: threading.Event | None = None,
) -> int:
    """Write the collection to something that is only written to, from its begin to its end; how many items.

    Raises CollectionMissing, ExtraMissing, and what the sink raises. Stopped, the file is of no use.
    """
    pa, pq = arrow("exporting to Parquet"), parquet("exporting to Parquet")
    facts = store.facts(name)
    schema = _schema(pa, facts)
    done = 0
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        after: str | None = None
        while not (stop and stop.is_set()):
            page = store.scroll(name, after=after, limit=_ROWS, vectors=True)
            if page.records:
                writer.write_table(_table(pa, schema, page.records, facts.dimension))
            done += len(page.records)
            observer(done)
            after = page.next
            if after is None:
                break
    return done


def import_parquet(
    store: VectorStore,
    name: str,
    path: Path,
    *,
    trusted: bool = True,
    observer: Observer = lambda _: None,
    stop: threading.Event | None = None,
) -> int:
    """Take the items of an export into a collection, which is made if it isn't there; how many they are.
    Items of the same ids are replaced. Interrupted, it can be repeated. Of a file that isn't `trusted` no
    reference to a picture is kept that is a path of this machine.

    Raises ExchangeInvalid, FingerprintMismatch (before anything is stored), ExtraMissing, StoreError.
    """
    with _opened(path) as file:
        made_for = _spec(path, file.schema_arrow.metadata or {})
        if name in {facts.name for facts in store.collections()}:
            stored = store.facts(name)
            if stored.fingerprint != made_for.fingerprint:
                raise FingerprintMismatch(
                    name, stored.model, stored.fingerprint, made_for.fingerprint
                )
        else:
            store.create(name, made_for)
        done = 0
        for records in _records(path, file, made_for.dimension):
            if stop and stop.is_set():
                break
            kept = records if trusted else [without_path(record) for record in records]
            store.upsert(name, made_for.fingerprint, kept)
            done += len(records)
            observer(done)
    return done


def exported(path: Path) -> int:
    """How many items an export holds. Raises ExchangeInvalid, ExtraMissing."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _schema(pa: Any, facts: CollectionFacts) -> Any:
    text, vector = pa.string(), pa.list_(pa.float32(), facts.dimension)
    about = {
        "format": FORMAT,
        "fingerprint": facts.fingerprint,
        "model": facts.model,
        "dimension": facts.dimension,
        "settings": facts.settings.model_dump(mode="json"),
    }
    return pa.schema(
        [
            pa.field("id", text, nullable=False),
            *(pa.field(n, text) for n in ("image", "title", "description", "attributes", "digest")),
            *(pa.field(f"{n}_vector", vector) for n in ("image", "text")),
        ],
        metadata={_KEY: json.dumps(about)},
    )


def _table(pa: Any, schema: Any, records: tuple[Record, ...], dimension: int) -> Any:
    items = [record.item for record in records]
    return pa.table(
        [
            pa.array([item.id for item in items], pa.string()),
            pa.array([item.image for item in items], pa.string()),
            pa.array([item.title for item in items], pa.string()),
            pa.array([item.description for item in items], pa.string()),
            pa.array([_json(item) for item in items], pa.string()),
            pa.array([record.digest for record in records], pa.string()),
            _vectors(pa, [record.image for record in records], dimension),
            _vectors(pa, [record.text for record in records], dimension),
        ],
        schema=schema,
    )


def _json(item: Item) -> str:
    return json.dumps(item.attributes, ensure_ascii=False)


def _vectors(pa: Any, vectors: list[Vector | None], dimension: int) -> Any:
    missing = np.array([vector is None for vector in vectors])
    rows = [np.zeros(dimension, np.float32) if v is None else v for v in vectors]
    flat = pa.array(np.concatenate(rows), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, dimension, mask=pa.array(missing))


def _opened(path: Path) -> Any:
    try:
        return parquet("importing Parquet").ParquetFile(path)
    except FileNotFoundError:
        raise ExchangeInvalid(path, "there is no such file") from None
    except (OSError, ValueError) as error:
        raise ExchangeInvalid(path, f"is not Parquet: {error}") from None


def _spec(path: Path, metadata: dict[bytes, bytes]) -> CollectionSpec:
    if _KEY not in metadata:
        raise ExchangeInvalid(
            path,
            "doesn't say which model made its vectors, so it is not an export; "
            "a feed in Parquet is taken in with: lookalike index",
        )
    try:
        about = json.loads(metadata[_KEY])
        if about["format"] > FORMAT:
            raise ExchangeInvalid(
                path, f"format {about['format']} is newer than this version reads"
            )
        settings = IndexSettings.model_validate(about["settings"])
        return CollectionSpec(
            str(about["fingerprint"]), str(about["model"]), int(about["dimension"]), settings
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ExchangeInvalid(path, f"its metadata is damaged: {error}") from None


def _records(path: Path, file: Any, dimension: int) -> Iterator[list[Record]]:
    try:
        for batch in file.iter_batches(batch_size=_ROWS):
            columns = {name: batch.column(name) for name in batch.schema.names}
            rows = zip(
                *(columns[n].to_pylist() for n in ("id", "image", "title", "description")),
                *(columns[n].to_pylist() for n in ("attributes", "digest")),
                _rows(columns["image_vector"], dimension),
                _rows(columns["text_vector"], dimension),
                strict=True,
            )
            yield [
                Record(Item(key, ref, title, words, json.loads(more or "{}")), image, text, digest)
                for key, ref, title, words, more, digest, image, text in rows
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExchangeInvalid(path, f"is damaged: {error}") from None
    except CatalogueError as error:
        raise ExchangeInvalid(path, str(error)) from None


def _rows(column: Any, dimension: int) -> list[Vector | None]:
    """A column of lists as vectors; null as None."""
    rows: list[Vector | None] = []
    for one in column:
        if not one.is_valid:
            rows.append(None)
            continue
        vector = one.values.to_numpy(zero_copy_only=False).astype(np.float32)
        if vector.shape != (dimension,):
            raise ValueError(f"a vector has {len(vector)} numbers, not {dimension}")
        rows.append(vector)
    return rows
