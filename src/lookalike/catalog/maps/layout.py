"""From vectors to places in the plane, and to clusters. Pure; NumPy, and scikit-learn where it is there."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import ExtraMissing

Method = Literal["tsne", "pca"]
Wanted = Literal["auto", "tsne", "pca"]
Clustering = Literal["hdbscan", "kmeans", "none"]

SEED = 0
COMPONENTS = 50
"""Of the vectors, what t-SNE is given: the rest is mostly noise, and costs time."""

PERPLEXITY = 30.0
FEWEST = 10
"""Fewer points are drawn by their principal components and have no clusters."""

SHARE = 50
"""A cluster of the drawing has at least one in so many of its points, and at least five."""

MEANS = 12
ROUNDS = 50

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """`xy` is float32 `[n, 2]` within -1..1, both axes on one scale. `clusters` is int32 `[n]`: 0 for the
    largest, -1 for a point of none.
    """

    method: Method
    clustering: Clustering
    xy: Floats
    clusters: Labels


def lay_out(vectors: Floats, wanted: Wanted = "auto") -> Layout:
    """Places for unit vectors `[n, d]`: the same for the same vectors on the same machine.

    t-SNE from the principal components, and HDBSCAN over what it drew; without scikit-learn, or when `pca` is
    wanted, the first two principal components, and k-means over the vectors. Raises ExtraMissing when t-SNE
    is wanted and can't be had.
    """
    components = principal(vectors)
    if len(vectors) < FEWEST:
        nothing = np.full(len(vectors), -1, np.int32)
        return Layout("pca", "none", scaled(components[:, :2]), nothing)
    if wanted != "pca":
        try:
            return _by_sklearn(components)
        except ImportError:
            if wanted == "tsne":
                raise ExtraMissing("a map by t-SNE", "map") from None
    return Layout("pca", "kmeans", scaled(components[:, :2]), by_size(k_means(vectors)))


def _by_sklearn(components: Floats) -> Layout:
    from sklearn.cluster import HDBSCAN
    from sklearn.manifold import TSNE

    count = len(components)
    spread = float(components[:, 0].std()) or 1.0
    tsne = TSNE(
        init=components[:, :2] / spread * 1e-4,
        perplexity=min(PERPLEXITY, (count - 1) / 3),
        random_state=SEED,
        n_jobs=1,
    )
    xy = scaled(tsne.fit_transform(components))
    # the leaves: by the excess of mass, a shop of clothes and groceries has two clusters, and no dresses
    clusters = HDBSCAN(
        min_cluster_size=max(5, count // SHARE),
        min_samples=3,
        cluster_selection_method="leaf",
        copy=True,
    )
    return Layout("tsne", "hdbscan", xy, by_size(clusters.fit_predict(xy)))


def principal(vectors: Floats) -> Floats:
    """The vectors in their first principal components, `[n, 2..COMPONENTS]`; the signs are fixed."""
    centred = vectors - vectors.mean(axis=0, keepdims=True) if len(vectors) else vectors
    if len(vectors) < 2 or not np.any(centred):
        return np.zeros((len(vectors), 2), np.float32)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:COMPONENTS]
    # an axis may point either way: let its largest part be positive, so that every run draws the same
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    found = np.ascontiguousarray(centred @ axes.T, dtype=np.float32)
    return found if found.shape[1] >= 2 else np.pad(found, ((0, 0), (0, 1)))


def scaled(places: NDArray[np.floating]) -> Floats:
    """The places around the middle of what they span, the longer side from -1 to 1."""
    if not len(places):
        return np.zeros((0, 2), np.float32)
    low, high = places.min(axis=0), places.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    within: Floats = ((places - (low + high) / 2) / half).astype(np.float32)
    return within


def k_means(vectors: Floats) -> Labels:
    """Clusters of unit vectors by their cosines, at most MEANS of them. Begins with vectors far from each
    other, from a fixed seed."""
    rng = np.random.default_rng(SEED)
    count = max(1, min(MEANS, len(vectors) // 5))
    means = vectors[[int(rng.integers(len(vectors)))]]
    while len(means) < count:
        far = np.clip(1 - (vectors @ means.T).max(axis=1), 0, None).astype(np.float64)
        if not far.sum():
            break
        means = np.vstack([means, vectors[rng.choice(len(vectors), p=far / far.sum())]])
    labels = np.full(len(vectors), -1, np.int32)
    for _ in range(ROUNDS):
        nearest = (vectors @ means.T).argmax(axis=1).astype(np.int32)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        for at in range(len(means)):
            if len(own := vectors[labels == at]):
                mean = own.mean(axis=0)
                means[at] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return labels


def by_size(labels: NDArray[np.integer]) -> Labels:
    """The same clusters, numbered by size; -1 stays."""
    known, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = known[np.argsort(-counts, kind="stable")]
    renamed = {int(old): new for new, old in enumerate(order)}
    return np.array([renamed.get(int(one), -1) for one in labels], np.int32)
