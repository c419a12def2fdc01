"""Colour as the picture tower sees it: a soft histogram of named colours over what is likely the foreground.

The classifier's features have lost colour, as they should: a red car is a car. So it is measured on the
pixels: averaged to a grid of cells, turned to Oklab (where distances are as people see them), and shared out
softly among prototype colours. The export writes the same arithmetic into the graph.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

STEP = 2
"""Every second pixel of every second row is looked at: a quarter of the work, and colour hardly changes."""
CELL = 7
"""Such pixels of a cell's side."""
SOFTNESS = 0.006
"""Squared Oklab distance at which a prototype's share has fallen to 1/e of that of an exact one."""
BORDER_CONTRAST = 0.012
"""Squared Oklab distance from the border's colour at which a cell counts as 63 % foreground."""
BACKGROUND_SHARE = 0.08
"""What a cell that looks like the border still counts: a white shirt on white must not vanish."""
CENTRE_WIDTH = 0.30
"""Standard deviation of the Gaussian that prefers the middle, in picture widths."""
GAMMA = 2.2

_LMS = ((0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip

PROTOTYPES: tuple[tuple[str, str], ...] = (
    ("white", "ffffff"), ("white", "e9e9ea"), ("grey", "c0c0c2"), ("grey", "8c8c8e"), ("grey", "5c5c5f"),
    ("black", "303033"), ("black", "0c0c0e"),
    ("red", "d81e1e"), ("red", "f04a40"), ("dark red", "7c1420"), ("burgundy", "56202a"),
    ("orange", "f07818"), ("orange", "f5a04a"), ("brown", "7a4a28"), ("brown", "96643c"),
    ("dark brown", "42281a"), ("tan", "bc9468"), ("beige", "d8c4a4"), ("cream", "f2e8d0"),
    ("yellow", "f5dc28"), ("yellow", "f2e27c"), ("mustard", "c8981c"), ("gold", "d8b040"),
    ("olive", "6c6c30"), ("khaki", "9c9468"), ("lime green", "a4d43c"), ("green", "44a838"),
    ("green", "74b45c"), ("dark green", "1e5228"), ("dark green", "3c5c3c"), ("mint green", "b0dcc0"),
    ("teal", "1c8484"), ("turquoise", "40c8c0"),
    ("light blue", "a8cce8"), ("light blue", "70a8d8"), ("blue", "2c64c8"), ("blue", "2038a4"),
    ("denim blue", "4c6484"), ("navy blue", "1c2444"),
    ("purple", "6c2c90"), ("purple", "9454b8"), ("lavender", "c4b0e0"), ("magenta", "d0208c"),
    ("pink", "f070a8"), ("light pink", "f4c0cc"), ("salmon", "ec8c7c"),
)  # fmt: skip
NAMES = tuple(dict.fromkeys(name for name, _ in PROTOTYPES))

BASIC = {
    "dark red": "red", "burgundy": "red", "dark brown": "brown", "tan": "brown", "beige": "beige",
    "cream": "white", "mustard": "yellow", "gold": "yellow", "olive": "green", "khaki": "green",
    "lime green": "green", "dark green": "green", "mint green": "green", "teal": "blue",
    "turquoise": "blue", "light blue": "blue", "denim blue": "blue", "navy blue": "blue",
    "lavender": "purple", "magenta": "pink", "light pink": "pink", "salmon": "pink",
}  # fmt: skip
"""The everyday word for a finer one, where there is one."""


def oklab(rgb: Tensor) -> Tensor:
    """Oklab of sRGB in 0..1, along the last axis (with a plain power of 2.2 for the transfer curve)."""
    lms = rgb.clamp(min=1e-4) ** GAMMA @ torch.tensor(_LMS, dtype=rgb.dtype).T
    return lms ** (1 / 3) @ torch.tensor(_LAB, dtype=rgb.dtype).T


def prototype_lab() -> Tensor:
    """[k, 3]."""
    rgb = [[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for _, code in PROTOTYPES]
    return oklab(torch.tensor(rgb, dtype=torch.float64)).float()


@dataclass(frozen=True)
class Grid:
    """The masks of a grid of `side` x `side` cells."""

    side: int

    @property
    def centre(self) -> Tensor:
        """[side, side]: 1 in the middle, less outwards."""
        axis = (torch.arange(self.side) + 0.5) / self.side - 0.5
        return torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * CENTRE_WIDTH**2))

    @property
    def border(self) -> Tensor:
        """[side, side]: the outermost ring of cells shares a sum of 1."""
        mask = torch.ones(self.side, self.side)
        mask[1:-1, 1:-1] = 0
        return mask / mask.sum()


def histogram(pixels: Tensor) -> Tensor:
    """Shares of the prototype colours [n, k] in the foreground of uint8 pixels [n, height, width, 3]."""
    pixels = pixels[:, ::STEP, ::STEP]
    n, height, width, _ = pixels.shape
    cells = pixels.float().view(n, height // CELL, CELL, width // CELL, CELL, 3).mean((2, 4)) / 255
    lab, grid = oklab(cells), Grid(height // CELL)
    border = (lab * grid.border[None, :, :, None]).sum((1, 2), keepdim=True)
    contrast = 1 - torch.exp(-((lab - border) ** 2).sum(-1) / BORDER_CONTRAST)
    weight = grid.centre * (contrast + BACKGROUND_SHARE)
    distance = ((lab[..., None, :] - prototype_lab()) ** 2).sum(-1)
    share = torch.softmax(-distance / SOFTNESS, -1)
    return (share * weight[..., None]).sum((1, 2)) / weight.sum((1, 2))[:, None]


def named(shares: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Colour words for one picture's shares [k], strongest first; sometimes the everyday word for a finer one.

    Words of a colour that covers less than a fifth are left out; a picture of many colours says so.
    """
    totals: dict[str, float] = {}
    for (name, _), share in zip(PROTOTYPES, shares, strict=True):
        basic = BASIC.get(name, name)
        totals[basic] = totals.get(basic, 0.0) + float(share)
    chosen = [n for n in sorted(totals, key=lambda name: -totals[name]) if totals[n] > 0.2]
    if not chosen or math.fsum(sorted(totals.values())[-2:]) < 0.5:
        return ["colourful" if rng.random() < 0.5 else "multicoloured"]
    words = []
    for basic in chosen[:2]:
        fine: dict[str, float] = {}
        for (name, _), share in zip(PROTOTYPES, shares, strict=True):
            if BASIC.get(name, name) == basic:
                fine[name] = fine.get(name, 0.0) + float(share)
        best = max(fine, key=lambda name: fine[name])
        words.append(best if rng.random() < 0.4 and fine[best] > 0.5 * totals[basic] else basic)
    return words
