"""From what is asked for to what Qdrant is asked: one plan, which each adapter carries out its way."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lookalike.catalog import lexical
from lookalike.catalog.attributes import FACETED, Kind, to_index
from lookalike.catalog.filters import to_qdrant, typed_filter
from lookalike.catalog.items import Record, Vector, point_id
from lookalike.catalog.store import (
    CollectionSpec,
    FacetValue,
    Fusion,
    IndexSettings,
    Part,
    Recommend,
    Search,
    VectorName,
)
from lookalike.errors import (
    FacetUnavailable,
    FingerprintMismatch,
    ItemMissing,
    QueryInvalid,
    SettingInvalid,
    VectorInvalid,
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lane:
    """One list of hits: nearest to a dense vector, or by BM25 to words. Exactly one of the two is given."""

    using: str
    vector: Vector | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A search as Qdrant can run it: one lane, or several fused; or a recommendation by best score."""

    lanes: tuple[Lane, ...]
    offset: int
    limit: int
    filter: dict[str, Any] | None = None
    """Qdrant's JSON; already without the items that must not be found."""
    fusion: Fusion | None = None
    diversity: float = 0.0
    threshold: float | None = None
    exact: bool = False
    positives: tuple[Vector, ...] = ()
    negatives: tuple[Vector, ...] = ()
    """With positives, the strategy is Qdrant's best score, over the only lane's vectors."""

    @property
    def ordered_by_score(self) -> bool:
        """MMR's order is not that of its scores."""
        return self.diversity == 0


def check_fingerprint(name: str, spec: CollectionSpec, given: str) -> None:
    """Raises FingerprintMismatch."""
    if given != spec.fingerprint:
        raise FingerprintMismatch(name, spec.model, spec.fingerprint, given)


def unit(vector: object, dimension: int, what: str) -> Vector:
    """The vector as float32 `[dimension]` of length 1. Raises VectorInvalid."""
    array = np.asarray(vector, dtype=np.float32)
    if array.shape != (dimension,):
        raise VectorInvalid(
            what, f"has shape {list(array.shape)}, and the collection needs [{dimension}]"
        )
    length = float(np.sqrt(np.dot(array, array)))
    if not np.isfinite(length):
        raise VectorInvalid(what, "has numbers that are not finite")
    if length < 1e-12:
        raise VectorInvalid(what, "has length 0")
    # a vector that is a unit one already is stored to the bit
    return array if abs(length - 1) < 1e-6 else array / np.float32(length)


Fetch = Callable[[Sequence[str]], Mapping[str, Record]]
"""Records with vectors, by id."""


def plan_search(
    name: str, spec: CollectionSpec, kinds: Mapping[str, Kind], search: Search, fetch: Fetch
) -> Plan:
    """Raises FingerprintMismatch, VectorInvalid, ItemMissing, FilterInvalid, QueryInvalid."""
    if search.fingerprint is not None:
        check_fingerprint(name, spec, search.fingerprint)
    wanted = list(dict.fromkeys(part.item for part in search.parts if part.item is not None))
    records = _there(name, wanted, fetch)
    lanes: list[Lane] = []
    targets: tuple[VectorName, ...] = (
        ("image", "text") if search.target == "hybrid" else (search.target,)
    )
    if search.parts:
        lanes += [
            Lane(target, combine(name, search.parts, target, records, spec.dimension))
            for target in targets
        ]
    if search.words and search.words.strip():
        lanes.append(Lane("bm25", words=search.words))
    if search.diversity and all(lane.vector is None for lane in lanes):
        raise QueryInvalid("diversity needs a picture, words as a vector, or an item")
    return Plan(
        lanes=tuple(lanes),
        offset=search.offset,
        limit=search.limit,
        filter=_filter(
            typed_filter(search.filter, kinds), (*wanted, *search.exclude), search.within
        ),
        fusion=search.fusion if len(lanes) > 1 else None,
        diversity=search.diversity,
        threshold=search.threshold,
        exact=search.exact,
    )


def plan_recommend(
    name: str, kinds: Mapping[str, Kind], recommend: Recommend, fetch: Fetch
) -> Plan:
    """Raises ItemMissing, FilterInvalid, QueryInvalid."""
    positive = list(dict.fromkeys(recommend.positive))
    negative = list(dict.fromkeys(recommend.negative))
    given = list(dict.fromkeys([*positive, *negative]))
    records = _there(name, given, fetch)
    liked = tuple(item_vector(name, records[one], recommend.target) for one in positive)
    disliked = tuple(item_vector(name, records[one], recommend.target) for one in negative)
    where = _filter(typed_filter(recommend.filter, kinds), given, recommend.within)
    if recommend.strategy == "best":
        lane = Lane(recommend.target)
    else:
        lane, liked, disliked = Lane(recommend.target, _average(liked, disliked)), (), ()
    return Plan(
        lanes=(lane,),
        offset=recommend.offset,
        limit=recommend.limit,
        filter=where,
        positives=liked,
        negatives=disliked,
    )


def _average(liked: Sequence[Vector], disliked: Sequence[Vector]) -> Vector:
    wish = sum(liked[1:], liked[0]) / np.float32(len(liked))
    if disliked:
        wish = 2 * wish - sum(disliked[1:], disliked[0]) / np.float32(len(disliked))
    return _normal(wish)


def combine(
    name: str,
    parts: Iterable[Part],
    target: VectorName,
    records: Mapping[str, Record],
    dimension: int,
) -> Vector:
    """The weighted sum of the parts, as a unit vector. Raises VectorInvalid, ItemMissing, QueryInvalid."""
    total = np.zeros(dimension, np.float32)
    for part in parts:
        if part.item is not None:
            vector = item_vector(name, records[part.item], target)
        else:
            vector = unit(part.vector, dimension, "the query")
        total += np.float32(part.weight) * vector
    return _normal(total)


def item_vector(name: str, record: Record, target: VectorName) -> Vector:
    """What an item stands for: its vector of the kind that is searched, or else its other one."""
    first, second = (
        (record.image, record.text) if target == "image" else (record.text, record.image)
    )
    vector = first if first is not None else second
    if vector is None:
        raise ItemMissing(name, record.item.id, "has no vector to search with")
    return vector


def _normal(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        raise QueryInvalid("the parts cancel each other out; change a weight")
    return (vector / np.float32(length)).astype(np.float32)


def _there(name: str, ids: Sequence[str], fetch: Fetch) -> Mapping[str, Record]:
    if not ids:
        return {}
    records = fetch(ids)
    for one in ids:
        if one not in records:
            raise ItemMissing(name, one)
    return records


def _filter(
    filter: Any,  # noqa: A002
    exclude: Iterable[str],
    within: Iterable[str] | None,
) -> dict[str, Any] | None:
    where = to_qdrant(filter)
    hidden = [str(point_id(one)) for one in dict.fromkeys(exclude)]
    if not hidden and within is None:
        return where
    must: list[dict[str, Any]] = [where] if where else []
    if within is not None:
        must.append({"has_id": [str(point_id(one)) for one in dict.fromkeys(within)]})
    must_not = [{"has_id": hidden}] if hidden else []
    parts = {"must": must, "must_not": must_not}
    return {name: part for name, part in parts.items() if part}


def describe(
    spec: CollectionSpec, settings: IndexSettings, created: str, kinds: Mapping[str, Kind]
) -> dict[str, Any]:
    """A collection's description, as JSON."""
    return {
        "fingerprint": spec.fingerprint,
        "model": spec.model,
        "dimension": spec.dimension,
        "created": created,
        "settings": settings.model_dump(mode="json"),
        "kinds": dict(kinds),
    }


def check_facet(attribute: str, kinds: Mapping[str, Kind], settings: IndexSettings) -> None:
    """Raises FacetUnavailable where the attribute's values can't be counted."""
    kind = kinds.get(attribute)
    if kind is None:
        known = ", ".join(sorted(kinds)[:20]) or "none"
        raise FacetUnavailable(attribute, f"there is no such attribute; there are: {known}")
    if kind not in FACETED:
        raise FacetUnavailable(attribute, f"it holds {kind.value} values")
    if attribute not in to_index(kinds, settings.attributes):
        raise FacetUnavailable(attribute, "the collection's settings give it no payload index")


def ordered_facets(values: Sequence[Sequence[Any]]) -> list[FacetValue]:
    """Most frequent first, equal counts by value."""
    facets = [FacetValue(value, count) for value, count in values]
    return sorted(facets, key=lambda facet: (-facet.count, str(facet.value)))


def pieces(whole: list[Result], size: int) -> Iterator[list[Result]]:
    """The list in parts of at most `size`."""
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def check_settings(settings: IndexSettings) -> None:
    """Raises SettingInvalid."""
    try:
        lexical.check_language(settings.language)
    except ValueError as error:
        raise SettingInvalid("language", str(error)) from None
