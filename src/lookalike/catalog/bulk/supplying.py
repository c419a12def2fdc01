"""The workers of a cluster as ingest sees them.

Paths are tried on the worker's own machine first: where the pictures are on shared storage they never pass
through here. A file that isn't there is read here and sent: no catalogue depends on what is shared, only
its speed.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookalike.catalog.bulk.cluster import Cluster, connected
from lookalike.catalog.bulk.crew import Crew
from lookalike.catalog.bulk.messages import Asked, Lacking, Made, Orders, Refused, Same
from lookalike.catalog.bulk.planning import plan
from lookalike.catalog.encoding import Model
from lookalike.catalog.ingest import Work, Written
from lookalike.catalog.items import Record
from lookalike.catalog.overlap import Stages, overlap
from lookalike.catalog.pictures import BytesPicture
from lookalike.catalog.preparing import Changed, Known, Unchanged, held_by, pieces
from lookalike.catalog.sources import Rejected
from lookalike.encoder.cores import inference_threads
from lookalike.errors import CatalogueError, ImageError, StoreError
from lookalike.settings import Settings

PARCEL = 16
"""Entries that are sent at once: a batch. Sending one takes a few milliseconds, while others are encoded."""

PARCEL_BYTES = 4 * 2**20
"""Fewer, where they hold their pictures."""

SENT = (
    "model_name",
    "model_device",
    "precision",
    "image_mode",
    "max_image_pixels",
    "max_image_bytes",
    "min_image_side",
)
"""Settings that decide about vectors and refusals: all workers get ours. Others are their machine's own."""

Parcel = list[Known | Rejected]


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """An entry with its vectors."""

    changed: Changed
    record: Record
    encoded: bool


Result = Ready | Unchanged | Rejected


class RayWorkers:
    """Workers of `lookalike.catalog.ingest`, on a cluster."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._lock = threading.Lock()
        self.supplied = 0
        """Pictures that were read here and sent, because a worker didn't have the file."""

    @property
    def model(self) -> Model:
        """The workers'; none is loaded here. Raises WorkerUnfit, WorkersDiffer."""
        return self._crew.model

    def run(self, work: Work) -> None:
        """See Workers. Raises ClusterError too."""
        slots = self._crew.slots
        orders = Orders(
            batch=work.options.batch,
            refetch=work.options.refetch,
            thumbnails=work.options.thumbnails,
            allow_urls=work.reader.fetches,
            inside=work.reader.inside,
        )

        def take(results: list[Result]) -> Written | None:
            ready = [one for one in results if isinstance(one, Ready)]
            for one in results:
                if not isinstance(one, Ready):
                    work.take(one)
            return _written(ready) if ready else None

        overlap(
            pieces(work.entries, PARCEL, PARCEL_BYTES),
            Stages(
                lambda parcel: self._done(parcel, orders, work),
                take,
                lambda group: group[0],
                work.write,
                lambda parcel: sum(map(held_by, parcel)),
            ),
            stop=work.stop,
            batch=1,
            workers=slots,
            # results are taken in order: a slow parcel must not hold up the rest
            ahead=2 * slots,
            ahead_bytes=slots * PARCEL_BYTES,
        )

    def _done(self, parcel: Parcel, orders: Orders, work: Work) -> list[Result]:
        """What became of each, in order. Asks again with what workers lacked."""
        results: dict[int, Result] = {}
        asked: dict[int, Asked] = {}
        for place, one in enumerate(parcel):
            if isinstance(one, Rejected):
                results[place] = one
            else:
                asked[place] = Asked(one, work.stored.lacks_thumbnail(one.entry))
        while asked:
            answers = self._crew.work(orders, list(asked.values()), work.stop)
            again: dict[int, Asked] = {}
            for (place, question), answer in zip(asked.items(), answers, strict=True):
                entry = question.known.entry
                match answer:
                    case Lacking():
                        supplied = self._supplied(question, answer, work)
                        if isinstance(supplied, Rejected):
                            results[place] = supplied
                        else:
                            again[place] = supplied
                    case Made():
                        results[place] = _ready(question.known, answer)
                    case Same():
                        results[place] = Unchanged(entry)
                    case Refused(error):
                        results[place] = Rejected(entry.where, entry.item.id, error)
            asked = again
        return [results[place] for place in range(len(parcel))]

    def _supplied(self, asked: Asked, lacking: Lacking, work: Work) -> Asked | Rejected:
        known = asked.known
        entry = known.entry
        if lacking.what == "record":
            return replace(asked, looked_up=True, record=work.stored.record(entry.item.id))
        assert entry.picture is not None, "it was said to be lacking"
        try:
            data = work.reader.read(entry.picture)
        except StoreError:
            raise
        except (ImageError, CatalogueError) as error:
            return Rejected(entry.where, entry.item.id, error)
        with self._lock:
            self.supplied += 1
        return replace(
            asked, known=replace(known, entry=replace(entry, picture=BytesPicture(data)))
        )


@contextmanager
def ray_workers(
    settings: Settings, *, workers: int = 0, address: str | None = None
) -> Iterator[RayWorkers]:
    """Workers on a Ray cluster, or on this machine where there is none; see `connected` for the address. They
    are started at once and load their model while others go on.

    `workers`: 0 fills the cluster. Raises ExtraMissing, SettingInvalid, ClusterUnreachable.
    """
    # on a Ray of our own, as many as were asked for must fit
    here = max(inference_threads(), max(1, workers) * max(1, settings.threads))
    with connected(address, here) as cluster:
        crew = crew_of(cluster, settings, workers)
        try:
            yield RayWorkers(crew)
        finally:
            crew.close()


def crew_of(cluster: Cluster, settings: Settings, workers: int) -> Crew:
    """The workers that a cluster is to have: with `cuda` each has a GPU, and else none."""
    each = 1 if settings.model_device == "cuda" else 0
    planned = plan(cluster.cores(), workers or each * cluster.gpus(), settings.threads)
    sent = sent_settings(settings) | {"threads": planned.threads}
    return Crew(lambda: cluster.hire(sent, planned.threads, each), planned.workers)


def sent_settings(settings: Settings) -> dict[str, Any]:
    """What workers are told. A bundle's folder is named from the root: they have other working folders."""
    sent = {name: getattr(settings, name) for name in SENT}
    folder = Path(settings.model_name)
    return sent | ({"model_name": str(folder.resolve())} if folder.is_dir() else {})


def _ready(known: Known, made: Made) -> Ready:
    entry = replace(known.entry, picture=None)  # not held until it is stored
    changed = Changed(entry, known.there, made.digest, thumbnail=made.thumbnail)
    record = Record(known.entry.item, image=made.image, text=made.text, digest=str(made.digest))
    return Ready(changed, record, made.encoded)


def _written(ready: Sequence[Ready]) -> Written:
    return Written(
        [one.record for one in ready],
        [one.changed for one in ready],
        sum(one.encoded for one in ready),
    )
