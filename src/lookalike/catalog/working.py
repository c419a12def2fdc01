"""The work of an ingest done in this process: a pool of threads reads and decodes, one encodes."""

import threading

from lookalike.catalog.encoding import Encoder
from lookalike.catalog.ingest import Work, Written
from lookalike.catalog.overlap import Stages, overlap
from lookalike.catalog.preparing import (
    Changed,
    Known,
    Outcome,
    Preparer,
    cores,
    decoding_at_once,
    encode,
    held_by,
)
from lookalike.catalog.sources import Rejected


class LocalWorkers:
    """The threads of this process, around one model. `decoding`: shared by runs that go on at once."""

    def __init__(
        self, encoder: Encoder, decoding: threading.BoundedSemaphore | None = None
    ) -> None:
        self.model = encoder
        self._decoding = decoding or decoding_at_once()

    def run(self, work: Work) -> None:
        """See Workers."""
        encoder, options = self.model, work.options
        prepare_known = Preparer(
            encoder,
            work.reader,
            refetch=options.refetch,
            thumbnails=options.thumbnails,
            decoding=self._decoding,
        )

        def prepare(known: Known | Rejected) -> Outcome:
            return known if isinstance(known, Rejected) else prepare_known(known, work.stored)

        def encoded(batch: list[Changed]) -> Written:
            pictures = sum(one.pixels is not None for one in batch)
            return Written(encode(encoder, batch), batch, pictures)

        fetching = max(16, cores())
        overlap(
            work.entries,
            Stages(prepare, work.take, encoded, work.write, held_by),
            stop=work.stop,
            batch=options.batch,
            workers=options.workers or (fetching if work.reader.fetches else cores()),
            ahead=max(2 * options.batch, fetching),
            ahead_bytes=options.held_bytes * 2 // 3,
        )
