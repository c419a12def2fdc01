"""One tree of errors. Each carries its facts as attributes; its words are made here and nowhere else.

Whoever shows an error (the command line, an HTTP route, a report file) uses `str(error)` for people,
`error.code` for machines and `error.facts()` for the details.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar


class LookalikeError(Exception):
    """Base of everything this package raises on purpose."""

    code: ClassVar[str] = "error"

    def facts(self) -> dict[str, Any]:
        """What the error knows, by name, for a machine to read."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __reduce__(self) -> tuple[Any, ...]:
        # pickle would call `__init__` with the words that it made, not with what it was given
        return _restored, (type(self), self.args, dict(vars(self)))


def _restored(
    kind: type[LookalikeError], args: tuple[Any, ...], facts: dict[str, Any]
) -> LookalikeError:
    """An error that came from another process."""
    error: LookalikeError = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error


# Pictures


class ImageError(LookalikeError):
    """A picture that can't be embedded. It fails alone: the rest of its batch goes on."""

    code = "image_error"


class ImageUnreadable(ImageError):
    """The bytes are not a picture, or are a damaged one."""

    code = "image_unreadable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"picture can't be read: {reason}")


class ImageFormatUnsupported(ImageUnreadable):
    """A picture in a format that needs an optional extra, or that is not accepted at all."""

    code = "image_format_unsupported"

    def __init__(self, format: str, extra: str | None = None) -> None:  # noqa: A002 (the field's word)
        self.format, self.extra = format, extra
        hint = f"; install it with: pip install 'lookalike[{extra}]'" if extra else ""
        super().__init__(f"{format} is not supported here{hint}")


class ImageTooLarge(ImageError):
    """The picture has more pixels than `limit`; raised from its header, before decoding."""

    code = "image_too_large"

    def __init__(self, pixels: int, limit: int) -> None:
        self.pixels, self.limit = pixels, limit
        super().__init__(f"picture has {pixels:,} pixels, more than the limit of {limit:,}")


class ImageTooManyBytes(ImageError):
    """The encoded picture is longer than `limit` bytes."""

    code = "image_too_many_bytes"

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(f"picture has {size:,} bytes, more than the limit of {limit:,}")


class ImageTooSmall(ImageError):
    """The picture's smaller side has fewer pixels than `limit`."""

    code = "image_too_small"

    def __init__(self, width: int, height: int, limit: int) -> None:
        self.width, self.height, self.limit = width, height, limit
        super().__init__(
            f"picture is {width}x{height}; its smaller side must have at least {limit}"
        )


# Models


class ModelError(LookalikeError):
    """A model that can't be found, read, built or run."""

    code = "model_error"


class ModelUnknown(ModelError):
    """No such name in the registry."""

    code = "model_unknown"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"no model is called {name!r}; known are {', '.join(known)}, "
            "hf:owner/repo for a repository, or the path of a bundle's folder"
        )


class ModelNotCached(ModelError):
    """The model is not on this machine and may not be, or could not be, downloaded."""

    code = "model_not_cached"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"model {name} is not on this machine, and {reason}")


class CardInvalid(ModelError):
    """A model card, or the configuration it is made from, says something impossible."""

    code = "card_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{path}: {reason}")


class BundleInvalid(ModelError):
    """A bundle's folder lacks a file, or holds one that is not what the card says."""

    code = "bundle_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"bundle {path}: {reason}")


class WeightsInvalid(ModelError):
    """The weights don't fit the architecture that the configuration describes."""

    code = "weights_invalid"


class WeightMissing(WeightsInvalid):
    """The architecture needs a weight that the file doesn't have."""

    code = "weight_missing"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"weight {name} is missing")


class WeightsLeftOver(WeightsInvalid):
    """The file has weights that the architecture doesn't use, so it is another architecture."""

    code = "weights_left_over"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        shown = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
        super().__init__(f"{len(self.names)} weights are left over: {shown}")


class WeightShapeWrong(WeightsInvalid):
    """A weight hasn't the shape that the configuration implies."""

    code = "weight_shape_wrong"

    def __init__(self, name: str, shape: Sequence[int], expected: Sequence[int]) -> None:
        self.name, self.shape, self.expected = name, tuple(shape), tuple(expected)
        super().__init__(f"weight {name} has shape {list(shape)}, but {list(expected)} is needed")


class TowerNotLoaded(ModelError):
    """The encoder was loaded without the tower that this call needs, or the model has none."""

    code = "tower_not_loaded"

    def __init__(self, tower: str) -> None:
        self.tower = tower
        super().__init__(f"the {tower} tower is not loaded")


class DeviceUnavailable(ModelError):
    """The device that was asked for can't be used here."""

    code = "device_unavailable"

    def __init__(self, device: str, reason: str) -> None:
        self.device, self.reason = device, reason
        super().__init__(f"device {device} can't be used: {reason}")


class RuntimeMissing(ModelError):
    """What is to execute the graphs is not installed."""

    code = "runtime_missing"

    def __init__(self, runtime: str, package: str) -> None:
        self.runtime, self.package = runtime, package
        super().__init__(f"{runtime} is not installed; install it with: pip install '{package}'")


class PrecisionUnavailable(ModelError):
    """The precision that was asked for can't be had with this bundle, runtime or device."""

    code = "precision_unavailable"

    def __init__(self, precision: str, reason: str) -> None:
        self.precision, self.reason = precision, reason
        super().__init__(f"precision {precision} can't be used: {reason}")


class InferenceFailed(ModelError):
    """A runtime couldn't load or run a graph."""

    code = "inference_failed"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"inference failed: {reason}")


# Models on their way to this machine, and in its cache


class PullFailed(ModelError):
    """A model could not be brought here. What was here before is untouched."""

    code = "pull_failed"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"model {name} was not pulled: {reason}")


class HubUnreachable(PullFailed):
    """Nothing answers at the hub's address."""

    code = "hub_unreachable"

    def __init__(self, name: str, endpoint: str, cause: str) -> None:
        self.endpoint, self.cause = endpoint, cause
        super().__init__(name, f"{endpoint} can't be reached ({cause})")


class HubRefused(PullFailed):
    """The hub answered, but not with the model."""

    code = "hub_refused"

    def __init__(self, name: str, status: int, reason: str) -> None:
        self.status = status
        super().__init__(name, f"the hub answers {status}: {reason}")


class DownloadDamaged(PullFailed):
    """A file is not what the hub says it is, even when fetched again."""

    code = "download_damaged"

    def __init__(self, name: str, file: str, why: str) -> None:
        self.file, self.why = file, why
        super().__init__(name, f"{file} did not arrive as it should: {why}")


class SourceChanged(PullFailed):
    """A source file has not the hash that is pinned in the registry, or that the first pull recorded."""

    code = "source_changed"

    def __init__(self, name: str, file: str, expected: str, found: str, held: str) -> None:
        self.file, self.expected, self.found, self.held = file, expected, found, held
        super().__init__(name, f"{file} has sha256 {found}, but {held} says {expected}")


class CacheUnwritable(ModelError):
    """The cache of models can't be written."""

    code = "cache_unwritable"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"the cache {path} can't be written: {reason}")


class CacheFull(CacheUnwritable):
    """No room is left for a model. Nothing that was there is lost."""

    code = "cache_full"

    def __init__(self, path: Path | str, free: int | None, needed: int | None = None) -> None:
        self.free, self.needed = free, needed
        parts = [f"{free / 1e6:,.0f} MB are free"] if free is not None else []
        parts += [f"about {needed / 1e6:,.0f} MB are needed"] if needed is not None else []
        super().__init__(path, "no space is left" + (f" ({', '.join(parts)})" if parts else ""))


class FileAltered(BundleInvalid):
    """A file of a bundle is not the one that was installed."""

    code = "file_altered"

    def __init__(self, path: Path | str, file: str, how: str) -> None:
        self.file, self.how = file, how
        super().__init__(path, f"{file} is not the file that was installed: {how}")


class LockInvalid(ModelError):
    """The record of what was installed can't be read, so nothing can be held against it."""

    code = "lock_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"lock {path}: {reason}")


class GoldenMismatch(ModelError):
    """The bundle doesn't give the vectors that it should."""

    code = "golden_mismatch"

    def __init__(self, name: str, what: str, reason: str) -> None:
        self.name, self.what, self.reason = name, what, reason
        super().__init__(f"model {name} fails the golden check ({what}): {reason}")


class ModelInUse(ModelError):
    """A running process serves from these files."""

    code = "model_in_use"

    def __init__(self, name: str, path: Path | str) -> None:
        self.name, self.path = name, str(path)
        super().__init__(f"model {name} is in use by a running process ({path})")


class ModelNotInstalled(ModelError):
    """What should be done needs a model in the cache, and it isn't there."""

    code = "model_not_installed"

    def __init__(self, name: str, reason: str = "it is not in the cache of this machine") -> None:
        self.name, self.reason = name, reason
        super().__init__(f"model {name}: {reason}")


class ArchiveInvalid(ModelError):
    """A file that is not a model's archive, is damaged, or tries to write where it must not."""

    code = "archive_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"archive {path}: {reason}")


class ImportInvalid(ModelError):
    """A file or folder that no model can be made of, as it is given."""

    code = "import_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{path} can't be imported: {reason}")


class QuantizationFailed(ModelError):
    """A tower can't be calibrated, or no tower that was is good enough."""

    code = "quantization_failed"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name} can't be quantized: {reason}")


class MeasurementFailed(ModelError):
    """The process that was to measure a model has ended without a result."""

    code = "measurement_failed"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name} can't be measured: {reason}")


# The catalogue


class CatalogueError(LookalikeError):
    """Something about collections, items or the store that holds them."""

    code = "catalogue_error"


class CollectionMissing(CatalogueError):
    """No collection has this name."""

    code = "collection_missing"

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        there = f"there are {', '.join(self.known)}" if self.known else "there are none yet"
        super().__init__(f"no collection is called {name!r}; {there}")


class CollectionExists(CatalogueError):
    """A collection of this name is there already."""

    code = "collection_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a collection called {name!r} is there already")


class CollectionNameInvalid(CatalogueError):
    """A name that no collection can have."""

    code = "collection_name_invalid"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} can't name a collection: 1 to 64 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )


class FingerprintMismatch(CatalogueError):
    """Vectors of another model than the collection's: they would be stored or compared for nothing."""

    code = "fingerprint_mismatch"

    def __init__(self, collection: str, model: str, stored: str, given: str) -> None:
        self.collection, self.model, self.stored, self.given = collection, model, stored, given
        super().__init__(
            f"collection {collection!r} holds vectors of {model} (fingerprint {stored}), and these are of "
            f"fingerprint {given}; use that model, or move the collection to the new one with: "
            f"lookalike collections reindex {collection}"
        )


class VectorInvalid(CatalogueError):
    """A vector of the wrong length, or with numbers that are not finite, or of length zero."""

    code = "vector_invalid"

    def __init__(self, what: str, reason: str) -> None:
        self.what, self.reason = what, reason
        super().__init__(f"vector of {what}: {reason}")


class ItemInvalid(CatalogueError):
    """An item that can't be stored as it is. It fails alone: the rest of its batch goes on."""

    code = "item_invalid"

    def __init__(self, id: str, field: str, reason: str) -> None:  # noqa: A002 (the item's own word)
        self.id, self.field, self.reason = id, field, reason
        super().__init__(f"item {id!r}: {field} {reason}")


class ItemMissing(CatalogueError):
    """A query refers to an item that is not there, or that has no vector to search with."""

    code = "item_missing"

    def __init__(self, collection: str, id: str, reason: str = "is not there") -> None:  # noqa: A002
        self.collection, self.id, self.reason = collection, id, reason
        super().__init__(f"item {id!r} of collection {collection!r} {reason}")


class QueryInvalid(CatalogueError):
    """A query that can't be answered as it is put."""

    code = "query_invalid"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"query: {reason}")


class FilterInvalid(CatalogueError):
    """A filter that is not well formed, or doesn't fit the type of the attribute."""

    code = "filter_invalid"

    def __init__(self, attribute: str | None, reason: str) -> None:
        self.attribute, self.reason = attribute, reason
        super().__init__(f"filter on {attribute!r}: {reason}" if attribute else f"filter: {reason}")


class FacetUnavailable(CatalogueError):
    """The values of this attribute can't be counted."""

    code = "facet_unavailable"

    def __init__(self, attribute: str, reason: str) -> None:
        self.attribute, self.reason = attribute, reason
        super().__init__(f"no facets for {attribute!r}: {reason}")


class SnapshotInvalid(CatalogueError):
    """A file that is not a snapshot, is cut short, or is damaged."""

    code = "snapshot_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"snapshot {path}: {reason}")


class StoreError(CatalogueError):
    """The store itself can't do it now. `retriable`: the same call may succeed later, unchanged."""

    code = "store_error"
    retriable: ClassVar[bool] = False


class StoreLocked(StoreError):
    """Another process has the embedded store's folder."""

    code = "store_locked"

    def __init__(
        self,
        path: Path | str,
        pid: int | None,
        host: str | None,
        since: str | None,
        url: str | None = None,
    ) -> None:
        self.path, self.pid, self.host, self.since, self.url = str(path), pid, host, since, url
        who = f"process {pid} on {host} since {since}" if pid else "another process"
        super().__init__(
            f"catalogues in {path} are in use by {who}; go through the running service with "
            f"--url {url or 'http://127.0.0.1:8000'}, or stop it"
        )


class StoreUnavailable(StoreError):
    """The engine's process ended, or the Qdrant server can't be reached. What was acknowledged is kept."""

    code = "store_unavailable"
    retriable = True

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"the vector store ({where}) is not available: {reason}; try again")


class StoreFull(StoreError):
    """No space is left on the device. Nothing acknowledged is lost; the refused write can be repeated."""

    code = "store_full"
    retriable = True

    def __init__(self, where: str, free: int | None = None, needed: int | None = None) -> None:
        self.where, self.free, self.needed = where, free, needed
        room = (
            f" ({free / 2**20:,.0f} MiB free, {needed / 2**20:,.0f} MiB needed)"
            if free is not None and needed
            else ""
        )
        super().__init__(f"no space is left in {where}{room}; free some, then repeat")


class StoreDamaged(StoreError):
    """A collection's files can't be opened."""

    code = "store_damaged"

    def __init__(self, collection: str, path: Path | str, reason: str) -> None:
        self.collection, self.path, self.reason = collection, str(path), reason
        super().__init__(
            f"collection {collection!r} in {path} can't be opened: {reason}; "
            "the other collections are not affected; restore it from a snapshot or index it again"
        )


class EngineFailed(StoreError):
    """The engine refused a call for a reason that is not the caller's: a defect, with its own words."""

    code = "engine_failed"

    def __init__(self, operation: str, reason: str) -> None:
        self.operation, self.reason = operation, reason
        super().__init__(f"the vector engine failed in {operation}: {reason}")


# Feeds, and pictures from elsewhere


class SourceInvalid(CatalogueError):
    """A feed or folder that can't be read as a whole. A single bad row is a RowInvalid."""

    code = "source_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{path}: {reason}")


class RowInvalid(CatalogueError):
    """A row of a feed that no item can be made of. It fails alone: the rest of the feed goes on."""

    code = "row_invalid"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class DuplicateId(RowInvalid):
    """A row with the id of an earlier one. The first stands."""

    code = "duplicate_id"

    def __init__(self, id: str) -> None:  # noqa: A002 (the item's own word)
        self.id = id
        super().__init__(f"id {id!r} is in the feed already; the first one stands")


class PictureUnavailable(CatalogueError):
    """The picture that an item refers to can't be had: no such file, not a file, not allowed."""

    code = "picture_unavailable"

    def __init__(self, reference: str, reason: str) -> None:
        self.reference, self.reason = reference, reason
        super().__init__(f"picture {reference}: {reason}")


class FetchError(LookalikeError):
    """A URL that was not fetched."""

    code = "fetch_error"

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"{url}: {reason}")


class FetchRefused(FetchError):
    """What the URL leads to must not be fetched: the same URL will be refused again."""

    code = "fetch_refused"


class FetchFailed(FetchError):
    """The other side didn't deliver: it may another time."""

    code = "fetch_failed"


class PruneRefused(CatalogueError):
    """Removing what is not in the feed would go wrong, so nothing was removed."""

    code = "prune_refused"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"nothing was pruned: {reason}")


class ExchangeInvalid(CatalogueError):
    """A file that is not an export of ours, or a damaged one."""

    code = "exchange_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"export {path}: {reason}")


class ReindexIncomplete(CatalogueError):
    """Some items could not be encoded with the new model; the collection stays as it was."""

    code = "reindex_incomplete"

    def __init__(self, collection: str, failed: int, items: int, beside: str) -> None:
        self.collection, self.failed, self.items, self.beside = collection, failed, items, beside
        super().__init__(
            f"{failed:,} of {items:,} items could not be encoded, so {collection!r} stays as it was; repeat to "
            f"try those again, or swap without them with --skip-failed (what is done is kept in {beside!r})"
        )


class ItemRefused(CatalogueError):
    """The service could not store an item; `said` is its own error code."""

    code = "item_refused"

    def __init__(self, id: str, said: str, reason: str) -> None:  # noqa: A002 (the item's own word)
        self.id, self.said, self.reason = id, said, reason
        super().__init__(f"item {id!r}: {reason}")


class ServiceUnreachable(CatalogueError):
    """No Lookalike service answers at the URL."""

    code = "service_unreachable"

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(
            f"no service answers at {url}: {reason}; is `lookalike serve` running there?"
        )


class ServiceRefused(CatalogueError):
    """The service answered with an error of its own."""

    code = "service_refused"

    def __init__(self, url: str, status: int, reason: str) -> None:
        self.url, self.status, self.reason = url, status, reason
        super().__init__(f"{url} answered {status}: {reason}")


# The service


class ServiceError(LookalikeError):
    """A request that is not answered, for a reason that lies in the request's size, time or right."""

    code = "service_error"


class QueueFull(ServiceError):
    """More waits than is allowed. The same request may succeed after `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, queue: str, retry_after: int) -> None:
        self.queue, self.retry_after = queue, retry_after
        super().__init__(f"the {queue} queue is full; try again in {retry_after} s")


class DeadlinePassed(ServiceError):
    """The request could not be answered in time, and was dropped."""

    code = "deadline_passed"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"not answered within {seconds:g} s")


class ClientGone(ServiceError):
    """Nobody waits for the answer any more."""

    code = "client_gone"

    def __init__(self) -> None:
        super().__init__("the client has gone")


class WorkerFailed(ServiceError):
    """The worker that runs a tower has failed; `restarting` says whether another takes its place."""

    code = "worker_failed"

    def __init__(self, tower: str, reason: str, restarting: bool) -> None:
        self.tower, self.reason, self.restarting = tower, reason, restarting
        super().__init__(
            f"the {tower} worker failed: {reason}; "
            + ("it is restarted, so try again" if restarting else "the service must be restarted")
        )


class Stopping(ServiceError):
    """The service is about to end and accepts nothing more."""

    code = "stopping"

    def __init__(self) -> None:
        super().__init__("the service is stopping")


class NotReady(ServiceError):
    """The model is still being loaded, or could not be."""

    code = "not_ready"

    def __init__(self, status: str, reason: str) -> None:
        self.state, self.reason = status, reason
        super().__init__(f"the model is not ready ({status}): {reason}")


class BodyTooLarge(ServiceError):
    """The request's body is longer than `limit` bytes."""

    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the body is longer than {limit:,} bytes")


class BodyTooSlow(ServiceError):
    """The request's body did not arrive in time."""

    code = "body_too_slow"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the body did not arrive within {seconds:g} s")


class TooMany(ServiceError):
    """More of something than one request may have."""

    code = "too_many"

    def __init__(self, what: str, count: int, limit: int) -> None:
        self.what, self.count, self.limit = what, count, limit
        super().__init__(f"{count:,} {what} are more than the limit of {limit:,}")


class TextTooLong(ServiceError):
    """A text has more characters than `limit`."""

    code = "text_too_long"

    def __init__(self, index: int, characters: int, limit: int) -> None:
        self.index, self.characters, self.limit = index, characters, limit
        super().__init__(
            f"text {index} has {characters:,} characters, more than the limit of {limit:,}"
        )


class RequestInvalid(ServiceError):
    """A request that is well-formed but can't be meant."""

    code = "request_invalid"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AllFailed(ServiceError):
    """None of the pictures of a request could be embedded. `errors`: index, code and detail of each."""

    code = "all_failed"

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = list(errors)
        first = self.errors[0]["detail"] if self.errors else "there are none"
        super().__init__(f"no picture could be embedded: {first}")


class MediaTypeUnsupported(ServiceError):
    """A body of a kind that the route doesn't read."""

    code = "media_type_unsupported"

    def __init__(self, given: str, accepted: Sequence[str]) -> None:
        self.given, self.accepted = given, list(accepted)
        super().__init__(
            f"the body is {given or 'of no declared type'}; this route reads {', '.join(accepted)}"
        )


class KeyRefused(ServiceError):
    """No API key, or not one of ours."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("a valid API key is needed: Authorization: Bearer KEY")


class ScopeRefused(ServiceError):
    """The API key may read but not write."""

    code = "forbidden"

    def __init__(self, needed: str) -> None:
        self.needed = needed
        super().__init__(f"this API key has not the right to {needed}")


class HostRefused(ServiceError):
    """The request addresses the service by a name that is not among the allowed ones."""

    code = "host_refused"

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"requests to {host!r} are not served (LOOKALIKE_ALLOWED_HOSTS)")


class ModelNotServed(ServiceError):
    """The client asks for another model than the one that is loaded."""

    code = "model_not_found"

    def __init__(self, model: str, served: str) -> None:
        self.model, self.served = model, served
        super().__init__(
            f"model {model!r} is not served here; {served!r} is (LOOKALIKE_MODEL_ALIASES adds names)"
        )


class TextCut(ServiceError):
    """A text is longer than the model's context, and the client asked not to cut it."""

    code = "text_cut"

    def __init__(self, index: int, tokens: int) -> None:
        self.index, self.tokens = index, tokens
        super().__init__(f"text {index} is longer than the model's context of {tokens} tokens")


# Bulk embedding on a cluster


class ClusterError(LookalikeError):
    """The workers of a cluster can't do the work. What was stored stays, and another run goes on from there."""

    code = "cluster_error"


class ClusterUnreachable(ClusterError):
    """No cluster at that address, or none any more."""

    code = "cluster_unreachable"

    def __init__(self, address: str | None, reason: str) -> None:
        self.address, self.reason = address, reason
        which = f"the Ray cluster {address}" if address else "Ray"
        super().__init__(f"{which} can't be used: {reason}")


class WorkerUnfit(ClusterError):
    """A worker can't load the model, or can't even start. `node` is None where that isn't known."""

    code = "worker_unfit"

    def __init__(self, node: str | None, reason: str) -> None:
        self.node, self.reason = node, reason
        where = f"a worker on {node}" if node else "a worker"
        super().__init__(f"{where} can't start: {reason}")


class WorkersDiffer(ClusterError):
    """A worker would make other vectors than the rest, or speaks another version's language."""

    code = "workers_differ"

    def __init__(self, what: str, node: str, given: str, other: str, expected: str) -> None:
        self.what, self.node, self.given = what, node, given
        self.other, self.expected = other, expected
        super().__init__(
            f"the worker on {node} has {what} {given}, and the one on {other} has {expected}: vectors of "
            "different models never mix"
        )


class WorkersLost(ClusterError):
    """The same entries were given to several workers, and each of them died."""

    code = "workers_lost"

    def __init__(self, first: str, last: str, times: int, reason: str) -> None:
        self.first, self.last, self.times, self.reason = first, last, times, reason
        super().__init__(f"{times} workers died with the entries {first} to {last}: {reason}")


# Settings and input


class ExtraMissing(LookalikeError):
    """Something that needs an optional extra."""

    code = "extra_missing"

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(
            f"{what} needs an extra; install it with: pip install 'lookalike[{extra}]'"
        )


class SettingInvalid(LookalikeError):
    """A setting, argument or input that can't be used as it is."""

    code = "setting_invalid"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")
