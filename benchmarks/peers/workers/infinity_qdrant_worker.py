"""What a user writes to search a folder of pictures with Infinity and Qdrant: ingest, then search by words.

The pictures go to Infinity as data URIs, some in a request, several requests at a time: its docs count on that,
for it makes batches of what waits. The vectors come back as base64 and go into Qdrant's own engine in this
process (qdrant-edge), which spares the script a second server.
"""

import base64
import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import measure
import numpy as np
import qdrant_edge as edge

AT_ONCE, REQUESTS = 8, 4
DIMENSION = 512
K = 10


class Embedder:
    """Infinity's route."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)

    def __call__(self, given: list[str], modality: str) -> np.ndarray:
        body = {"model": "clip", "input": given, "modality": modality, "encoding_format": "base64"}
        answer = self._http.post("/embeddings", json=body)
        answer.raise_for_status()
        rows = [base64.b64decode(one["embedding"]) for one in answer.json()["data"]]
        return np.stack([np.frombuffer(row, np.float32) for row in rows])


def data_uri(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def ingest(shard: Any, embed: Embedder, paths: list[Path]) -> None:
    chunks = [paths[at : at + AT_ONCE] for at in range(0, len(paths), AT_ONCE)]
    with ThreadPoolExecutor(REQUESTS) as pool:
        found = pool.map(lambda chunk: embed([data_uri(path) for path in chunk], "image"), chunks)
        for number, (chunk, vectors) in enumerate(zip(chunks, found, strict=True)):
            points = [
                edge.Point(number * AT_ONCE + place, {"image": vector}, {"path": str(path)})
                for place, (path, vector) in enumerate(zip(chunk, vectors, strict=True))
            ]
            shard.update(edge.UpdateOperation.upsert_points(points))
    shard.flush()


def search(shard: Any, embed: Embedder, text: str) -> list[str]:
    (vector,) = embed([text], "text")
    query = edge.Query.Nearest(vector, "image")
    hits = shard.query(edge.QueryRequest(K, query=query, with_payload=True))
    return [hit.payload["path"] for hit in hits]


def main() -> None:
    asked = json.loads(sys.argv[1])
    paths = sorted(Path(asked["pictures"]).glob("*.jpg"))
    embed = Embedder(asked["url"])
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "shard"
        where.mkdir()
        vectors = {"image": edge.EdgeVectorParams(size=DIMENSION, distance=edge.Distance.Cosine)}
        shard = edge.EdgeShard.create(str(where), edge.EdgeConfig(vectors=vectors))
        began = time.perf_counter()
        ingest(shard, embed, paths)
        row: dict[str, Any] = {"ingest_s": time.perf_counter() - began, "pictures": len(paths)}
        texts = asked["texts"]
        search(shard, embed, "warm")
        times = []
        for text in texts:
            began = time.perf_counter()
            found = search(shard, embed, text)
            times.append(1e3 * (time.perf_counter() - began))
            assert len(found) == K
        shard.close()
    row |= {name: float(np.quantile(times, q)) for name, q in (("p50", 0.5), ("p95", 0.95))}
    used = resource.getrusage(resource.RUSAGE_SELF)
    row |= {"own_processor_s": used.ru_utime + used.ru_stime,
            "own_mb": measure.resident_mb()["peak"]}  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main()
