"""The embedded adapter: Qdrant's engine, a process for each open collection, and a folder."""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from lookalike.catalog import snapshots
from lookalike.catalog.attributes import Kind, learn, to_index
from lookalike.catalog.engine.connection import RefusedError
from lookalike.catalog.engine.folder import Folder
from lookalike.catalog.engine.hosted import Hosted
from lookalike.catalog.engine.shard import disk_usage
from lookalike.catalog.engine.supervisor import Supervisor
from lookalike.catalog.filters import Filter, path, to_qdrant, typed_filter
from lookalike.catalog.items import Record, Vector, item_of, point_id
from lookalike.catalog.plans import (
    Plan,
    check_facet,
    check_fingerprint,
    check_settings,
    describe,
    ordered_facets,
    pieces,
    plan_recommend,
    plan_search,
    unit,
)
from lookalike.catalog.store import (
    CollectionFacts,
    CollectionSpec,
    DigestPage,
    FacetValue,
    Hit,
    IndexSettings,
    IndexState,
    Page,
    Pair,
    Recommend,
    Search,
    VectorName,
    check_name,
)
from lookalike.errors import (
    CollectionExists,
    CollectionMissing,
    FacetUnavailable,
    SettingInvalid,
    StoreDamaged,
    StoreError,
    StoreFull,
)

logger = logging.getLogger(__name__)

UPSERT_POINTS = 256
"""Points of one frame: about 5 ms of the engine's time, which a search may have to wait for."""

DUPLICATE_POINTS = 8
"""Items of one duplicates frame, each a search: for the same reason."""

DUPLICATES_PER_ITEM = 8192
"""An item with more near duplicates than this is paired with its nearest ones only."""

INDEX_AT_ONCE = 20_000
"""Up to so many items a payload index is made on the spot (a tenth of a second); above, with the next build."""

TIES = 64
"""Facet values asked for beyond the limit, so that those of equal count can be put in order."""

GROWTH = 0.25
"""While writes go on, an index is renewed when this share of what it covers has been written since. Searching
what it doesn't cover costs 7 ms for each 100,000 items."""

QUIET = 5.0
"""Seconds without writes after which whatever is worth an index gets one."""

RETRY_BUILD = 60.0

Result = TypeVar("Result")


class _Collection:
    """What the store knows of one collection: what it is, and its worker."""

    def __init__(self, name: str, uid: str, folder: Folder, supervisor: Supervisor) -> None:
        self.name, self.uid = name, uid
        self._folder = folder
        described = folder.read(name, uid)
        try:
            self.settings = IndexSettings.model_validate(described["settings"])
            self.spec = CollectionSpec(
                described["fingerprint"],
                described["model"],
                described["dimension"],
                self.settings,
            )
            self.created: str = described["created"]
            self.kinds = {key: Kind(kind) for key, kind in described["kinds"].items()}
        except (KeyError, ValueError, ValidationError) as error:
            raise StoreDamaged(name, folder.of(uid) / "collection.json", str(error)) from None
        self._lock = threading.Lock()
        self.hosted = Hosted(
            name, folder.of(uid), supervisor, self.engine_spec, self.builder_spec, self.fields
        )
        self.unindexed_fields = False
        """Whether an attribute waits for the next build to get its payload index."""

    def engine_spec(self) -> dict[str, Any]:
        """What a worker is started with."""
        settings = self.settings
        return {
            "dimension": self.spec.dimension,
            "m": settings.m,
            "ef_construct": settings.ef_construct,
            "quantile": settings.quantile,
            "quantized": self.wants_quantization(),
            "language": settings.language,
        }

    def builder_spec(self) -> dict[str, Any]:
        """What a builder is started with."""
        # imported here because the package brings the whole encoder with it, which a search may not need
        from lookalike.encoder.cores import usable_cores

        threads = build_threads(usable_cores(), os.cpu_count() or 1)
        return {**self.engine_spec(), "threads": threads}

    def wants_quantization(self) -> bool:
        """Whether an index built now would have int8 copies."""
        match self.settings.quantization:
            case "scalar":
                return True
            case "off":
                return False
            case "auto":
                return self.hosted.stats["items"] >= self.settings.quantize_from

    def fields(self) -> dict[str, str]:
        """Paths and kinds of the attributes that get a payload index."""
        wanted = to_index(self.kinds, self.settings.attributes)
        return {path(name): kind.value for name, kind in wanted.items()}

    def learn(self, records: Sequence[Record]) -> None:
        """Widen the attributes' kinds to what these records have, durably, before they are stored."""
        if not learn((record.item for record in records), self.kinds):
            return
        with self._lock:
            changed = learn((record.item for record in records), self.kinds)
            if not changed:
                return
            before = self.fields()
            kinds = {**self.kinds, **changed}
            self._write(self.settings, kinds)
            self.kinds = kinds
            after = self.fields()
        if fields := {p: kind for p, kind in after.items() if before.get(p) != kind}:
            self.index_fields(fields)

    def index_fields(self, fields: dict[str, str]) -> None:
        """Make payload indexes now where that is quick, or else with the next build."""
        if self.hosted.stats["items"] <= INDEX_AT_ONCE:
            self.hosted.call("index", fields=fields)
        else:
            self.unindexed_fields = True

    def configure(self, settings: IndexSettings) -> None:
        """Keep other settings, durably."""
        with self._lock:
            self._write(settings, self.kinds)
            self.settings = settings

    def _write(self, settings: IndexSettings, kinds: Mapping[str, Kind]) -> None:
        self._folder.write(self.uid, describe(self.spec, settings, self.created, kinds))


def build_threads(usable: float, there: int) -> int:
    """Threads of an index build. Without a quota all cores, for the lowest priority gives way at once; under a
    container's quota half of it, for what is used up there is missing to everybody until the next period.
    """
    return max(1, int(usable)) if usable >= there else max(1, int(usable / 2))


class EmbeddedStore:
    """Collections in a folder of this machine. See VectorStore for what each method promises.

    The folder belongs to one process at a time: a second one gets StoreLocked. Workers start when a
    collection is first used, and end when this process does, however it ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Folder(folder)
        self._supervisor = Supervisor(self._tick, [self._folder.lock])
        self._lock = threading.RLock()
        self._open: dict[str, _Collection] = {}
        self._builds: dict[str, _Build] = {}
        self._closed = False

    # Collections

    def create(self, name: str, spec: CollectionSpec) -> CollectionFacts:
        """A new, empty collection."""
        check_name(name)
        check_settings(spec.settings)
        with self._lock:
            if name in self._folder.names:
                raise CollectionExists(name)
            with self._disk():
                uid = self._folder.add()
                try:
                    now = datetime.now(UTC).isoformat(timespec="seconds")
                    self._folder.write(uid, describe(spec, spec.settings, now, {}))
                    collection = _Collection(name, uid, self._folder, self._supervisor)
                    collection.hosted.create()
                    self._folder.rename({name: uid})
                except BaseException:
                    self._folder.remove(uid)
                    raise
            self._open[uid] = collection
        return self.facts(name)

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it."""
        with self._lock:
            collection = self._collection(name)
            with self._disk():
                self._folder.rename({name: None})
            self._open.pop(collection.uid, None)
        self._forget(collection)

    def _forget(self, collection: _Collection) -> None:
        collection.hosted.close()
        if build := self._builds.get(collection.uid):
            build.join()
        self._folder.remove(collection.uid)

    def collections(self) -> list[CollectionFacts]:
        """The facts of all collections, by name."""
        return [self.facts(name) for name in sorted(self._folder.names)]

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one collection."""
        collection = self._collection(name)
        stats, _ = collection.hosted.call("stats")
        return CollectionFacts(
            name=name,
            fingerprint=collection.spec.fingerprint,
            model=collection.spec.model,
            dimension=collection.spec.dimension,
            created=collection.created,
            settings=collection.settings,
            items=stats["items"],
            index=self._index_state(collection, stats),
            attributes=dict(collection.kinds),
            bytes_on_disk=disk_usage(self._folder.of(collection.uid)),
        )

    def _index_state(self, collection: _Collection, stats: dict[str, Any]) -> IndexState:
        build = collection.hosted.build
        if build.running:
            state = "building"
        elif build.reason is not None:
            state = "failed"
        else:
            state = "ready" if stats["indexed"] else "exact"
        return IndexState(
            state=state,  # type: ignore[arg-type]
            indexed=stats["indexed"],
            pending=stats["pending"],
            quantized=bool(stats.get("quantized")),
            build_seconds=build.seconds,
            reason=build.reason,
        )

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings."""
        collection = self._collection(name)
        before = collection.settings
        if settings.language != before.language:
            raise SettingInvalid(
                "language", "is fixed when a collection is made; reindex it instead"
            )
        check_settings(settings)
        was_quantized, had = collection.wants_quantization(), collection.fields()
        with self._disk():
            collection.configure(settings)
        if fields := {p: k for p, k in collection.fields().items() if had.get(p) != k}:
            collection.index_fields(fields)
        graph = (settings.m, settings.ef_construct, settings.quantile)
        if collection.hosted.stats["indexed"] and (
            graph != (before.m, before.ef_construct, before.quantile)
            or was_quantized != collection.wants_quantization()
        ):
            self._begin_build(collection)
        return self.facts(name)

    def replace(self, name: str, by: str) -> None:
        """At once, `name` is what `by` was."""
        check_name(name)
        with self._lock:
            new = self._collection(by)
            old = self._collection(name) if name in self._folder.names else None
            if old is new:
                return
            with self._disk():
                self._folder.rename({name: new.uid, by: None})
            new.name = new.hosted.name = name
            if old is not None:
                self._open.pop(old.uid, None)
        if old is not None:
            self._forget(old)

    def _collection(self, name: str) -> _Collection:
        names = self._folder.names
        uid = names.get(name)
        if uid is None:
            raise CollectionMissing(name, sorted(names))
        if (collection := self._open.get(uid)) is not None:
            return collection
        with self._lock:
            if uid not in self._open:
                self._open[uid] = _Collection(name, uid, self._folder, self._supervisor)
            return self._open[uid]

    # Records

    def upsert(self, name: str, fingerprint: str, records: Sequence[Record]) -> None:
        """Store records, in pieces, in order."""
        collection = self._collection(name)
        check_fingerprint(name, collection.spec, fingerprint)
        dimension = collection.spec.dimension
        ready = [(record, *_vectors(record, dimension)) for record in records]
        with self._disk():
            collection.learn(records)
        for start in range(0, len(ready), UPSERT_POINTS):
            points, vectors = [], []
            for record, letters, own in ready[start : start + UPSERT_POINTS]:
                points.append(
                    {"id": str(point_id(record.item.id)), "p": record.payload, "v": letters}
                )
                vectors += own
            body = np.concatenate(vectors).tobytes() if vectors else b""
            self._call(name, "upsert", body, points=points)

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items; how many of them were there."""
        gone = 0
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 1024):
            gone += self._call(name, "delete", ids=points)[0]["deleted"]
        return gone

    def get(self, name: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """The records of those ids that are there."""
        what = "vectors" if vectors else "payload"
        found: dict[str, Record] = {}
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 256):
            header, body = self._call(name, "get", ids=points, what=what)
            found |= {r.item.id: r for r in self._records(name, header["rows"], body)}
        return {one: found[one] for one in ids if one in found}

    def digests(self, name: str, ids: Sequence[str]) -> dict[str, str | None]:
        """The digests of those ids that are there."""
        found: dict[str, str | None] = {}
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 1024):
            header, _ = self._call(name, "get", ids=points, what="digest")
            found |= {row[1]["id"]: row[1].get("digest") for row in header["rows"]}
        return found

    def scroll(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        after: str | None = None,
        limit: int = 256,
        vectors: bool = False,
    ) -> Page:
        """One page of all records, in a stable order."""
        header, body = self._call(
            name,
            "scroll",
            filter=self._where(name, filter),
            after=after,
            limit=limit,
            what="vectors" if vectors else "payload",
        )
        return Page(tuple(self._records(name, header["rows"], body)), header["next"])

    def scroll_digests(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        after: str | None = None,
        limit: int = 4096,
    ) -> DigestPage:
        """As `scroll`, but ids and digests only."""
        header, _ = self._call(
            name,
            "scroll",
            filter=self._where(name, filter),
            after=after,
            limit=limit,
            what="digest",
        )
        rows = tuple((row[1]["id"], row[1].get("digest")) for row in header["rows"])
        return DigestPage(rows, header["next"])

    def count(self, name: str, filter: Filter | None = None) -> int:  # noqa: A002
        """How many items there are, or how many pass the filter."""
        answer, _ = self._call(name, "count", filter=self._where(name, filter))
        return int(answer["count"])

    def _records(self, name: str, rows: list[list[Any]], body: bytes) -> Iterator[Record]:
        dimension = self._collection(name).spec.dimension
        numbers = np.frombuffer(body, dtype="<f4").reshape(-1, dimension)
        at = 0
        for _, payload, letters in rows:
            own: dict[str, Vector] = {}
            for letter in letters:
                own[letter] = numbers[at]
                at += 1
            yield Record(item_of(payload), own.get("i"), own.get("t"), digest=payload.get("digest"))

    # Finding

    def search(self, name: str, search: Search) -> list[Hit]:
        """The hits, best first."""
        collection = self._collection(name)
        plan = plan_search(
            name,
            collection.spec,
            collection.kinds,
            search,
            lambda ids: self.get(name, ids, vectors=True),
        )
        return self._run(name, collection.settings, plan)

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Items like those liked and unlike those disliked."""
        collection = self._collection(name)
        plan = plan_recommend(
            name, collection.kinds, recommend, lambda ids: self.get(name, ids, vectors=True)
        )
        return self._run(name, collection.settings, plan)

    def _run(self, name: str, settings: IndexSettings, plan: Plan) -> list[Hit]:
        header, body = wire_plan(plan, settings)
        answer, _ = self._call(name, "search", body, **header)
        return [Hit(payload["id"], score, item_of(payload)) for _, score, payload in answer["hits"]]

    def facet(
        self,
        name: str,
        attribute: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        limit: int = 10,
    ) -> list[FacetValue]:
        """The most frequent values, with exact counts."""
        collection = self._collection(name)
        check_facet(attribute, collection.kinds, collection.settings)
        try:
            answer, _ = self._call(
                name,
                "facet",
                path=path(attribute),
                filter=self._where(name, filter),
                limit=limit + TIES,
            )
        except RefusedError:
            collection.unindexed_fields = True
            raise FacetUnavailable(
                attribute,
                "its payload index comes with the next index build, which will begin soon",
            ) from None
        return ordered_facets(answer["values"])[:limit]

    def duplicates(
        self,
        name: str,
        *,
        threshold: float,
        target: VectorName = "image",
        filter: Filter | None = None,  # noqa: A002
        observer: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Pair]:
        """Every pair of items whose cosine is at least `threshold`."""
        where = self._where(name, filter)
        after: str | None = None
        looked_at = 0
        while True:
            answer, _ = self._call(
                name,
                "neighbours",
                using=target,
                threshold=threshold,
                filter=where,
                after=after,
                limit=DUPLICATE_POINTS,
                most=DUPLICATES_PER_ITEM,
            )
            yield from (Pair(first, second, score) for first, second, score in answer["pairs"])
            looked_at += DUPLICATE_POINTS
            observer(looked_at)
            after = answer["next"]
            if after is None:
                return

    def _where(self, name: str, filter: Filter | None) -> dict[str, Any] | None:  # noqa: A002
        return to_qdrant(typed_filter(filter, self._collection(name).kinds))

    def _call(
        self, name: str, op: str, body: bytes = b"", **header: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the collection's worker; again, if the name came to mean another collection meanwhile."""
        while True:
            collection = self._collection(name)
            try:
                return collection.hosted.call(op, body, **header)
            except StoreError:
                if self._closed or self._folder.names.get(name) == collection.uid:
                    raise

    # Index and files

    def build_index(self, name: str, *, wait: bool = False) -> IndexState:
        """Begin an index build now if it would change anything."""
        collection = self._collection(name)
        stats, _ = collection.hosted.call("stats")
        thread = self._builds.get(collection.uid)
        if thread is None and (stats["pending"] or collection.unindexed_fields):
            thread = self._begin_build(collection)
        if wait and thread is not None:
            thread.join()
            if thread.error is not None:
                raise thread.error
        stats, _ = collection.hosted.call("stats")
        return self._index_state(collection, stats)

    def _begin_build(self, collection: _Collection) -> "_Build":
        with self._lock:
            running = self._builds.get(collection.uid)
            if running is not None:
                return running
            build = _Build(collection, self._builds)
            self._builds[collection.uid] = build
        build.start()
        return build

    def _tick(self) -> None:
        """Begin the builds that are due; one at a time, for they take all cores that are idle.

        In the supervisor's thread, which must not wait for a lock: whoever has it may be waiting for a worker
        that only this thread can start.
        """
        if self._closed or self._builds or not self._lock.acquire(blocking=False):
            return
        try:
            for collection in list(self._open.values()):
                if self._due(collection):
                    self._begin_build(collection)
                    return
        finally:
            self._lock.release()

    def _due(self, collection: _Collection) -> bool:
        hosted = collection.hosted
        if not hosted.running:
            return False
        now = time.monotonic()
        if hosted.build.reason is not None and now - hosted.build.failed_at < RETRY_BUILD:
            return False
        if collection.unindexed_fields:
            return True
        first = collection.settings.index_from
        pending, indexed = hosted.stats["pending"], hosted.stats["indexed"]
        quiet = now - hosted.written_at > QUIET
        return pending >= (first if quiet else max(first, GROWTH * indexed))

    def flush(self, name: str | None = None) -> None:
        """Bring one collection, or all, to the disk."""
        for one in [name] if name is not None else self._folder.names:
            self._call(one, "flush")

    def snapshot(self, name: str, path: Path) -> int:
        """Write the collection to one file."""
        return snapshots.write(self, name, path)

    def restore(self, name: str, path: Path) -> CollectionFacts:
        """A new collection from a snapshot."""
        return snapshots.restore(self, name, path)

    def announce(self, url: str) -> None:
        """Tell whoever finds the folder in use where the service is."""
        self._folder.announce(url)

    def alive(self) -> bool:
        """Whether calls can be answered now: no worker ends again and again."""
        return not self._closed and not any(c.hosted.failing for c in list(self._open.values()))

    def close(self) -> None:
        """Flush, end the workers, and let go of the folder."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            collections = list(self._open.values())
        for collection in collections:
            collection.hosted.close()
        for build in list(self._builds.values()):
            build.join()
        self._supervisor.stop()
        self._folder.close()

    def __enter__(self) -> "EmbeddedStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _disk(self) -> "_DiskErrors":
        return _DiskErrors(self._folder.path)


class _Build(threading.Thread):
    """One index build, from begin to swap."""

    def __init__(self, collection: _Collection, builds: dict[str, "_Build"]) -> None:
        super().__init__(name=f"lookalike-build-{collection.name}", daemon=True)
        self._collection = collection
        self._builds = builds
        self.error: Exception | None = None

    def run(self) -> None:
        """Build, and say what became of it."""
        try:
            self._collection.unindexed_fields = False
            self._collection.hosted.renew()
        except Exception as error:  # kept for whoever waits, and as the index's state
            self.error = error
            if not self._collection.hosted.closed:
                logger.warning("index of collection %s: %s", self._collection.name, error)
        finally:
            self._builds.pop(self._collection.uid, None)


class _DiskErrors:
    """Turns ENOSPC from our own small files into StoreFull."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(str(self._path)) from error


def wire_plan(plan: Plan, settings: IndexSettings) -> tuple[dict[str, Any], bytes]:
    """A plan as the worker reads it."""
    vectors: list[Vector] = []
    lanes: list[dict[str, Any]] = []
    for lane in plan.lanes:
        said: dict[str, Any] = {"using": lane.using}
        if lane.words is not None:
            said["words"] = lane.words
        if lane.vector is not None:
            said["vector"] = len(vectors)
            vectors.append(lane.vector)
        lanes.append(said)
    header: dict[str, Any] = {
        "lanes": lanes,
        "offset": plan.offset,
        "limit": plan.limit,
        "filter": plan.filter,
        "fusion": plan.fusion,
        "diversity": plan.diversity,
        "threshold": plan.threshold,
        "exact": plan.exact,
        "ef": settings.ef,
        "oversampling": settings.oversampling,
    }
    if plan.positives:
        header["positives"] = len(plan.positives)
        vectors += [*plan.positives, *plan.negatives]
    return header, np.concatenate(vectors).astype("<f4").tobytes() if vectors else b""


def _vectors(record: Record, dimension: int) -> tuple[str, list[Vector]]:
    letters, vectors = "", []
    for letter, vector in (("i", record.image), ("t", record.text)):
        if vector is not None:
            letters += letter
            vectors.append(unit(vector, dimension, f"item {record.item.id!r}"))
    return letters, vectors
