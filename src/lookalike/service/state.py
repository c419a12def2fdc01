"""The service's parts, and how they come up and go down."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.fetch import Fetcher, FetchLimits
from lookalike.catalog.maps.maps import Maps
from lookalike.encoder import Encoder
from lookalike.encoder.batcher import Batcher
from lookalike.encoder.queues import BatchLimits
from lookalike.errors import LookalikeError, NotReady, RequestInvalid
from lookalike.service.calls import Threads
from lookalike.service.encoding import BatchedEncoder
from lookalike.service.last_errors import LastErrors
from lookalike.service.limits import Load
from lookalike.service.metrics import Metrics
from lookalike.service.tracing import make_tracer
from lookalike.settings import Settings

log = logging.getLogger(__name__)

Status = Literal["loading", "ready", "failed", "stopping"]
LoadEncoder = Callable[[Settings], Encoder]

STORE_THREADS, STORE_WAITING = 8, 256
INGEST_THREADS, INGEST_WAITING = 4, 12
JOB_THREADS, JOB_WAITING = 2, 6
FETCH_THREADS, FETCH_WAITING = 16, 256


def load_encoder(settings: Settings) -> Encoder:
    """The encoder that the settings name."""
    return Encoder.load(settings=settings)


class Service:
    """Everything that routes use. Made before the server listens; loads in the background."""

    def __init__(self, settings: Settings, load: LoadEncoder = load_encoder) -> None:
        self.settings, self._load = settings, load
        self.status: Status = "loading"
        self.reason = "the model is being loaded"
        self.url: str | None = None
        """Where this service is reached, once it listens."""
        self.load = Load()
        self.metrics = Metrics(self.load)
        self.errors = LastErrors()
        self.maps = Maps()
        self.tracer = make_tracer(settings.traces)
        self.store_calls = Threads("store", STORE_THREADS, STORE_WAITING)
        self.ingest_calls = Threads("ingest", INGEST_THREADS, INGEST_WAITING)
        self.job_calls = Threads("jobs", JOB_THREADS, JOB_WAITING)
        self.fetch_calls = Threads("fetch", FETCH_THREADS, FETCH_WAITING)
        self.fetcher = (
            Fetcher(FetchLimits(max_bytes=settings.max_image_bytes))
            if settings.fetch_urls
            else None
        )
        self.stopping = threading.Event()
        self._encoder: Encoder | None = None
        self._batcher: Batcher | None = None
        self._catalog: Catalog | None = None
        self._catalog_error: LookalikeError | None = None
        self._loader: threading.Thread | None = None
        self.metrics.watch(lambda: self.ready, None, None)

    # What routes ask for

    @property
    def ready(self) -> bool:
        """Whether everything answers."""
        return self.status == "ready" and self._batcher is not None and self._batcher.health().alive

    @property
    def batcher(self) -> Batcher:
        """The model's queue. Raises NotReady."""
        if self._batcher is None or self._encoder is None or self.status == "loading":
            raise NotReady(self.status, self.reason)
        return self._batcher

    @property
    def encoder(self) -> Encoder:
        """The model. Raises NotReady."""
        if self._encoder is None:
            raise NotReady(self.status, self.reason)
        return self._encoder

    @property
    def catalog(self) -> Catalog:
        """The collections. Raises NotReady, and what went wrong when they were opened."""
        if not self.settings.catalogue:
            raise RequestInvalid("this service has no collections (LOOKALIKE_CATALOGUE)")
        if self._catalog_error is not None:
            raise self._catalog_error
        if self._catalog is None:
            raise NotReady(self.status, self.reason)
        return self._catalog

    def worker_trouble(self) -> str | None:
        """What is wrong with a worker, if anything is."""
        return None if self._batcher is None else self._batcher.health().reason

    def replaced(self) -> dict[str, int]:
        """How many workers were replaced, and how many of them hung and were left behind; nothing if none."""
        if self._batcher is None:
            return {}
        health = self._batcher.health()
        counts = {"restarts": health.restarts, "hung": health.hung}
        return {name: count for name, count in counts.items() if count}

    @property
    def model_name(self) -> str:
        """What is served, or is to be."""
        return self.settings.model_name if self._encoder is None else self._encoder.info.model

    def names(self) -> tuple[str, ...]:
        """What clients may call the model."""
        served = self.encoder.info.model
        short = served.partition("/")[0] if not served.startswith("hf:") else served[3:]
        aliases = (name.strip() for name in self.settings.model_aliases.split(","))
        return tuple(
            dict.fromkeys(n for n in (served, short, self.settings.model_name, *aliases) if n)
        )

    # Life

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._loader = threading.Thread(target=self._come_up, name="load", daemon=True)
        self._loader.start()

    def _come_up(self) -> None:
        began = time.monotonic()
        try:
            self._open_catalog()
            encoder = self._load(self.settings)
            limits = BatchLimits(
                batch_size=self.settings.batch_size,
                queue_items=self.settings.queue_items,
                queue_bytes=self.settings.queue_bytes,
                decoders=encoder.info.threads,
                text_cache=self.settings.text_cache,
                stall_seconds=self.settings.stall_seconds,
            )
            batcher = Batcher(encoder, limits, self.metrics)
            batcher.warm_up()
            self._encoder, self._batcher = encoder, batcher
        except Exception as error:
            self._failed(error)
            return
        finally:
            self.metrics.watch(
                lambda: self.ready, self._encoder.info if self._encoder else None, self._batcher
            )
        if self._catalog_error is not None:
            self._failed(self._catalog_error)
            return
        if not self.stopping.is_set():
            self.status, self.reason = "ready", ""
        facts = {"model": encoder.info.model, "seconds": round(time.monotonic() - began, 2)}
        log.info("ready", extra={"facts": facts})

    def _failed(self, error: Exception) -> None:
        self.reason = str(error) if isinstance(error, LookalikeError) else type(error).__name__
        log.error("not ready: %s", self.reason, exc_info=error)
        self.status = "failed"

    def _open_catalog(self) -> None:
        if not self.settings.catalogue:
            return
        try:
            self._catalog = Catalog.open(self.settings, self._catalogue_encoder)
            if self.url is not None:
                self._catalog.store.announce(self.url)
        except LookalikeError as error:  # embedding works without; readiness says what is missing
            self._catalog_error = error

    def _catalogue_encoder(self) -> Any:
        return BatchedEncoder(self.encoder, self.batcher)

    def stop(self, grace: float) -> None:
        """Finish what was accepted, and flush the store."""
        self.status, self.reason = "stopping", "the service is stopping"
        self.stopping.set()
        if self._loader is not None:
            self._loader.join(timeout=grace)
        if self._batcher is not None and not self._batcher.stop(grace):
            log.warning("stopped before all was done")
        for threads in (self.store_calls, self.ingest_calls, self.job_calls, self.fetch_calls):
            threads.close()
        self.maps.close()
        if self._catalog is not None:
            self._catalog.close()
        if self._encoder is not None:
            self._encoder.close()
        self.tracer.close()
        log.info("stopped")
