"""How much of what people ask for is among the first 10 hits, on real photos and a committed list of queries.

    python -m benchmarks.catalog_precision                   the built-in model
    python -m benchmarks.catalog_precision --model ViT-B-32  another one
    python -m benchmarks.catalog_precision --every 10        a tenth of the photos: a look, not a figure

The photos are the test splits of the shared products, the queries `training/tiny/queries.json`: 30 texts, each
with what is right: categories, products, or, where a colour is asked for that no label tells, photos that were
picked by eye. Everything goes the whole way: ingest, the engine, search by words. Precision@10 is the right
ones among 10 hits, of as many as there could be. `--target hybrid` searches descriptions and BM25 too.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.ingest import IngestOptions
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.sources import open_source
from lookalike.encoder import Encoder

ROOT = Path(__file__).parents[1]
PRODUCTS = ROOT.parent / "shared" / "data" / "products"
QUERIES = ROOT / "training" / "tiny" / "queries.json"
K = 10


def test_rows(every: int) -> list[dict[str, Any]]:
    """The items of the test splits; with `every`, only every n-th of a category."""
    rows, seen = [], Counter[str]()
    with (PRODUCTS / "items.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] != "test":
                continue
            seen[row["category"]] += 1
            if (seen[row["category"]] - 1) % every == 0:
                rows.append({**row, "image": str(PRODUCTS / row["image"])})
    return rows


def right(query: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether the item is what the query asks for."""
    return (
        row["category"] in query.get("category", ())
        or row["title"] in query.get("title", ())
        or row["id"] in query.get("item", ())
    )


def precision(catalog: Catalog, rows: list[dict[str, Any]], target: str) -> dict[str, float]:
    """Of each query."""
    found = {}
    for query in json.loads(QUERIES.read_text(encoding="utf-8")):
        wanted = {row["id"] for row in rows if right(query, row)}
        asked = Query((QueryPart(text=query["text"]),), target=target, limit=K)  # type: ignore[arg-type]
        hits = [hit.id for hit in catalog.search("products", asked)]
        found[query["text"]] = sum(one in wanted for one in hits) / max(1, min(K, len(wanted)))
    return found


def measure(model: str, every: int, target: str) -> dict[str, Any]:
    rows = test_rows(every)
    with tempfile.TemporaryDirectory() as folder, Encoder.load(model) as encoder:
        data = Path(folder)
        feed = data / "feed.jsonl"
        feed.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with Catalog(EmbeddedStore(data / "store"), lambda: encoder, data) as catalog:
            options = IngestOptions(thumbnails=False)
            summary = catalog.index("products", [open_source(feed)], options=options)
            queries = precision(catalog, rows, target)
    return {
        "model": encoder.info.model,
        "precision": encoder.info.precision,
        "items": summary.tally.added,
        "target": target,
        "precision_at_10": round(sum(queries.values()) / len(queries), 3),
        "queries": {text: round(value, 2) for text, value in queries.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--target", choices=["image", "hybrid"], default="image")
    arguments = parser.parse_args()
    if not PRODUCTS.is_dir():
        print(f"there are no photos in {PRODUCTS}", file=sys.stderr)
        return 1
    print(json.dumps(measure(arguments.model, arguments.every, arguments.target), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
