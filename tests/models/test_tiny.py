"""The built-in model: whole, small, the same everywhere, and as good as its page says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from training.tiny import evaluate
from training.tiny.evaluate import BUNDLE, PRODUCTS, STAMPS, Runtime, load_encoder

from lookalike.encoder.encoder import Encoder
from lookalike.models.bundle import CARD, open_bundle
from lookalike.settings import Precision

needs_photos = pytest.mark.skipif(
    not (PRODUCTS / "items.jsonl").is_file(),
    reason="shared/data/products is not beside this project",
)


@pytest.fixture(scope="module")
def model() -> Encoder:
    return load_encoder("tiny")


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=1)


def drawn(seed: int) -> bytes:
    """A picture that is the same everywhere: soft blobs of colour, as a BMP-like PNG."""
    from io import BytesIO

    from PIL import Image

    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC)
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_bundle_is_whole_and_at_most_16_mb() -> None:
    bundle = open_bundle(BUNDLE)
    bundle.verify()
    assert sum((BUNDLE / name).stat().st_size for name in (*bundle.card.files, CARD)) <= 16_000_000


def test_card_and_graphs_agree_on_dimension_and_unit_length(model: Encoder) -> None:
    card = open_bundle(BUNDLE).card
    for vectors in (
        model.encode_texts(["a red apple", ""]),
        model.encode_images([drawn(1), drawn(2)]),
    ):
        assert vectors.shape == (2, card.dimension)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)


def test_padding_changes_nothing(model: Encoder) -> None:
    long = "a photo of a striped long-sleeved shirt with a collar, on a hanger in a shop"
    alone, beside = model.encode_texts(["red shoes"]), model.encode_texts(["red shoes", long])[:1]
    assert cosines(alone, beside)[0] > 0.9995


TEXTS = [
    "a red apple",
    "blue jeans",
    "a dog in the grass",
    "",
    "striped wooden chair for the kitchen",
]


@pytest.mark.parametrize(
    ("precision", "runtime", "least"),
    [("bf16", "openvino", 0.99), ("fp32", "onnxruntime", 0.99)],
)
def test_vectors_are_the_same_with_every_runtime_and_precision(
    precision: Precision, runtime: Runtime, least: float
) -> None:
    exact = load_encoder("tiny", "fp32", "openvino")
    other = load_encoder("tiny", precision, runtime)
    assert cosines(exact.encode_texts(TEXTS), other.encode_texts(TEXTS)).min() > least
    pictures = [drawn(seed) for seed in range(6)]
    assert cosines(exact.encode_images(pictures), other.encode_images(pictures)).min() > least


FLOORS = {
    "clothing": 86.0,
    "grocery_coarse": 73.0,
    "grocery_fine": 58.5,
    "picture_to_picture": 56.0,
    "text_to_picture": 82.0,
}
"""A little under what the model reaches on these photos; see docs/models/tiny.md."""


@needs_photos
def test_reaches_its_figures_on_photos_that_it_was_not_trained_on(model: Encoder) -> None:
    """With every third of the grocery photos: all of them take three times as long and say the same."""
    report, _ = evaluate.evaluate(model, PRODUCTS, Path("/nonexistent"), every=3)
    reached = {name: getattr(report, name) for name in FLOORS}
    assert all(reached[name] >= floor for name, floor in FLOORS.items()), reached


@pytest.mark.skipif(
    not STAMPS.is_dir(), reason="the Debian package tuxpaint-stamps-default is not installed"
)
def test_finds_stamps_by_their_captions(model: Encoder) -> None:
    assert evaluate.caption_recall(model, evaluate.load_stamps()) >= 31


def zero_shot(model: Encoder, data: bytes, labels: Sequence[str]) -> str:
    return labels[
        int((model.encode_images([data]) @ evaluate.label_vectors(model, labels).T).argmax())
    ]


@pytest.mark.parametrize(
    "colour", ["red", "green", "blue", "yellow", "black", "white", "pink", "orange"]
)
def test_knows_basic_colours(model: Encoder, colour: str) -> None:
    from io import BytesIO

    from PIL import Image, ImageDraw

    codes = {
        "red": "#d21f26", "green": "#2f9e3a", "blue": "#2456c7", "yellow": "#f4d71f",
        "black": "#141416", "white": "#fbfbfb", "pink": "#f28ab8", "orange": "#f27d16",
    }  # fmt: skip
    picture = Image.new("RGB", (300, 300), "#e8e8e8" if colour == "white" else "white")
    # a T-shirt, roughly
    shape = [(90, 60), (130, 75), (170, 75), (210, 60), (270, 110), (240, 150), (215, 130), (215, 260),
             (85, 260), (85, 130), (60, 150), (30, 110)]  # fmt: skip
    ImageDraw.Draw(picture).polygon(shape, fill=codes[colour])
    file = BytesIO()
    picture.save(file, "PNG")
    labels = [f"{name} t-shirt" for name in codes]
    assert zero_shot(model, file.getvalue(), labels) == f"{colour} t-shirt"
