"""The colours of the catalogue, by the names that its texts use.

Values are sRGB in 0..255; drawing happens in linear light, so everything asks for `linear()`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Linear: TypeAlias = NDArray[np.float32]
"""Linear RGB, `[..., 3]`, 1.0 is a white wall in full light."""


def to_linear(srgb: tuple[float, float, float]) -> Linear:
    """Linear light of an sRGB colour in 0..255."""
    c = np.asarray(srgb, np.float32) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: Linear) -> NDArray[np.uint8]:
    """sRGB bytes of linear light, with a soft shoulder so that highlights keep their shape."""
    knee = 0.9
    over = np.maximum(linear - knee, 0)
    c = np.where(linear > knee, knee + (1 - knee) * (1 - np.exp(-over / (1 - knee))), linear)
    c = np.clip(c, 0, 1)
    c = np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055)
    return (c * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Colour:
    """A colour as a shop names it. `family` is the word to filter by."""

    name: str
    srgb: tuple[int, int, int]
    family: str

    @cached_property
    def linear(self) -> Linear:
        return to_linear(self.srgb)


_TABLE: dict[str, tuple[tuple[int, int, int], str]] = {
    "white": ((240, 240, 238), "white"),
    "cream": ((238, 226, 200), "beige"),
    "beige": ((213, 190, 152), "beige"),
    "sand": ((198, 174, 138), "beige"),
    "camel": ((186, 136, 82), "brown"),
    "tan": ((181, 124, 72), "brown"),
    "brown": ((104, 66, 40), "brown"),
    "chocolate": ((70, 42, 28), "brown"),
    "black": ((30, 30, 33), "black"),
    "charcoal": ((62, 65, 70), "grey"),
    "grey": ((140, 143, 148), "grey"),
    "light grey": ((196, 198, 201), "grey"),
    "navy": ((28, 40, 82), "blue"),
    "blue": ((38, 92, 186), "blue"),
    "royal blue": ((36, 68, 176), "blue"),
    "sky blue": ((136, 186, 226), "blue"),
    "denim blue": ((62, 92, 138), "blue"),
    "teal": ((18, 120, 124), "green"),
    "turquoise": ((52, 180, 178), "blue"),
    "green": ((44, 132, 66), "green"),
    "forest green": ((30, 78, 50), "green"),
    "olive": ((104, 104, 56), "green"),
    "mint": ((168, 216, 188), "green"),
    "lime": ((158, 196, 54), "green"),
    "yellow": ((246, 206, 50), "yellow"),
    "mustard": ((206, 156, 40), "yellow"),
    "orange": ((234, 120, 34), "orange"),
    "rust": ((172, 80, 40), "orange"),
    "coral": ((240, 118, 98), "pink"),
    "red": ((200, 32, 40), "red"),
    "burgundy": ((112, 24, 42), "red"),
    "pink": ((240, 158, 182), "pink"),
    "hot pink": ((224, 58, 128), "pink"),
    "blush": ((236, 200, 192), "pink"),
    "lilac": ((186, 160, 212), "purple"),
    "purple": ((108, 54, 140), "purple"),
    "silver": ((188, 190, 194), "silver"),
    "gold": ((212, 168, 80), "gold"),
    "copper": ((190, 110, 70), "copper"),
}

COLOURS: dict[str, Colour] = {
    name: Colour(name, srgb, family) for name, (srgb, family) in _TABLE.items()
}


def colour(name: str) -> Linear:
    """Linear RGB of a colour by name. Raises KeyError."""
    return COLOURS[name].linear
