"""What a cluster is called: by what its items have in common and the others lack."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lookalike.catalog.attributes import MAX_KEYWORD
from lookalike.catalog.items import Item

COMMON = 0.3
"""A name must hold for this share of a cluster's items at least."""

_WORD = re.compile(r"[^\W\d_]{3,}")
_DULL = frozenset("and the for with from der die das und mit les des une pour avec".split())


@dataclass(frozen=True, slots=True)
class ClusterName:
    """A cluster of `size` items. `share` of them have `value` as `attribute`, or as a word of their titles
    where `attribute` is None. All three are None where they have nothing in common.
    """

    cluster: int
    size: int
    attribute: str | None = None
    value: str | None = None
    share: float | None = None


def name_clusters(items: Sequence[Item], clusters: Sequence[int]) -> list[ClusterName]:
    """A name for each cluster, largest first; -1 is no cluster."""
    own = [list(_features(item)) for item in items]
    overall = Counter(feature for features in own for feature in features)
    names: list[ClusterName] = []
    for cluster in range(max(clusters, default=-1) + 1):
        members = [features for features, its in zip(own, clusters, strict=True) if its == cluster]
        counted = Counter(feature for features in members for feature in features)
        names.append(_name(cluster, len(members), counted, overall, len(items)))
    return names


Feature = tuple[str | None, str]
"""An attribute and a value of it; or None and a word."""


def _features(item: Item) -> Iterator[Feature]:
    for attribute, value in item.attributes.items():
        values = value if isinstance(value, tuple) else (value,)
        for one in dict.fromkeys(values):
            if isinstance(one, str) and len(one) <= MAX_KEYWORD:
                yield attribute, one
    for word in dict.fromkeys(_WORD.findall((item.title or "").lower())):
        if word not in _DULL:
            yield None, word


def _name(
    cluster: int, size: int, counted: Counter[Feature], overall: Counter[Feature], items: int
) -> ClusterName:
    """By the feature that tells most of being here: frequent here and rare elsewhere (its part of the relative
    entropy), so that `banana` goes before `grocery`. Of two alike, attributes go before words."""
    best: tuple[float, bool, str, str] | None = None
    chosen: Feature | None = None
    for feature, count in counted.items():
        share = count / size
        if share < COMMON:
            continue
        attribute, value = feature
        telling = share * math.log(share * items / overall[feature])
        rank = (telling, attribute is not None, attribute or "", value)
        if best is None or rank > best:
            best, chosen = rank, feature
    if chosen is None:
        return ClusterName(cluster, size)
    return ClusterName(cluster, size, chosen[0], chosen[1], counted[chosen] / size)
