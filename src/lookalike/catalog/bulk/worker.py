"""What runs on a machine of the cluster: one model, and threads that read and decode for it.

Two parcels may be under way at once: while one is encoded, the other is read and decoded.
"""

import os
import platform
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lookalike
from lookalike.catalog.bulk.messages import (
    Answer,
    Asked,
    Greeting,
    Lacking,
    Made,
    Orders,
    Refused,
    Same,
    Unfit,
)
from lookalike.catalog.encoding import Encoder
from lookalike.catalog.fetch import Fetcher, FetchLimits
from lookalike.catalog.items import Record
from lookalike.catalog.pictures import FilePicture, PictureReader
from lookalike.catalog.preparing import Changed, Outcome, Preparer, Unchanged, encode
from lookalike.catalog.sources import Entry, Rejected
from lookalike.errors import LookalikeError, PictureUnavailable
from lookalike.settings import load_settings

FETCHING = 16
"""Threads where pictures come from the network, at least."""


class Worker:
    """Does parcels, one after the other and two at a time. `settings` go before those of the machine's own
    environment, which says where models are cached; they name the threads too.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = load_settings().model_copy(update=dict(settings))
        self._encoding = threading.Lock()
        self._making = threading.Lock()
        self._encoder: Encoder | None = None
        self._tools: dict[Orders, tuple[Preparer, ThreadPoolExecutor]] = {}

    def greet(self) -> Greeting | Unfit:
        """Load the model, and say which it is. A file or model that isn't there is no fault of Ray's, so it is
        said, not raised.
        """
        node = platform.node()
        try:
            model = self._model()
        except (LookalikeError, OSError) as error:
            told = error if isinstance(error, LookalikeError) else LookalikeError(str(error))
            return Unfit(node, told)
        return Greeting(node, os.getpid(), lookalike.__version__, model.card, model.fingerprint)

    def work(self, orders: Orders, parcel: Sequence[Asked]) -> list[Answer]:
        """An answer to each, in order. Raises TowerNotLoaded, InferenceFailed."""
        prepare, threads = self._tools_for(orders)
        answers = list(threads.map(lambda one: _prepared(prepare, one), parcel))
        changed = [place for place, one in enumerate(answers) if isinstance(one, Changed)]
        for start in range(0, len(changed), orders.batch):
            places = changed[start : start + orders.batch]
            batch = [one for place in places if isinstance(one := answers[place], Changed)]
            with self._encoding:
                records = encode(self._model(), batch)
            for place, one, record in zip(places, batch, records, strict=True):
                answers[place] = Made(
                    one.digest, record.image, record.text, one.thumbnail, one.pixels is not None
                )
        return [one for one in answers if not isinstance(one, Changed)]

    def _model(self) -> Encoder:
        with self._making:
            if self._encoder is None:
                from lookalike.encoder.encoder import Encoder, TextCutWarning

                # the start of a long description is what counts, and BM25 has the whole
                warnings.filterwarnings("ignore", category=TextCutWarning)
                self._encoder = Encoder.load(settings=self._settings)
            return self._encoder

    def _tools_for(self, orders: Orders) -> tuple[Preparer, ThreadPoolExecutor]:
        model = self._model()
        with self._making:
            if orders not in self._tools:
                limit, threads = self._settings.max_image_bytes, max(1, self._settings.threads)
                fetcher = Fetcher(FetchLimits(max_bytes=limit)) if orders.allow_urls else None
                preparer = Preparer(
                    model,
                    PictureReader(limit, fetcher, orders.inside),
                    refetch=orders.refetch,
                    thumbnails=orders.thumbnails,
                    decoding=threading.BoundedSemaphore(threads + 1),
                )
                pool = ThreadPoolExecutor(max(threads, FETCHING if orders.allow_urls else 1))
                self._tools[orders] = preparer, pool
            return self._tools[orders]


class _NotLookedUpError(Exception):
    """The record is needed, and was not sent along."""


class _Told:
    """What is stored, as far as the parcel says."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def lacks_thumbnail(self, entry: Entry) -> bool:  # noqa: ARG002 (there is but one)
        return self._asked.lacks_thumbnail

    def record(self, id: str) -> Record | None:  # noqa: A002, ARG002
        if not self._asked.looked_up:
            raise _NotLookedUpError
        return self._asked.record


def _prepared(prepare: Preparer, asked: Asked) -> Answer | Changed:
    try:
        outcome: Outcome = prepare(asked.known, _Told(asked))
    except _NotLookedUpError:
        return Lacking("record")
    match outcome:
        case Unchanged():
            return Same()
        case Rejected(_, _, PictureUnavailable()) if isinstance(
            asked.known.entry.picture, FilePicture
        ):
            return Lacking("picture")
        case Rejected(_, _, error):
            return Refused(error)
    return outcome
