"""What a bundle can do, on the test splits of the products and on Tux Paint's stamps.

    python -m training.tiny.evaluate [--model NAME] [--products FOLDER] [--json]

Uses only this project's package, so it runs wherever the service does. Any dual encoder can be measured
with it. Nothing here was used to train the model. The stamps were looked
at while it was developed, though choices were made by held-out training data.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.encoder import Encoder
from lookalike.settings import Precision, Settings

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "src" / "lookalike" / "models" / "tiny"
PRODUCTS = ROOT.parent / "shared" / "data" / "products"
STAMPS = Path("/usr/share/tuxpaint/stamps")
"""Where Debian's `tuxpaint-stamps-default` puts them."""
QUERIES = Path(__file__).with_name("queries.json")

Vectors = NDArray[np.float32]
Runtime = Literal["auto", "openvino", "onnxruntime"]
PROMPTS = ("a photo of a {}", "{}", "a picture of a {}")
"""A label's vector is the mean over these, which asks for less luck than one."""


@dataclass(frozen=True)
class Photo:
    id: str
    data: bytes
    category: str
    title: str
    department: str


@dataclass(frozen=True)
class Report:
    """Per cent, all of them."""

    photos: int
    clothing: float
    """Zero-shot over the 10 categories of clothing."""
    grocery_coarse: float
    """Over 43 categories."""
    grocery_fine: float
    """Over 81 products."""
    picture_to_picture: float
    """Of the 10 nearest other photos, how many are of the same category (clothing) or product (grocery)."""
    text_to_picture: float
    """Of the 10 nearest photos to each of 30 queries, how many are of the category and colour asked for."""
    stamps: float | None
    """Captions of Tux Paint's stamps: how often a stamp of that caption is among the 10 nearest.
    None where they are not installed."""
    stamps_count: int = 0


def load_photos(products: Path, every: int = 1) -> list[Photo]:
    """The photos of the test splits; with `every`, only every n-th of a category, in the file's order."""
    photos, seen = [], Counter[str]()
    for line in (products / "items.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["split"] != "test":
            continue
        key = item["title"] or item["category"]
        seen[key] += 1
        # clothing has few photos as it is
        if item["department"] == "clothing" or (seen[key] - 1) % every == 0:
            data = (products / item["image"]).read_bytes()
            photos.append(Photo(item["id"], data, item["category"], key, item["department"]))
    return photos


def load_stamps(folder: Path = STAMPS) -> list[tuple[bytes, str]]:
    """Stamps with an English caption."""
    stamps = []
    for path in sorted(folder.rglob("*.png")):
        text = path.with_suffix(".txt")
        if text.is_file():
            caption = text.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
            if caption:
                stamps.append((path.read_bytes(), caption))
    return stamps


def label_vectors(model: Encoder, labels: Sequence[str]) -> Vectors:
    total = sum(model.encode_texts([p.format(label.lower()) for label in labels]) for p in PROMPTS)
    unit: Vectors = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit


def zero_shot(model: Encoder, vectors: Vectors, truth: Sequence[str]) -> float:
    labels = sorted(set(truth))
    nearest = (vectors @ label_vectors(model, labels).T).argmax(1)
    return 100 * float(np.mean([labels[i] == t for i, t in zip(nearest, truth, strict=True)]))


def same_among_nearest(vectors: Vectors, truth: Sequence[str], at: int = 10) -> float:
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -2)
    nearest = np.argsort(-similar, axis=1)[:, :at]
    return 100 * float(
        np.mean([truth[j] == truth[i] for i, row in enumerate(nearest) for j in row])
    )


def query_precision(
    model: Encoder, photos: Sequence[Photo], vectors: Vectors, at: int = 10
) -> dict[str, float]:
    """Per query, the part of the `at` nearest photos that are right, in per cent of what is possible.

    What is right is a list of categories, of products, or, where a colour or pattern is asked for that no label
    tells, of photos that were picked by eye.
    """
    queries = json.loads(QUERIES.read_text(encoding="utf-8"))
    similar = model.encode_texts([query["text"] for query in queries]) @ vectors.T
    result = {}
    for query, row in zip(queries, similar, strict=True):
        right = np.array(
            [
                photo.category in query.get("category", ())
                or photo.title in query.get("title", ())
                or photo.id in query.get("item", ())
                for photo in photos
            ]
        )
        found = int(right[np.argsort(-row)[:at]].sum())
        result[query["text"]] = 100 * found / max(1, min(at, int(right.sum())))
    return result


def caption_recall(model: Encoder, stamps: Sequence[tuple[bytes, str]], at: int = 10) -> float:
    captions = [caption for _, caption in stamps]
    pictures = model.encode_images([data for data, _ in stamps])
    nearest = np.argsort(-(model.encode_texts(captions) @ pictures.T), axis=1)[:, :at]
    found = [any(captions[j] == captions[i] for j in row) for i, row in enumerate(nearest)]
    return 100 * float(np.mean(found))


def evaluate(
    model: Encoder, products: Path = PRODUCTS, stamps: Path = STAMPS, every: int = 1
) -> tuple[Report, dict[str, float]]:
    """The report, and the precision of each query."""
    photos = load_photos(products, every)
    vectors = model.encode_images([p.data for p in photos])
    clothing = [i for i, p in enumerate(photos) if p.department == "clothing"]
    grocery = [i for i, p in enumerate(photos) if p.department == "grocery"]
    queries = query_precision(model, photos, vectors)
    drawn = load_stamps(stamps) if stamps.is_dir() else []
    report = Report(
        len(photos),
        zero_shot(model, vectors[clothing], [photos[i].category for i in clothing]),
        zero_shot(model, vectors[grocery], [photos[i].category for i in grocery]),
        zero_shot(model, vectors[grocery], [photos[i].title for i in grocery]),
        same_among_nearest(vectors, [p.title for p in photos]),
        float(np.mean(list(queries.values()))),
        caption_recall(model, drawn) if drawn else None,
        len(drawn),
    )
    return report, queries


def load_encoder(
    model: str, precision: Precision = "auto", runtime: Runtime = "auto", threads: int = 0
) -> Encoder:
    """The encoder of a bundle's folder, or of a model by name, on the CPU."""
    return Encoder.load(
        model,
        device="cpu",
        precision=precision,
        runtime=runtime,
        threads=threads,
        settings=Settings(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default="tiny", help="a model's name or a bundle's folder")
    parser.add_argument("--products", type=Path, default=PRODUCTS)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--every", type=int, default=1, help="use every n-th grocery photo")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    model = load_encoder(options.model, options.precision, options.runtime)
    report, queries = evaluate(model, options.products, every=options.every)
    if options.json:
        print(json.dumps({**asdict(report), "queries": queries}))
        return 0
    for name, value in asdict(report).items():
        print(f"{name:20} {value if value is None or isinstance(value, int) else round(value, 1)}")
    for text, value in queries.items():
        print(f"  {value:5.0f}  {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
