"""Writing the bundle: the graphs, the tokenizer and the card."""

from pathlib import Path

import onnx

from lookalike.models.bundle import CARD, sha256
from lookalike.models.cards import ImageSpec, ModelCard, Source, TextSpec, TowerGraphs

LIMIT = 16_000_000
"""Bytes that the whole bundle may have."""
FILES = ("image.onnx", "text.onnx", "tokenizer.json")

LICENCE = "Apache-2.0"
NOTES = (
    "A small model made by this project, for trying out, testing and tiny machines. Its picture backbone is"
    " EfficientNet-Lite2 (ImageNet weights), its text tower a student of all-MiniLM-L6-v2, joined by training"
    " on product photos and drawings. English only. docs/models/tiny.md says what it can and can't do."
)


def write_bundle(
    folder: Path,
    image: onnx.ModelProto,
    text: onnx.ModelProto,
    tokenizer: str,
    *,
    spec: ImageSpec,
    vocabulary: int,
    context: int,
    dimension: int,
    logit_scale: float,
    logit_bias: float = 0.0,
) -> ModelCard:
    """Write all four files to `folder` and return the card. Raises ValueError if they are too large."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in (("image.onnx", image), ("text.onnx", text)):
        (folder / name).write_bytes(graph.SerializeToString(deterministic=True))
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    card = ModelCard(
        name="tiny",
        architecture="EfficientNet-Lite2 with a 2-layer MiniLM student",
        activation="other",
        dimension=dimension,
        logit_scale=logit_scale,
        logit_bias=logit_bias,
        image=spec,
        text=TextSpec(
            context_length=context,
            vocab_size=vocabulary,
            pad_id=0,
            start_id=2,
            end_id=3,
            clean="none",
            padding="trim",
        ),
        graphs={
            "image": TowerGraphs(fp32="image.onnx", parameters=parameters(image), stored="int8"),
            "text": TowerGraphs(fp32="text.onnx", parameters=parameters(text), stored="int8"),
        },
        # no hashes of what it was made from: a fingerprint would take those for the weights themselves
        source=Source(repository="lookalike/training/tiny", layout="ready-made"),
        files={name: sha256(folder / name) for name in FILES},
        licence=LICENCE,
        notes=NOTES,
    )
    card.write(folder / CARD)
    size = sum((folder / name).stat().st_size for name in (*FILES, CARD))
    if size > LIMIT:
        raise ValueError(f"the bundle has {size:,} bytes, more than {LIMIT:,}")
    return card


def parameters(graph: onnx.ModelProto) -> int:
    """How many numbers the graph's larger constants hold: weights and biases, not shapes and scalars."""
    sizes = []
    for constant in graph.graph.initializer:
        size = 1
        for n in constant.dims:
            size *= n
        if size >= 16:
            sizes.append(size)
    return sum(sizes)
