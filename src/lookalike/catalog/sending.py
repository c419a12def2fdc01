"""One run of ingest through a running service."""

import base64
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from lookalike.catalog import wire
from lookalike.catalog.ingest import Done, IngestOptions, IngestSummary, Observer, Tally
from lookalike.catalog.pictures import PictureReader, UrlPicture
from lookalike.catalog.reports import FailureReport
from lookalike.catalog.seen import Met
from lookalike.catalog.sources import Entry, Rejected, Source
from lookalike.errors import DuplicateId, ItemRefused, LookalikeError, ServiceRefused

SEND = 16
"""Items of one request: the service's batch."""

SEND_BYTES = 16 * 2**20
"""Fewer, where their pictures are large."""


class Receiver(Protocol):
    """What is sent to."""

    def send(self, name: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What became of each of these items."""
        ...

    def ids(self, name: str) -> Iterator[list[str]]:
        """All ids, a page at a time."""
        ...

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items; how many were there."""
        ...


class Sending:
    """Reads the sources, sends what they have, and tells what became of it."""

    def __init__(
        self,
        catalog: Receiver,
        name: str,
        reader: PictureReader,
        report: FailureReport,
        options: IngestOptions,
        allow_urls: bool,
        observer: Observer,
        on_done: Callable[[Done], None],
        stop: threading.Event | None,
    ) -> None:
        self._catalog, self._name, self._reader = catalog, name, reader
        self._report, self._options, self._allow_urls = report, options, allow_urls
        self._observer, self._on_done = observer, on_done
        self._stop = stop or threading.Event()
        self._met = Met()
        self._tally = Tally()

    def run(self, sources: Sequence[Source]) -> IngestSummary:
        """Send it all."""
        began = time.monotonic()
        totals = [source.total() for source in sources]
        known = [total for total in totals if total is not None]
        self._tally = Tally(total=sum(known) if len(known) == len(totals) else None)
        batch: list[tuple[Entry, dict[str, Any]]] = []
        held = 0
        for entry in (one for source in sources for one in source):
            if self._stop.is_set():
                break
            if (ready := self._item(entry)) is not None:
                batch.append(ready)
                held += len(ready[1].get("image") or "")
                if len(batch) == SEND or held > SEND_BYTES:
                    self._send(batch)
                    batch, held = [], 0
        if batch:
            self._send(batch)
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

    def _item(self, entry: Entry | Rejected) -> tuple[Entry, dict[str, Any]] | None:
        """The item as it is sent; None where there is nothing to send."""
        if isinstance(entry, Rejected):
            self._met.reject(entry.id)
            self._reject(entry.where, entry.id, entry.error)
            return None
        item = entry.item
        if self._met.add([item.id])[0]:
            self._reject(entry.where, item.id, DuplicateId(item.id))
            return None
        body = wire.item_json(item)
        if entry.picture is None:
            return entry, body
        if isinstance(entry.picture, UrlPicture) and self._allow_urls:
            return entry, {**body, "image": entry.picture.url}
        try:
            data = self._reader.read(entry.picture)
        except LookalikeError as error:
            self._reject(entry.where, item.id, error)
            return None
        return entry, {**body, "image": "data:;base64," + base64.b64encode(data).decode()}

    def _send(self, batch: list[tuple[Entry, dict[str, Any]]]) -> None:
        results = self._catalog.send(self._name, [item for _, item in batch])
        for (entry, _), result in zip(batch, results, strict=True):
            status = result["status"]
            if status == "failed":
                error = result.get("error") or {}
                self._reject(
                    entry.where,
                    entry.item.id,
                    ItemRefused(entry.item.id, str(error.get("code")), str(error.get("detail"))),
                )
                continue
            self._tally = replace(self._tally, **{status: getattr(self._tally, status) + 1})
            self._on_done(Done(entry.where, entry.item.id, status))
        self._observer(self._tally)

    def _reject(self, where: str, id: str | None, error: LookalikeError) -> None:  # noqa: A002
        self._report.add(where, id, error)
        self._tally = replace(self._tally, failed=self._tally.failed + 1)
        self._on_done(Done(where, id, "failed", error))

    def _prune(self) -> str | None:
        if why_not := self._met.why_not_prune(self._name):
            return why_not
        try:
            self._remove_unseen()
        except ServiceRefused as error:
            return str(error)
        return None

    def _remove_unseen(self) -> None:
        for ids in self._catalog.ids(self._name):
            removed = self._catalog.delete(self._name, self._met.gone(ids))
            self._tally = replace(self._tally, pruned=self._tally.pruned + removed)
