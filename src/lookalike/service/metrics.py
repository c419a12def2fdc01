"""What Prometheus reads. Every name and label is here; docs/service.md lists them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from lookalike.encoder import EncoderInfo
from lookalike.encoder.batcher import Batcher
from lookalike.encoder.queues import Observer
from lookalike.encoder.tickets import Reason
from lookalike.models.cards import TowerName
from lookalike.service.limits import Load

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Observer):
    """The counters of one service. It is what the batcher reports to."""

    def __init__(self, load: Load) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(f"lookalike_{name}", help_, labels, registry=self.registry)

        def histogram(name: str, help_: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(
                f"lookalike_{name}", help_, labels, registry=self.registry, buckets=buckets
            )

        self._requests = counter("requests", "Requests answered.", "route", "method", "status")
        self._request = histogram(
            "request_seconds", "From the request's first byte to the answer's last.", "route",
            buckets=_SECONDS,
        )  # fmt: skip
        self._queue = histogram(
            "queue_seconds",
            "What a picture or text waited for the worker.",
            "tower",
            buckets=_SECONDS,
        )
        self._decode = histogram(
            "decode_seconds", "Decoding a picture, or tokenizing a request's texts.", "tower",
            buckets=_SECONDS,
        )  # fmt: skip
        self._inference = histogram(
            "inference_seconds", "One batch through a tower.", "tower", buckets=_SECONDS
        )
        self._batch = histogram(
            "batch_size", "Pictures or texts of one batch.", "tower", buckets=_SIZES
        )
        self._search = histogram(
            "search_seconds", "A call to the store to find items.", buckets=_SECONDS
        )
        self._dropped = counter(
            "dropped", "Pictures and texts dropped before inference.", "tower", "reason"
        )
        self._rejected = counter(
            "rejected", "Pictures and texts refused for want of room.", "tower"
        )
        self._cache = counter("text_cache", "Texts looked up in the cache of vectors.", "result")
        self._failures = counter(
            "worker_failures", "Workers that failed.", "tower", "restarted", "hung"
        )
        self._state = _State(load)
        self.registry.register(self._state)

    def watch(
        self, ready: Callable[[], bool], info: EncoderInfo | None, batcher: Batcher | None
    ) -> None:
        """What is to be asked at every scrape."""
        self._state.ready, self._state.info, self._state.batcher = ready, info, batcher

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._request.labels(route).observe(seconds)

    def searched(self, seconds: float) -> None:
        """The store was asked."""
        self._search.observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    # As the batcher's observer

    def decoded(self, tower: TowerName, seconds: float) -> None:
        self._decode.labels(tower).observe(seconds)

    def waited(self, tower: TowerName, seconds: float) -> None:
        self._queue.labels(tower).observe(seconds)

    def batch(self, tower: TowerName, size: int, seconds: float) -> None:
        self._batch.labels(tower).observe(size)
        self._inference.labels(tower).observe(seconds)

    def dropped(self, tower: TowerName, reason: Reason, count: int) -> None:
        self._dropped.labels(tower, reason).inc(count)

    def rejected(self, tower: TowerName, count: int) -> None:
        self._rejected.labels(tower).inc(count)

    def cached(self, hits: int, misses: int) -> None:
        if hits:
            self._cache.labels("hit").inc(hits)
        if misses:
            self._cache.labels("miss").inc(misses)

    def worker_failed(self, tower: TowerName, restarting: bool, hung: bool) -> None:
        self._failures.labels(tower, str(restarting).lower(), str(hung).lower()).inc()


class _State(Collector):
    """What is read when it is asked for."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.ready: Callable[[], bool] = lambda: False
        self.info: EncoderInfo | None = None
        self.batcher: Batcher | None = None

    def collect(self) -> Iterator[Metric]:
        yield _gauge("ready", "1 when the model answers.", float(self.ready()))
        yield _gauge("requests_in_flight", "Requests being served.", self._load.requests)
        yield _gauge("body_bytes", "Bytes of bodies held now.", self._load.body_bytes)
        yield _gauge("resident_bytes", "Resident memory of this process.", resident_bytes())
        if self.batcher is not None:
            items = GaugeMetricFamily(
                "lookalike_queue_items",
                "Pictures or texts admitted and not done.",
                labels=["tower"],
            )
            held = GaugeMetricFamily("lookalike_queue_bytes", "Bytes of those.", labels=["tower"])
            for tower, (count, size) in self.batcher.depth().items():
                items.add_metric([tower], count)
                held.add_metric([tower], size)
            yield items
            yield held
            later = GaugeMetricFamily(
                "lookalike_background_items",
                "Pictures or texts of ingest admitted and not done.",
                labels=["tower"],
            )
            for tower, count in self.batcher.background().items():
                later.add_metric([tower], count)
            yield later
            yield _gauge("text_cache_entries", "Vectors in the cache.", len(self.batcher.cache))
        if self.info is not None:
            info = self.info
            facts = {
                "model": info.model,
                "fingerprint": info.fingerprint,
                "runtime": info.runtime,
                "device": info.device,
                "precision": info.precision,
            }
            yield InfoMetricFamily("lookalike_model", "The model that is served.", value=facts)


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lookalike_{name}", help_, value=value)


def resident_bytes() -> int:
    """Resident memory of this process; the engine's processes have their own."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
