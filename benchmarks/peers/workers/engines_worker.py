"""FAISS (flat, HNSW), hnswlib and USearch over one file of vectors: build time, p50, recall, memory.

Every HNSW has 16 links and 100 candidates while building, as Qdrant's default; for searching the least effort
of a ladder is taken that gives a recall@10 of 0.98. One query at a time, one thread for it.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import faiss
import hnswlib
import measure
import numpy as np
from usearch.index import Index

K, LINKS, BUILDING = 10, 16, 100
EFFORTS = (16, 32, 64, 128, 256, 512)
Find = Callable[[np.ndarray], np.ndarray]


def flat(vectors: np.ndarray) -> tuple[Find, Callable[[int], None]]:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda query: index.search(query[None], K)[1][0], lambda _: None


def faiss_hnsw(vectors: np.ndarray) -> tuple[Find, Callable[[int], None]]:
    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILDING
    index.add(vectors)

    def effort(value: int) -> None:
        index.hnsw.efSearch = value

    return lambda query: index.search(query[None], K)[1][0], effort


def hnswlib_index(vectors: np.ndarray) -> tuple[Find, Callable[[int], None]]:
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), ef_construction=BUILDING, M=LINKS)
    index.add_items(vectors)
    index.set_num_threads(1)
    return lambda query: index.knn_query(query, K)[0][0], index.set_ef


def usearch_index(vectors: np.ndarray) -> tuple[Find, Callable[[int], None]]:
    index = Index(ndim=vectors.shape[1], metric="ip", connectivity=LINKS, expansion_add=BUILDING)
    index.add(np.arange(len(vectors)), vectors)

    def effort(value: int) -> None:
        index.expansion_search = value

    return lambda query: index.search(query, K).keys, effort


ENGINES = {
    "FAISS flat": flat,
    "FAISS HNSW": faiss_hnsw,
    "hnswlib": hnswlib_index,
    "USearch": usearch_index,
}


def main() -> None:
    asked = json.loads(sys.argv[1])
    vectors, queries = np.load(asked["vectors"]), np.load(asked["queries"])
    truth = np.load(asked["truth"])
    before = measure.resident_mb()["now"]
    began = time.perf_counter()
    find, set_effort = ENGINES[asked["engine"]](vectors)
    row: dict[str, Any] = {"build_s": time.perf_counter() - began}
    faiss.omp_set_num_threads(1)
    for effort in EFFORTS:
        set_effort(effort)
        found = [set(find(query).tolist()) for query in queries[: len(truth)]]
        recall = np.mean([len(set(t.tolist()) & f) / K for t, f in zip(truth, found, strict=True)])
        if recall >= 0.98:
            break
    row |= {"effort": effort, "recall_at_10": float(recall)}
    times = []
    for query in queries:
        began = time.perf_counter()
        find(query)
        times.append(1e3 * (time.perf_counter() - began))
    row |= {"p50": float(np.median(times)), "p99": float(np.percentile(times, 99))}
    row["memory_mb"] = measure.resident_mb()["now"] - before
    print(json.dumps(row))


if __name__ == "__main__":
    main()
