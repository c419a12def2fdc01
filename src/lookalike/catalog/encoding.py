"""What the catalogue asks of an encoder."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.models.cards import ModelCard

Vectors = NDArray[np.float32]
"""Unit vectors, one row each: float32 `[n, dimension]`."""


class Pictures(Protocol):
    """From picture files to what the image tower takes. Safe to call from many threads at once."""

    def decode(self, data: bytes) -> Image.Image:
        """The whole picture. Raises ImageError."""
        ...

    def pixels(self, picture: Image.Image) -> NDArray[np.uint8]:
        """The image tower's input: `[height, width, 3]`. Raises ImageError."""
        ...


class Model(Protocol):
    """Which model vectors are of, wherever it runs."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of all that changes a vector."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...


class Encoder(Model, Protocol):
    """Pictures and words to unit vectors of one space."""

    @property
    def images(self) -> Pictures | None:
        """None where there is no image tower."""
        ...

    def encode_images(self, pictures: Sequence[bytes]) -> Vectors:
        """Of picture files. Raises ImageError for the first bad one."""
        ...

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> Vectors:
        """Of `[n, height, width, 3]`, as `images.pixels` gives them."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Of strings."""
        ...
