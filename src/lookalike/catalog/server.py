"""The server adapter: the same collections on a Qdrant server or cluster.

A collection of the name `shirts` is an alias of that name to a collection `lookalike-<id>`, so that a swap is
one request that Qdrant carries out at once. What a collection is made for is in its metadata.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from httpx import HTTPError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from lookalike.catalog import lexical, snapshots
from lookalike.catalog.attributes import Kind, learn, to_index
from lookalike.catalog.filters import Filter, path, to_qdrant, typed_filter
from lookalike.catalog.fusion import RRF_K, depth
from lookalike.catalog.items import Record, item_of, point_id
from lookalike.catalog.paging import page
from lookalike.catalog.plans import (
    Lane,
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
    EngineFailed,
    FacetUnavailable,
    FilterInvalid,
    SettingInvalid,
    StoreDamaged,
    StoreFull,
    StoreUnavailable,
)

KEY = "lookalike"
"""Under which a collection's metadata has its description. Collections without it are not ours."""

REMEMBER = 5.0
"""Seconds for which a collection's description is not asked for again. A collection that was swapped away is
noticed at once all the same: calls go to the one behind the alias, and it is gone."""

UPSERT_POINTS = 256
PAYLOAD_WINDOW = 100
TIES = 64
FULL_SCAN_KB = 2_000
NEIGHBOURS = 16
DUPLICATES_PER_ITEM = 8192

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Known:
    """A collection as it was when last asked for."""

    name: str
    physical: str
    spec: CollectionSpec
    created: str
    kinds: dict[str, Kind]
    at: float


class ServerStore:
    """Collections on a Qdrant server (1.17 or newer). See VectorStore for what each method promises.

    `payload_indexes` is False only for the client's in-process mode, which has none and warns of it.
    """

    def __init__(self, client: QdrantClient, url: str, *, payload_indexes: bool = True) -> None:
        self._client = client
        self._url = url
        self._payload_indexes = payload_indexes
        self._known: dict[str, _Known] = {}
        self._learning = threading.Lock()

    @classmethod
    def connect(cls, url: str, api_key: str | None = None, timeout: int = 60) -> "ServerStore":
        """A store on the server at `url`. Doesn't wait for it: the first call does."""
        client = QdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False)
        return cls(client, url)

    # Collections

    def create(self, name: str, spec: CollectionSpec) -> CollectionFacts:
        """A new, empty collection."""
        check_name(name)
        check_settings(spec.settings)
        if name in self._aliases() or self._ask("create", self._client.collection_exists, name):
            raise CollectionExists(name)
        physical = f"lookalike-{uuid4().hex}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        dense = models.VectorParams(size=spec.dimension, distance=models.Distance.COSINE)
        self._ask(
            "create",
            self._client.create_collection,
            physical,
            vectors_config={"image": dense, "text": dense},
            sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=_hnsw(spec.settings),
            quantization_config=_quantization(spec.settings, 0),
            on_disk_payload=True,
            metadata={KEY: describe(spec, spec.settings, now, {})},
        )
        self._realias([_alias(name, physical)])
        return self.facts(name)

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it."""
        known = self._look(name)
        self._realias([_unalias(name)])
        self._known.pop(name, None)
        self._ask("drop", self._client.delete_collection, known.physical)

    def collections(self) -> list[CollectionFacts]:
        """The facts of all collections, by name."""
        facts = []
        for name in sorted(self._aliases()):
            try:
                facts.append(self.facts(name))
            except (
                CollectionMissing
            ):  # an alias of something that is not ours, or dropped meanwhile
                continue
        return facts

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one collection."""
        self._known.pop(name, None)
        known = self._look(name)
        info = self._on(name, "facts", self._client.get_collection)
        items = self.count(name)
        return CollectionFacts(
            name=name,
            fingerprint=known.spec.fingerprint,
            model=known.spec.model,
            dimension=known.spec.dimension,
            created=known.created,
            settings=known.spec.settings,
            items=items,
            index=_index_state(info, items),
            attributes=dict(known.kinds),
        )

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings; the server renews the index by itself."""
        known = self._look(name)
        if settings.language != known.spec.settings.language:
            raise SettingInvalid(
                "language", "is fixed when a collection is made; reindex it instead"
            )
        check_settings(settings)
        had = to_index(known.kinds, known.spec.settings.attributes)
        self._describe(known, settings, known.kinds)
        quantization = _quantization(settings, self.count(name))
        self._on(
            name,
            "configure",
            self._client.update_collection,
            hnsw_config=_hnsw(settings),
            quantization_config=quantization or models.Disabled.DISABLED,
        )
        wanted = to_index(known.kinds, settings.attributes)
        self._index_fields(name, {k: v for k, v in wanted.items() if k not in had})
        return self.facts(name)

    def replace(self, name: str, by: str) -> None:
        """At once, `name` is what `by` was."""
        check_name(name)
        aliases = self._aliases()
        new = self._look(by).physical
        old = aliases.get(name)
        if old == new:
            return
        changes = [_unalias(by), _alias(name, new)]
        self._realias(changes if old is None else [_unalias(name), *changes])
        self._known.pop(name, None)
        self._known.pop(by, None)
        if old is not None:
            self._ask("replace", self._client.delete_collection, old)

    def _aliases(self) -> dict[str, str]:
        answer = self._ask("aliases", self._client.get_aliases)
        return {alias.alias_name: alias.collection_name for alias in answer.aliases}

    def _realias(self, operations: list[Any]) -> None:
        self._ask("alias", self._client.update_collection_aliases, operations)

    def _look(self, name: str) -> _Known:
        known = self._known.get(name)
        if known is not None and time.monotonic() - known.at < REMEMBER:
            return known
        aliases = self._aliases()
        physical = aliases.get(name)
        if physical is None:
            raise CollectionMissing(name, sorted(aliases))
        info = self._ask("facts", self._client.get_collection, physical)
        described = (info.config.metadata or {}).get(KEY)
        if described is None:
            raise CollectionMissing(name, sorted(set(aliases) - {name}))
        self._known[name] = known = _parse(name, physical, described)
        return known

    def _knowing(self, name: str, use: Callable[[_Known], Result]) -> Result:
        """What is made of the description; where it knows no such attribute, of one that is asked for anew:
        another service may have taken in items that have it.
        """
        try:
            return use(self._look(name))
        except (FilterInvalid, FacetUnavailable):
            self._known.pop(name, None)
            return use(self._look(name))

    def _describe(self, known: _Known, settings: IndexSettings, kinds: dict[str, Kind]) -> None:
        described = describe(known.spec, settings, known.created, kinds)
        self._on(known.name, "describe", self._client.update_collection, metadata={KEY: described})
        spec = replace(known.spec, settings=settings)
        self._known[known.name] = replace(known, spec=spec, kinds=kinds, at=time.monotonic())

    # Records

    def upsert(self, name: str, fingerprint: str, records: Sequence[Record]) -> None:
        """Store records, in pieces, in order."""
        known = self._look(name)
        check_fingerprint(name, known.spec, fingerprint)
        points = [self._point(known.spec, record) for record in records]
        self._learn(name, records)
        for piece in pieces(points, UPSERT_POINTS):
            self._on(name, "upsert", self._client.upsert, points=piece, wait=True)

    def _point(self, spec: CollectionSpec, record: Record) -> models.PointStruct:
        vectors: dict[str, Any] = {}
        for kind, vector in (("image", record.image), ("text", record.text)):
            if vector is not None:
                vectors[kind] = unit(vector, spec.dimension, f"item {record.item.id!r}").tolist()
        if words := record.item.words:
            indices, values = lexical.document(words, spec.settings.language)
            if indices:
                vectors["bm25"] = models.SparseVector(indices=indices, values=values)
        return models.PointStruct(
            id=str(point_id(record.item.id)), vector=vectors, payload=record.payload
        )

    def _learn(self, name: str, records: Sequence[Record]) -> None:
        items = [record.item for record in records]
        if not learn(items, self._look(name).kinds):
            return
        with self._learning:
            self._known.pop(name, None)  # another process may have learned something meanwhile
            known = self._look(name)
            changed = learn(items, known.kinds)
            if not changed:
                return
            kinds = {**known.kinds, **changed}
            self._describe(known, known.spec.settings, kinds)
        wanted = to_index(kinds, known.spec.settings.attributes)
        self._index_fields(name, {k: v for k, v in wanted.items() if k in changed})

    def _index_fields(self, name: str, kinds: dict[str, Kind]) -> None:
        if not self._payload_indexes:
            return
        for attribute, kind in kinds.items():
            self._on(
                name,
                "index",
                self._client.create_payload_index,
                field_name=path(attribute),
                field_schema=models.PayloadSchemaType(kind.value),
            )

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items; how many of them were there."""
        gone = 0
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 1024):
            there = self._retrieve(name, points, False, vectors=False)
            if there:
                selector = models.PointIdsList(points=[record.id for record in there])
                self._on(name, "delete", self._client.delete, points_selector=selector, wait=True)
            gone += len(there)
        return gone

    def get(self, name: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """The records of those ids that are there."""
        found: dict[str, Record] = {}
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 256):
            rows = self._retrieve(name, points, True, vectors=vectors)
            found |= {record.item.id: record for record in map(_record, rows)}
        return {one: found[one] for one in ids if one in found}

    def digests(self, name: str, ids: Sequence[str]) -> dict[str, str | None]:
        """The digests of those ids that are there."""
        found: dict[str, str | None] = {}
        for points in pieces([str(point_id(one)) for one in dict.fromkeys(ids)], 1024):
            rows = self._retrieve(name, points, ["id", "digest"], vectors=False)
            found |= {row.payload["id"]: row.payload.get("digest") for row in rows}
        return found

    def _retrieve(
        self, name: str, points: list[str], payload: bool | list[str], *, vectors: bool
    ) -> list[Any]:
        rows: list[Any] = self._on(
            name,
            "get",
            self._client.retrieve,
            ids=points,
            with_payload=payload,
            with_vectors=["image", "text"] if vectors else False,
        )
        return rows

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
        rows, following = self._on(
            name,
            "scroll",
            self._client.scroll,
            scroll_filter=self._where(name, filter),
            offset=after,
            limit=limit,
            with_payload=True,
            with_vectors=["image", "text"] if vectors else False,
        )
        return Page(tuple(map(_record, rows)), None if following is None else str(following))

    def scroll_digests(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        after: str | None = None,
        limit: int = 4096,
    ) -> DigestPage:
        """As `scroll`, but ids and digests only."""
        rows, following = self._on(
            name,
            "scroll",
            self._client.scroll,
            scroll_filter=self._where(name, filter),
            offset=after,
            limit=limit,
            with_payload=["id", "digest"],
            with_vectors=False,
        )
        digests = tuple((row.payload["id"], row.payload.get("digest")) for row in rows)
        return DigestPage(digests, None if following is None else str(following))

    def count(self, name: str, filter: Filter | None = None) -> int:  # noqa: A002
        """How many items there are, or how many pass the filter."""
        where = self._where(name, filter)
        answer = self._on(name, "count", self._client.count, count_filter=where, exact=True)
        return int(answer.count)

    # Finding

    def search(self, name: str, search: Search) -> list[Hit]:
        """The hits, best first."""
        fetch = self._fetch(name)

        def plan(known: _Known) -> Plan:
            return plan_search(name, known.spec, known.kinds, search, fetch)

        return self._run(name, self._look(name).spec.settings, self._knowing(name, plan))

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Items like those liked and unlike those disliked."""
        fetch = self._fetch(name)

        def plan(known: _Known) -> Plan:
            return plan_recommend(name, known.kinds, recommend, fetch)

        return self._run(name, self._look(name).spec.settings, self._knowing(name, plan))

    def _fetch(self, name: str) -> Callable[[Sequence[str]], dict[str, Record]]:
        return lambda ids: self.get(name, ids, vectors=True)

    def _run(self, name: str, settings: IndexSettings, plan: Plan) -> list[Hit]:
        def fetch(window: int) -> list[Any]:
            query = _query(plan, settings, window)
            rows: list[Any] = self._on(name, "search", self._client.query_points, **query).points
            if plan.ordered_by_score:
                rows.sort(key=lambda row: (-row.score, str(row.id)))
            return rows

        rows = page(fetch, lambda row: str(row.id), plan.offset, plan.limit)
        payloads = {row.id: row.payload for row in rows if row.payload is not None}
        if missing := [str(row.id) for row in rows if row.id not in payloads]:
            stored = self._retrieve(name, missing, True, vectors=False)
            payloads |= {row.id: row.payload for row in stored}
        return [
            Hit(payloads[row.id]["id"], row.score, item_of(payloads[row.id]))
            for row in rows
            if row.id in payloads
        ]

    def facet(
        self,
        name: str,
        attribute: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        limit: int = 10,
    ) -> list[FacetValue]:
        """The most frequent values, with exact counts."""
        self._knowing(name, lambda k: check_facet(attribute, k.kinds, k.spec.settings))
        answer = self._on(
            name,
            "facet",
            self._client.facet,
            key=path(attribute),
            facet_filter=self._where(name, filter),
            limit=limit + TIES,
            exact=True,
        )
        return ordered_facets([(hit.value, hit.count) for hit in answer.hits])[:limit]

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
        after: Any = None
        looked_at = 0
        while True:
            rows, after = self._on(
                name,
                "duplicates",
                self._client.scroll,
                scroll_filter=where,
                offset=after,
                limit=NEIGHBOURS,
                with_payload=["id"],
                with_vectors=[target],
            )
            own = [row for row in rows if target in (row.vector or {})]
            for row, near in zip(own, self._near(name, own, target, threshold, where), strict=True):
                for other in near:
                    if str(other.id) > str(row.id):
                        yield Pair(row.payload["id"], other.payload["id"], other.score)
            looked_at += len(rows)
            observer(looked_at)
            if after is None:
                return

    def _near(
        self, name: str, rows: list[Any], target: str, threshold: float, where: Any, limit: int = 32
    ) -> list[list[Any]]:
        if not rows:
            return []
        requests = [
            models.QueryRequest(
                query=row.vector[target],
                using=target,
                filter=where,
                score_threshold=threshold,
                limit=limit,
                with_payload=["id"],
                params=models.SearchParams(hnsw_ef=max(128, limit)),
            )
            for row in rows
        ]
        answers = self._on(name, "duplicates", self._client.query_batch_points, requests=requests)
        found = [answer.points for answer in answers]
        # a full answer may have been cut: ask for more, until it is not full
        full = [at for at, points in enumerate(found) if len(points) == limit]
        if full and limit < DUPLICATES_PER_ITEM:
            again = [rows[at] for at in full]
            for at, points in zip(
                full, self._near(name, again, target, threshold, where, limit * 4), strict=True
            ):
                found[at] = points
        return found

    def _where(self, name: str, filter: Filter | None) -> models.Filter | None:  # noqa: A002
        return _filter(
            self._knowing(name, lambda known: to_qdrant(typed_filter(filter, known.kinds)))
        )

    # Index and files

    def build_index(self, name: str, *, wait: bool = False) -> IndexState:
        """The server builds its indexes by itself; here, quantization is turned on when it is due."""
        known = self._look(name)
        settings = known.spec.settings
        items = self.count(name)
        if settings.quantization == "auto" and items >= settings.quantize_from:
            quantization = _quantization(settings, items)
            self._on(
                name, "index", self._client.update_collection, quantization_config=quantization
            )
        while True:
            info = self._on(name, "facts", self._client.get_collection)
            state = _index_state(info, items)
            if not wait or state.state != "building":
                return state
            time.sleep(0.5)

    def flush(self, name: str | None = None) -> None:
        """Nothing to do: every write here waited for the server, which keeps its own log."""
        if name is not None:
            self._look(name)

    def snapshot(self, name: str, path: Path) -> int:
        """Write the collection to one file."""
        return snapshots.write(self, name, path)

    def restore(self, name: str, path: Path) -> CollectionFacts:
        """A new collection from a snapshot."""
        return snapshots.restore(self, name, path)

    def announce(self, url: str) -> None:
        """Nothing to do: a server is open to every process."""

    def alive(self) -> bool:
        """Whether the server answers."""
        try:
            self._aliases()
        except StoreUnavailable:
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> "ServerStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Asking

    def _on(self, name: str, operation: str, call: Callable[..., Any], **arguments: Any) -> Any:
        """Ask about a collection; again, if its name came to mean another one meanwhile."""
        for last in (False, True):
            known = self._look(name)
            try:
                return self._ask(operation, call, known.physical, **arguments)
            except CollectionMissing:
                self._known.pop(name, None)
                if last:
                    raise CollectionMissing(name) from None
        raise AssertionError("unreachable")

    def _ask(
        self, operation: str, call: Callable[..., Result], *arguments: Any, **named: Any
    ) -> Result:
        try:
            return call(*arguments, **named)
        except UnexpectedResponse as error:
            raise self._translated(operation, error) from error
        except (ApiException, HTTPError, OSError) as error:
            raise StoreUnavailable(self._url, f"{operation}: {error}") from error
        except ValueError as error:
            # how the in-process mode says what a server says with 404
            if "not found" in str(error):
                raise CollectionMissing(str(arguments[0] if arguments else "")) from error
            raise EngineFailed(operation, str(error)) from error

    def _translated(self, operation: str, error: UnexpectedResponse) -> Exception:
        words = error.content.decode(errors="replace")[:500] if error.content else str(error)
        if error.status_code == 404:
            return CollectionMissing(operation)
        if error.status_code == 507 or "No space left" in words or "out of disk" in words.lower():
            return StoreFull(self._url)
        if error.status_code in (401, 403):
            return EngineFailed(
                operation, f"{self._url} refused the key; set LOOKALIKE_QDRANT_API_KEY ({words})"
            )
        if error.status_code in (408, 429) or (error.status_code or 500) >= 500:
            return StoreUnavailable(self._url, f"{operation}: {error.status_code} {words}")
        return EngineFailed(operation, f"{error.status_code} {words}")


def _alias(name: str, physical: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name=physical, alias_name=name)
    )


def _unalias(name: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))


def _parse(name: str, physical: str, described: dict[str, Any]) -> _Known:
    try:
        settings = IndexSettings.model_validate(described["settings"])
        spec = CollectionSpec(
            described["fingerprint"], described["model"], described["dimension"], settings
        )
        kinds = {attribute: Kind(kind) for attribute, kind in described["kinds"].items()}
        return _Known(name, physical, spec, described["created"], kinds, time.monotonic())
    except (KeyError, ValueError) as error:
        raise StoreDamaged(name, physical, f"its metadata can't be read: {error}") from None


def _record(row: Any) -> Record:
    vectors = row.vector or {}
    image, text = (
        np.asarray(vectors[kind], dtype=np.float32) if kind in vectors else None
        for kind in ("image", "text")
    )
    return Record(item_of(row.payload), image, text, row.payload.get("digest"))


def _filter(data: dict[str, Any] | None) -> models.Filter | None:
    return None if data is None else models.Filter.model_validate(data)


def _hnsw(settings: IndexSettings) -> models.HnswConfigDiff:
    return models.HnswConfigDiff(
        m=settings.m, ef_construct=settings.ef_construct, full_scan_threshold=FULL_SCAN_KB
    )


def _quantization(settings: IndexSettings, items: int) -> models.ScalarQuantization | None:
    if settings.quantization == "off" or (
        settings.quantization == "auto" and items < settings.quantize_from
    ):
        return None
    config = models.ScalarQuantizationConfig(
        type=models.ScalarType.INT8, quantile=settings.quantile, always_ram=True
    )
    return models.ScalarQuantization(scalar=config)


def _index_state(info: Any, items: int) -> IndexState:
    # the server counts vectors, of which an item may have two
    indexed = min(items, info.indexed_vectors_count or 0)
    building = info.status == models.CollectionStatus.YELLOW
    return IndexState(
        state="building" if building else "ready" if indexed else "exact",
        indexed=indexed,
        pending=items - indexed,
        quantized=info.config.quantization_config is not None,
    )


def _query(plan: Plan, settings: IndexSettings, window: int) -> dict[str, Any]:
    """The arguments of query_points for the best `window` rows of a plan."""
    params = models.SearchParams(
        hnsw_ef=settings.ef,
        exact=plan.exact,
        quantization=models.QuantizationSearchParams(
            rescore=True, oversampling=settings.oversampling
        ),
    )
    where = _filter(plan.filter)
    full: dict[str, Any] = {
        "limit": window,
        "with_payload": window <= PAYLOAD_WINDOW,
        "search_params": params,
    }
    first = plan.lanes[0]
    if plan.positives:
        examples = models.RecommendInput(
            positive=[vector.tolist() for vector in plan.positives],
            negative=[vector.tolist() for vector in plan.negatives],
            strategy=models.RecommendStrategy.BEST_SCORE,
        )
        query = models.RecommendQuery(recommend=examples)
        return {"query": query, "using": first.using, "query_filter": where, **full}
    if len(plan.lanes) == 1 and not plan.diversity:
        return {
            "query": _nearest(first, settings),
            "using": first.using,
            "query_filter": where,
            "score_threshold": plan.threshold,
            **full,
        }
    longer = depth(window)
    lanes = [
        models.Prefetch(
            query=_nearest(lane, settings),
            using=lane.using,
            filter=where,
            limit=longer,
            params=params,
            score_threshold=plan.threshold,
        )
        for lane in plan.lanes
    ]
    fusion: Any = None
    if len(lanes) > 1:
        rrf = models.RrfQuery(rrf=models.Rrf(k=RRF_K))
        fusion = rrf if plan.fusion == "rrf" else models.FusionQuery(fusion=models.Fusion.DBSF)
    if not plan.diversity:
        return {"query": fusion, "prefetch": lanes, **full}
    lane = next(one for one in plan.lanes if one.vector is not None)
    assert lane.vector is not None
    mmr = models.Mmr(diversity=plan.diversity, candidates_limit=longer)
    prefetch = models.Prefetch(prefetch=lanes, query=fusion, limit=longer) if fusion else lanes
    return {
        "query": models.NearestQuery(nearest=lane.vector.tolist(), mmr=mmr),
        "using": lane.using,
        "prefetch": prefetch,
        **full,
    }


def _nearest(lane: Lane, settings: IndexSettings) -> Any:
    if lane.words is not None:
        indices, values = lexical.query(lane.words, settings.language)
        return models.SparseVector(indices=indices, values=values)
    assert lane.vector is not None
    return lane.vector.tolist()
