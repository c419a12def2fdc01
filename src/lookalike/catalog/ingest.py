"""Taking a source into a collection: what is new or changed, and nothing else.

The run reads the sources, asks the store what it has, stores, counts and reports. Between the two, workers
prepare and encode: the threads of this process (`working`), or processes of a cluster (`bulk`).
A record is acknowledged when the store has it, so a run can be stopped or killed at any moment: the next one
sees by the stored digests what is done. Held in memory are the batches under way, and eight bytes per id.
"""

import errno
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from lookalike.catalog.digests import Digest
from lookalike.catalog.encoding import Model
from lookalike.catalog.items import Record
from lookalike.catalog.pictures import PictureReader
from lookalike.catalog.preparing import Changed, Known, Outcome, Stored, Unchanged, pieces
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.seen import Met
from lookalike.catalog.sources import Entry, Rejected, Source
from lookalike.catalog.store import VectorStore
from lookalike.catalog.thumbnails import Thumbnails
from lookalike.errors import (
    DuplicateId,
    FingerprintMismatch,
    ItemInvalid,
    LookalikeError,
    StoreFull,
    StoreUnavailable,
    VectorInvalid,
)

CHUNK = 128
"""Entries whose digests are asked for at once."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a source is taken in."""

    prune: bool = False
    """Afterwards, remove what the source doesn't have."""
    refetch: bool = False
    """Fetch pictures by URL again to see whether they have changed; else the same URL is the same picture."""
    thumbnails: bool = True
    batch: int = 16
    """Items encoded at once: more gains nothing on a CPU."""
    workers: int = 0
    """Threads that read and decode; 0: as many as this process may use cores, and 16 where URLs are fetched."""
    held_bytes: int = 96 * 2**20
    """Of pictures that entries bring along and that wait: a third for their digests, the rest to be decoded."""
    patience: float = 10.0
    """Seconds to wait for a store that went away before giving up."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a run is. Every entry of the source is counted once, when it is done."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    pruned: int = 0
    total: int | None = None
    """Of the source, where it could tell; an estimate."""
    encoded: int = 0
    """Pictures that went through the model."""

    @property
    def done(self) -> int:
        """Entries done, one way or the other."""
        return self.added + self.updated + self.unchanged + self.failed


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """How a run ended."""

    collection: str
    tally: Tally
    seconds: float
    report: Path | None
    """The file that names the failures; None without any."""
    stopped: bool
    """Whether it was asked to stop before the end. Another run goes on from there."""
    not_pruned: str | None = None
    """Why nothing was removed though that was asked for."""

    @property
    def complete(self) -> bool:
        """Whether everything is in, and nothing failed."""
        return not (self.stopped or self.tally.failed or self.not_pruned)


Observer = Callable[[Tally], None]
"""Told of every change, from several threads, one at a time. Must be quick."""

Status = Literal["added", "updated", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one entry."""

    where: str
    id: str | None
    status: Status
    error: LookalikeError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What a batch comes to: records, which of them are new, and their thumbnails."""

    records: list[Record]
    changed: list[Changed]
    pictures: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A run, as those see it who prepare and encode. Every entry ends in `take` or in `write`."""

    entries: Iterable[Known | Rejected]
    """Read by one thread, no further ahead than needed."""
    stored: Stored
    reader: PictureReader
    options: IngestOptions
    take: Callable[[Outcome], Changed | None]
    """Counts what needs no store; gives back what is still to be encoded. For one thread."""
    write: Callable[[Written], None]
    """Stores a batch. For one thread, which may be another."""
    stop: threading.Event
    """When it is set, no more entries are read, and what is under way is still stored."""


class Workers(Protocol):
    """Those who prepare and encode, here or elsewhere."""

    @property
    def model(self) -> Model:
        """What they encode with. Raises ModelError, ClusterError."""
        ...

    def run(self, work: Work) -> None:
        """Do it all, in memory that doesn't grow with the source. Raises what `work` raises, InferenceFailed,
        TowerNotLoaded.
        """
        ...


class Ingest:
    """One run over one or more sources into one collection."""

    def __init__(
        self,
        store: VectorStore,
        collection: str,
        workers: Workers,
        reader: PictureReader,
        thumbnails: Thumbnails | None,
        report: FailureReport,
        *,
        options: IngestOptions = IngestOptions(),
        observer: Observer = lambda _: None,
        on_done: Callable[[Done], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._store, self._name, self._workers = store, collection, workers
        self._reader, self._report, self._options = reader, report, options
        self._thumbnails = thumbnails if options.thumbnails else None
        self._observer, self._on_done = observer, on_done
        self._stop = stop or threading.Event()
        self._met = Met()
        self._tally = Tally()
        self._lock = threading.Lock()
        self._fingerprint = workers.model.fingerprint

    def run(self, sources: Sequence[Source]) -> IngestSummary:
        """Take it all in. One bad entry never ends it.

        Raises SourceInvalid, FingerprintMismatch, StoreError; what was acknowledged before stays, and another
        run goes on from there. PruneRefused where the source is empty.
        """
        began = time.monotonic()
        stored = self._store.facts(self._name)
        if stored.fingerprint != self._fingerprint:
            raise FingerprintMismatch(
                self._name, stored.model, stored.fingerprint, self._fingerprint
            )
        if self._thumbnails:
            self._thumbnails.sweep(self._name)
        totals = [source.total() for source in sources]
        self._count(total=sum(t for t in totals if t is not None) if None not in totals else None)
        self._workers.run(
            Work(
                entries=self._known(entry for source in sources for entry in source),
                stored=self,
                reader=self._reader,
                options=self._options,
                take=self._take,
                write=self._write,
                stop=self._stop,
            )
        )
        stopped = self._stop.is_set()
        not_pruned = self._prune() if self._options.prune and not stopped else None
        return IngestSummary(
            collection=self._name,
            tally=self._tally,
            seconds=time.monotonic() - began,
            report=self._report.path if self._report.count else None,
            stopped=stopped,
            not_pruned=not_pruned,
        )

    # Reading

    def _known(self, entries: Iterable[Entry | Rejected]) -> Iterator[Known | Rejected]:
        """Entries with what the store knows of them, looked up a chunk at a time; later ones of an id that
        was there before are rejected.
        """
        for chunk in pieces(entries, CHUNK, self._options.held_bytes // 3):
            if self._stop.is_set():
                return
            ids = [one.item.id for one in chunk if isinstance(one, Entry)]
            twice = iter(self._met.add(ids))
            stored = self._patiently(lambda: self._store.digests(self._name, ids))  # noqa: B023 (called at once)
            for one in chunk:
                if isinstance(one, Rejected):
                    self._met.reject(one.id)
                    yield one
                elif next(twice):
                    yield Rejected(one.where, one.item.id, DuplicateId(one.item.id))
                else:
                    digest = Digest.parse(stored.get(one.item.id))
                    yield Known(one, one.item.id in stored, digest)

    # What is stored: asked by several threads

    def lacks_thumbnail(self, entry: Entry) -> bool:
        """See Stored."""
        if self._thumbnails is None or entry.picture is None:
            return False
        return not self._thumbnails.has(self._name, entry.item.id)

    def record(self, id: str) -> Record | None:  # noqa: A002 (the item's own word)
        """See Stored."""
        return self._patiently(lambda: self._store.get(self._name, [id], vectors=True)).get(id)

    # Taking and writing: by one thread each

    def _take(self, outcome: Outcome) -> Changed | None:
        match outcome:
            case Unchanged(entry):
                self._count(unchanged=1)
                self._on_done(Done(entry.where, entry.item.id, "unchanged"))
            case Rejected(where, known, error):
                self._reject(where, known, error)
            case _:
                return outcome
        return None

    def _write(self, written: Written) -> None:
        self._write_thumbnails(written)
        self._upsert(written.records, written.changed)
        self._count(encoded=written.pictures)

    def _write_thumbnails(self, written: Written) -> None:
        if self._thumbnails is None:
            return
        for one in written.changed:
            if one.thumbnail is not None:
                try:
                    self._thumbnails.put(self._name, one.entry.item.id, one.thumbnail)
                except OSError as error:
                    if error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise StoreFull(str(self._thumbnails.folder)) from error
                    raise

    def _upsert(self, records: list[Record], changed: list[Changed]) -> None:
        try:
            self._patiently(lambda: self._store.upsert(self._name, self._fingerprint, records))
        except (VectorInvalid, ItemInvalid) as error:
            if len(records) > 1:  # nothing is stored yet: find the bad one
                for record, one in zip(records, changed, strict=True):
                    self._upsert([record], [one])
                return
            self._reject(changed[0].entry.where, records[0].item.id, error)
            return
        there = sum(one.there for one in changed)
        self._count(added=len(changed) - there, updated=there)
        for one in changed:
            status: Status = "updated" if one.there else "added"
            self._on_done(Done(one.entry.where, one.entry.item.id, status))

    # After it all

    def _prune(self) -> str | None:
        """Remove what no source has. Returns why not, where that would not be safe."""
        if why_not := self._met.why_not_prune(self._name):
            return why_not
        after: str | None = None
        while not self._stop.is_set():
            at = after
            page = self._patiently(lambda: self._store.scroll_digests(self._name, after=at))  # noqa: B023
            gone = self._met.gone([one for one, _ in page.digests])
            if gone:
                self._patiently(lambda: self._store.delete(self._name, gone))  # noqa: B023
                if self._thumbnails:
                    self._thumbnails.remove(self._name, gone)
                self._count(pruned=len(gone))
            after = page.next
            if after is None:
                return None
        return "it was stopped before"

    def _reject(self, where: str, known: str | None, error: LookalikeError) -> None:
        self._report.add(where, known, error)
        self._count(failed=1)
        self._on_done(Done(where, known, "failed", error))

    def _count(
        self,
        *,
        added: int = 0,
        updated: int = 0,
        unchanged: int = 0,
        failed: int = 0,
        pruned: int = 0,
        encoded: int = 0,
        total: int | None = None,
    ) -> None:
        with self._lock:
            before = self._tally
            self._tally = Tally(
                before.added + added,
                before.updated + updated,
                before.unchanged + unchanged,
                before.failed + failed,
                before.pruned + pruned,
                total if total is not None else before.total,
                before.encoded + encoded,
            )
            self._observer(self._tally)

    def _patiently(self, call: Callable[[], Result]) -> Result:
        """The call's result, asked for again while the store is away, as long as `patience`. Calls that write
        can be repeated without harm.
        """
        until = time.monotonic() + self._options.patience
        pause = 0.1
        while True:
            try:
                return call()
            except StoreUnavailable:
                if time.monotonic() + pause > until or self._stop.wait(pause):
                    raise
                pause = min(2 * pause, 2.0)
