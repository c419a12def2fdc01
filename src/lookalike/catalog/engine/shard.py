"""One collection's shard, as the engine's process sees it: what the wire asks, done with Qdrant's engine.

Runs only in the engine's processes. Headers are the JSON objects of the wire; vectors are in the bodies,
float32, one after the other in the order in which the header names them.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from lookalike.catalog import lexical
from lookalike.catalog.engine.conversions import (
    FLAGS,
    SCHEMA,
    config_of,
    filter_of,
    flag_path,
    flags,
)
from lookalike.catalog.fusion import RRF_K, depth
from lookalike.catalog.paging import page

Reply = tuple[dict[str, Any], bytes]

VECTORS = {"i": "image", "t": "text"}
"""How the wire says which vectors a point has: `it`, `i`, `t` or an empty string."""

Numbers = Any
"""A memory view of float32, which the type checker of Python 3.11 has no word for."""


class Shard:
    """A loaded shard. Not thread-safe: one loop owns it."""

    def __init__(self, path: Path, spec: dict[str, Any], *, create: bool = False) -> None:
        self._spec = spec
        if create:
            path.mkdir()
            self._shard = edge.EdgeShard.create(str(path), config_of(spec))
        else:
            self._shard = edge.EdgeShard.load(str(path))
        self._indexed_fields = {
            _plain(name): str(info.data_type).rpartition(".")[2].lower()
            for name, info in self._shard.info().payload_schema.items()
        }

    # Writing

    def upsert(self, points: Sequence[dict[str, Any]], body: bytes) -> None:
        """Insert or replace points: `id`, `p` (payload), `v` (which vectors the body has of it)."""
        view = memoryview(body).cast("f")
        step = self._spec["dimension"]
        language = self._spec["language"]
        made = []
        at = 0
        for point in points:
            vectors: dict[str, Any] = {}
            for letter in point["v"]:
                vectors[VECTORS[letter]] = view[at : at + step]
                at += step
            payload = point["p"]
            if found := flags(payload.get("attributes", {})):
                payload[FLAGS] = found
            if words := "\n".join(t for k in ("title", "description") if (t := payload.get(k))):
                indices, values = lexical.document(words, language)
                if indices:
                    vectors["bm25"] = edge.SparseVector(indices, values)
            made.append(edge.Point(point["id"], vectors, payload))
        if at != len(view):
            raise ValueError(f"{len(view)} numbers for vectors of {at}")
        self._shard.update(edge.UpdateOperation.upsert_points(made))

    def delete(self, ids: Sequence[str]) -> int:
        """Remove points; how many were there."""
        there = len(self._shard.retrieve(list(ids), False, False))
        if there:
            self._shard.update(edge.UpdateOperation.delete_points(list(ids)))
        return there

    def index_fields(self, fields: dict[str, str]) -> None:
        """Make payload indexes: path -> kind. One of another kind on the same path is replaced."""
        for path, kind in fields.items():
            there = self._indexed_fields.get(_plain(path))
            if there == kind:
                continue
            if there is not None:
                self._shard.update(edge.UpdateOperation.delete_field_index(path))
            self._shard.update(edge.UpdateOperation.create_field_index(path, SCHEMA[kind]))
            if kind == "bool":
                words = edge.UpdateOperation.create_field_index(flag_path(path), SCHEMA["keyword"])
                self._shard.update(words)
            self._indexed_fields[_plain(path)] = kind

    def flush(self) -> None:
        """Bring everything to the disk."""
        self._shard.flush()

    def optimize(self) -> None:
        """Build the index. Blocks, interpreter lock and all, until it is done."""
        while self._shard.optimize():
            pass

    def close(self) -> None:
        """Flush and let go of the files."""
        self._shard.close()

    # Reading

    def items(self) -> int:
        """How many points there are."""
        return int(self._shard.info().points_count)

    def count(self, where: dict[str, Any] | None) -> int:
        """How many points pass the filter, exactly."""
        return int(self._shard.count(edge.CountRequest(exact=True, filter=filter_of(where))))

    def get(self, ids: Sequence[str], what: str) -> Reply:
        """The points that are there. `what`: payload, vectors (payload too) or digest."""
        return self._rows(self._shard.retrieve(list(ids), _payload(what), what == "vectors"), what)

    def scroll(
        self, where: dict[str, Any] | None, after: str | None, limit: int, what: str
    ) -> Reply:
        """A page of points in the order of their ids, and the id at which the next one begins."""
        records, following = self._shard.scroll(
            edge.ScrollRequest(
                offset=after,
                limit=limit,
                filter=filter_of(where),
                with_payload=_payload(what),
                with_vector=what == "vectors",
            )
        )
        header, body = self._rows(records, what)
        header["next"] = None if following is None else str(following)
        return header, body

    def facet(self, path: str, where: dict[str, Any] | None, limit: int) -> list[list[Any]]:
        """Values and counts, the most frequent first."""
        request = edge.FacetRequest(path, limit=limit, exact=True, filter=filter_of(where))
        return [[hit.value, hit.count] for hit in self._shard.facet(request).hits]

    def has_index(self, path: str) -> bool:
        """Whether the attribute at this path has a payload index."""
        return _plain(path) in self._indexed_fields

    def search(self, plan: dict[str, Any], body: bytes) -> list[list[Any]]:
        """The hits of a plan: id, score, payload."""
        vectors = self._vectors(body)
        where = filter_of(plan.get("filter"))

        def fetch(window: int) -> list[tuple[float, str, Any]]:
            request = self._request(plan, vectors, where, window)
            # each look at an id makes it anew, so it is looked at once
            points = [(-point.score, str(point.id), point) for point in self._shard.query(request)]
            if not plan.get("diversity"):
                # ties come in the engine's order, which need not be the same twice
                points.sort(key=itemgetter(0, 1))
            return points

        rows = page(fetch, itemgetter(1), plan["offset"], plan["limit"])
        # payloads of the page alone: a window is longer, and reading them is half of what isn't the graph's
        found = (
            self._shard.retrieve([point.id for _, _, point in rows], True, False) if rows else ()
        )
        payloads = {str(record.id): record.payload for record in found}
        return [[name, point.score, payloads[name]] for _, name, point in rows if name in payloads]

    def _vectors(self, body: bytes) -> list[Numbers]:
        view: Numbers = memoryview(body).cast("f")
        step = self._spec["dimension"]
        return [view[at : at + step] for at in range(0, len(view), step)]

    def _request(
        self, plan: dict[str, Any], vectors: list[Numbers], where: Any, window: int
    ) -> edge.QueryRequest:
        params = edge.SearchParams(
            hnsw_ef=plan["ef"],
            exact=plan.get("exact", False),
            quantization=edge.QuantizationSearchParams(
                rescore=True, oversampling=plan["oversampling"]
            ),
        )
        lanes = plan["lanes"]
        full: dict[str, Any] = {
            "limit": window,
            "with_payload": False,
            "params": params,
        }
        if "positives" in plan:
            liked, disliked = vectors[: plan["positives"]], vectors[plan["positives"] :]
            examples: Any = [v.tolist() for v in liked], [v.tolist() for v in disliked]
            query = edge.RecommendQuery(*examples)
            best = edge.Query.RecommendBestScore(query, lanes[0]["using"])
            return edge.QueryRequest(query=best, filter=where, **full)
        queries = [self._nearest(lane, vectors) for lane in lanes]
        longer = depth(window)
        if len(queries) == 1:
            if not plan.get("diversity"):
                return edge.QueryRequest(
                    query=queries[0],
                    filter=where,
                    score_threshold=plan.get("threshold"),
                    **full,
                )
            fused = edge.Prefetch(
                longer,
                query=queries[0],
                filter=where,
                score_threshold=plan.get("threshold"),
                params=params,
            )
            return edge.QueryRequest(
                query=self._mmr(plan, vectors, longer), prefetches=[fused], **full
            )
        prefetches = [edge.Prefetch(longer, query=q, filter=where, params=params) for q in queries]
        fusion: Any = edge.Fusion.Rrf(RRF_K) if plan["fusion"] == "rrf" else edge.Fusion.Dbsf()
        if not plan.get("diversity"):
            return edge.QueryRequest(query=fusion, prefetches=prefetches, **full)
        both = edge.Prefetch(longer, query=fusion, prefetches=prefetches)
        return edge.QueryRequest(query=self._mmr(plan, vectors, longer), prefetches=[both], **full)

    def _nearest(self, lane: dict[str, Any], vectors: list[Numbers]) -> edge.Query:
        if "words" in lane:
            indices, values = lexical.query(lane["words"], self._spec["language"])
            return edge.Query.Nearest(edge.SparseVector(indices, values), lane["using"])
        return edge.Query.Nearest(vectors[lane["vector"]], lane["using"])

    def _mmr(self, plan: dict[str, Any], vectors: list[Numbers], candidates: int) -> edge.Mmr:
        lane = next(one for one in plan["lanes"] if "vector" in one)
        vector = vectors[lane["vector"]].tolist()
        return edge.Mmr(vector, 1 - plan["diversity"], candidates, lane["using"])

    def neighbours(self, request: dict[str, Any]) -> tuple[list[list[Any]], str | None]:
        """Pairs within `threshold` whose first is one of the next `limit` points after `after`; and where to go
        on. Of the two, the one with the smaller id is the first.
        """
        using, threshold, most = request["using"], request["threshold"], request["most"]
        where = filter_of(request.get("filter"))
        records, following = self._shard.scroll(
            edge.ScrollRequest(
                offset=request["after"],
                limit=request["limit"],
                filter=where,
                with_payload=["id"],
                with_vector=[using],
            )
        )
        pairs: list[list[Any]] = []
        for record in records:
            vector = _named(record).get(using)
            if vector is None:
                continue
            me = str(record.id)
            pairs += (
                [_owner(record), _owner(other), other.score]
                for other in self._near(vector, using, threshold, where, most)
                if str(other.id) > me
            )
        return pairs, None if following is None else str(following)

    def _near(
        self, vector: list[float], using: str, threshold: float, where: Any, most: int
    ) -> Iterator[Any]:
        limit = 32
        while True:
            found = self._shard.query(
                edge.QueryRequest(
                    limit,
                    query=edge.Query.Nearest(vector, using),
                    filter=where,
                    score_threshold=threshold,
                    with_payload=["id"],
                    params=edge.SearchParams(hnsw_ef=max(128, limit)),
                )
            )
            # a full answer may have been cut: ask for more, until it is not full
            if len(found) < limit or limit >= most:
                yield from found
                return
            limit *= 4

    def _rows(self, records: Sequence[Any], what: str) -> Reply:
        rows: list[list[Any]] = []
        body = array("f")
        for record in records:
            letters = ""
            if what == "vectors":
                for letter, name in VECTORS.items():
                    vector = _named(record).get(name)
                    if vector is not None:
                        letters += letter
                        body.extend(vector)
            rows.append([str(record.id), record.payload, letters])
        return {"rows": rows}, body.tobytes()


def _payload(what: str) -> bool | list[str]:
    return ["id", "digest"] if what == "digest" else True


def _named(record: Any) -> dict[str, Any]:
    return record.vector or {}


def _owner(record: Any) -> str:
    return str(record.payload["id"])


def _plain(path: str) -> str:
    return path.replace('"', "")


def disk_usage(path: Path) -> int:
    """Bytes that a folder takes on the disk; holes in files not counted."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
            except FileNotFoundError:  # removed meanwhile
                continue
    return total
