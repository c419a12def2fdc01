"""Measures of retrieval, on unit vectors `[n, dimension]`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.models.cards import Frozen

Vectors = NDArray[np.float32]
TOP = 10


class Agreement(Frozen):
    """How near a tower's vectors are to those of the exact one, over `count` inputs that are searched with."""

    count: int
    cosine_mean: float
    cosine_worst: float
    kept: float
    """Share of the exact vectors' `top` neighbours that are still among the `top`, 0 to 1."""
    top: int
    rank_correlation: float
    """Spearman's, of each query's order of all others, averaged: -1 to 1."""


def agreement(exact: Vectors, other: Vectors, top: int = TOP) -> Agreement:
    """Hold `other` against `exact`, row by row. Each row is also a query for the others of its own kind.

    Needs at least two rows more than `top`, or `top` is lowered. Raises ValueError for fewer than three.
    """
    if len(exact) < 3 or exact.shape != other.shape:
        raise ValueError(f"nothing to compare: {exact.shape} and {other.shape}")
    top = min(top, len(exact) - 2)
    cosines = np.sum(exact * other, axis=1)
    wanted, found = _others(exact @ exact.T), _others(other @ other.T)
    return Agreement(
        count=len(exact),
        cosine_mean=float(cosines.mean()),
        cosine_worst=float(cosines.min()),
        kept=kept_of_top(wanted, found, top),
        top=top,
        rank_correlation=rank_correlation(wanted, found),
    )


def kept_of_top(wanted: Vectors, found: Vectors, top: int) -> float:
    """Share of the `top` largest of each row of `wanted` that are among those of `found`, 0 to 1."""
    best = np.argpartition(-wanted, top - 1, axis=1)[:, :top]
    # What scores as much as the last of the top is as good: copies of one picture are not lost.
    least = -np.partition(-found, top - 1, axis=1)[:, top - 1 : top]
    return float((np.take_along_axis(found, best, axis=1) >= least).mean())


def rank_correlation(a: Vectors, b: Vectors) -> float:
    """Spearman's coefficient of each pair of rows, averaged. Equal values share their mean rank."""
    ranks_a, ranks_b = (np.stack([_ranks(row) for row in scores]) for scores in (a, b))
    centred_a = ranks_a - ranks_a.mean(axis=1, keepdims=True)
    centred_b = ranks_b - ranks_b.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred_a**2).sum(axis=1) * (centred_b**2).sum(axis=1))
    products = (centred_a * centred_b).sum(axis=1)
    # A row of one value has no order to lose.
    return float(np.where(scale > 0, products / np.maximum(scale, 1e-12), 1.0).mean())


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the queries that have a right answer among the first `k`, 0 to 1."""

    at_1: float
    at_5: float
    at_10: float


def recall(
    queries: Vectors, documents: Vectors, answers: Sequence[frozenset[int]]
) -> Recall | None:
    """Recall at 1, 5 and 10. `answers`: for each query the rows of `documents` that are right.

    None if there is no query. A wrong document that scores as much as the best right one counts against it,
    so that a model which gives everything the same vector has no recall.
    """
    if not len(queries):
        return None
    scores = queries @ documents.T
    places = np.array([_place(row, right) for row, right in zip(scores, answers, strict=True)])
    at_1, at_5, at_10 = (float((places < k).mean()) for k in (1, 5, 10))
    return Recall(at_1, at_5, at_10)


def _place(scores: Vectors, right: frozenset[int]) -> int:
    chosen = np.zeros(len(scores), bool)
    chosen[list(right)] = True
    return int((scores[~chosen] >= scores[chosen].max()).sum())


def _others(scores: Vectors) -> Vectors:
    """The scores of each row with all rows but itself: `[n, n]` to `[n, n - 1]`."""
    n = len(scores)
    return scores[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def _ranks(values: Vectors) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middles = ends - (counts - 1) / 2
    ranks: NDArray[np.float64] = middles[inverse].astype(np.float64)
    return ranks
