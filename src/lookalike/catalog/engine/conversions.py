"""Qdrant's JSON, as the wire carries it, to the engine's own classes."""

from typing import Any

import qdrant_edge as edge

FLAGS = "_flags"
"""Where a point's booleans stand a second time, as words. The engine's Python classes (0.9.0) take True for
the integer 1, which matches no boolean, so a filter on one asks for its word."""


def flags(attributes: dict[str, Any]) -> dict[str, list[str]]:
    """The words of the attributes that have booleans."""
    found: dict[str, list[str]] = {}
    for name, value in attributes.items():
        values = value if isinstance(value, list) else [value]
        if words := [_word(one) for one in values if isinstance(one, bool)]:
            found[name] = words
    return found


def flag_path(path: str) -> str:
    """Where the words of the attribute at `path` are."""
    return FLAGS + path.removeprefix("attributes")


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def filter_of(data: dict[str, Any] | None) -> edge.Filter | None:
    """A filter, from the JSON that `filters.to_qdrant` writes."""
    if data is None:
        return None
    return edge.Filter(
        must=[_condition(one) for one in data["must"]] if "must" in data else None,
        should=[_condition(one) for one in data["should"]] if "should" in data else None,
        must_not=[_condition(one) for one in data["must_not"]] if "must_not" in data else None,
    )


def _condition(data: dict[str, Any]) -> Any:
    if "key" in data:
        if isinstance(flag := data.get("match", {}).get("value"), bool):
            return edge.FieldCondition(flag_path(data["key"]), match=edge.MatchValue(_word(flag)))
        return edge.FieldCondition(data["key"], match=_match(data), range=_range(data))
    if "is_empty" in data:
        return edge.IsEmptyCondition(data["is_empty"]["key"])
    if "has_id" in data:
        return edge.HasIdCondition(set(data["has_id"]))
    return filter_of(data)


def _match(data: dict[str, Any]) -> Any:
    match data.get("match"):
        case None:
            return None
        case {"value": value}:
            return edge.MatchValue(value)
        case {"any": values}:
            return edge.MatchAny(values)
        case other:
            raise ValueError(f"no such match: {other!r}")


def _range(data: dict[str, Any]) -> Any:
    bounds = data.get("range")
    if bounds is None:
        return None
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.RangeDateTime(**bounds)
    return edge.RangeFloat(**bounds)


def config_of(spec: dict[str, Any]) -> edge.EdgeConfig:
    """The engine's configuration of a collection: `dimension`, `m`, `ef_construct`, `quantile`, `threads`, and
    whether it is `quantized`.
    """
    quantized = bool(spec.get("quantized"))
    # beside int8 copies, the float32 originals are read for rescoring only: mapped, not kept
    originals = edge.Memory.Cold if quantized else edge.Memory.Cached
    dense = {
        name: edge.EdgeVectorParams(
            size=spec["dimension"], distance=edge.Distance.Cosine, memory=originals
        )
        for name in ("image", "text")
    }
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors={"bm25": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        hnsw_config=edge.HnswIndexConfig(
            m=spec["m"],
            ef_construct=spec["ef_construct"],
            full_scan_threshold=FULL_SCAN_KB,
            max_indexing_threads=spec.get("threads", 0),
        ),
        quantization_config=edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8, quantile=spec["quantile"], memory=edge.Memory.Pinned
        )
        if quantized
        else None,
        # the threshold only matters to the builder: nothing else ever calls the optimizer
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
        payload_memory=edge.Memory.Cold,
    )


FULL_SCAN_KB = 2_000
"""A filter that leaves fewer vectors than this is searched exactly rather than through the graph."""

SCHEMA = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "bool": edge.PayloadSchemaType.Bool,
    "datetime": edge.PayloadSchemaType.Datetime,
}
"""The engine's payload index for each kind of attribute that has one."""
