"""Every drawing by its name, whether it is laid out flat or photographed in the studio."""

from collections.abc import Callable
from typing import TypeAlias

from PIL import Image
from training.sample import (
    accessories,
    bags,
    bakery,
    bottoms,
    footwear,
    fruit,
    furniture,
    household,
    neckwear,
    outerwear,
    pantry,
    tableware,
    tops,
    vegetables,
)
from training.sample.look import Look
from training.sample.studio import Studio

Drawing: TypeAlias = Callable[[Look, Studio], Image.Image]


def _flat(draw: Callable[[Look], Image.Image]) -> Drawing:
    """A flat drawing needs no studio."""
    return lambda look, _: draw(look)


DRAWINGS: dict[str, Drawing] = {
    name: _flat(draw)
    for room in (tops, outerwear, bottoms, neckwear)
    for name, draw in room.KINDS.items()
} | {
    name: draw
    for room in (
        footwear,
        bags,
        accessories,
        tableware,
        furniture,
        household,
        fruit,
        vegetables,
        bakery,
        pantry,
    )
    for name, draw in room.KINDS.items()
}
