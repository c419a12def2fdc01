"""An encoder that knows one thing, colours, so that tests can say what must be found. Real pictures go through
the real preprocessing; only the towers are replaced, at the seam that the catalogue itself defines."""

import re
from collections.abc import Sequence

import numpy as np

from lookalike.encoder.images import ImagePreprocessor
from lookalike.models.cards import ImageSpec, ModelCard, Source, TextSpec, TowerGraphs

SIDE = 32
DIMENSION = 16
COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 160, 60),
    "blue": (30, 60, 200),
    "yellow": (220, 200, 40),
    "black": (20, 20, 20),
    "white": (240, 240, 240),
}


def card(name: str) -> ModelCard:
    digest = "0" * 64
    return ModelCard(
        name=name,
        architecture="colours",
        activation="other",
        dimension=DIMENSION,
        logit_scale=100,
        image=ImageSpec(height=SIDE, width=SIDE, mean=(0, 0, 0), std=(1, 1, 1)),
        text=TextSpec(context_length=77, vocab_size=100, start_id=1, end_id=2, pad_id=0),
        graphs={
            "image": TowerGraphs(fp32="image.onnx", parameters=0),
            "text": TowerGraphs(fp32="text.onnx", parameters=0),
        },
        source=Source(layout="ready-made"),
        files=dict.fromkeys(("image.onnx", "text.onnx", "tokenizer.json"), digest),
    )


class ColourEncoder:
    """Mean colour in, direction out. `seed` makes another model of it, with another fingerprint."""

    def __init__(self, seed: int = 0) -> None:
        self.card = card(f"colours-{seed}")
        self.fingerprint = f"c0{seed:014x}"
        self.dimension = DIMENSION
        assert self.card.image is not None
        self.images = ImagePreprocessor(self.card.image)
        # rotates the space, so that vectors of two seeds have nothing to do with each other
        basis = np.random.default_rng(seed).standard_normal((DIMENSION, DIMENSION))
        self._rotation = np.linalg.qr(basis)[0]
        self.pictures = self.texts = 0
        """How many were encoded."""

    def encode_images(self, pictures: Sequence[bytes]) -> np.ndarray:
        return self.encode_pixels(np.stack([self.images(data) for data in pictures]))

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.pictures += len(pixels)
        coarse = pixels.reshape(len(pixels), 2, SIDE // 2, 2, SIDE // 2, 3).mean(axis=(2, 4))
        return self._unit(coarse.reshape(len(pixels), 4, 3))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += len(texts)
        rows = []
        for text in texts:
            named = [COLOURS[w] for w in re.findall(r"\w+", text.lower()) if w in COLOURS]
            rows.append(np.mean(named or [(128, 128, 127)], axis=0))
        return self._unit(np.repeat(np.array(rows, float)[:, None], 4, axis=1))

    def _unit(self, quarters: np.ndarray) -> np.ndarray:
        """`[n, 4, 3]` colours to unit vectors `[n, DIMENSION]`."""
        features = np.zeros((len(quarters), DIMENSION))
        features[:, :12] = (quarters / 128 - 1).reshape(len(quarters), 12)
        features[:, 12] = 0.05  # so that mid grey has a direction too
        vectors = (features @ self._rotation).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
