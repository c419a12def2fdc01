"""What one item wears and how it is cut: all that a drawing needs to know."""

# ruff: noqa: ARG005
# paints all take (x, y, z)

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from training.sample.fields import Field
from training.sample.forms import Profile
from training.sample.palette import Linear, colour
from training.sample.patterns import Dress
from training.sample.studio import Paint


@dataclass(frozen=True)
class Look:
    """The dress of the surface, the colour of its trimmings, its cut, and the seed of its accidents."""

    dress: Dress
    trim: str
    cut: str
    seed: int

    @property
    def main(self) -> Linear:
        return colour(self.dress.colours[0])

    @property
    def second(self) -> Linear:
        return colour(self.dress.colours[1] if len(self.dress.colours) > 1 else self.trim)

    @property
    def trim_paint(self) -> Linear:
        return colour(self.trim)


def shaded(paint: Linear, t: float) -> Linear:
    return (paint * np.float32(t)).astype(np.float32)


def around(dress: Dress, radius: float, size: float = 0.5) -> Paint:
    """The pattern wound around an upright thing of this radius."""
    # a whole number of repeats would be needed to hide the seam, so it lies at the back
    return lambda x, y, z: dress(np.arctan2(x, z) * radius * size + 0.5, 0.8 - y * size)


def fronted(dress: Dress, size: float = 0.5) -> Paint:
    """The pattern printed from the front."""
    return lambda x, y, z: dress(x * size + 0.5, 0.8 - y * size)


def draped(dress: Dress, size: float = 0.5) -> Paint:
    """The pattern on all sides of a thing: it runs on from the front over the top and round the sides."""
    return lambda x, y, z: dress((x + 0.5 * z) * size + 0.5, 0.8 - (y - 0.8 * z) * size)


def from_above(dress: Dress, size: float = 0.5) -> Paint:
    return lambda x, y, z: dress(x * size + 0.5, z * size + 0.5)


def either(inside: Paint | Linear, outside: Paint | Linear, where: object) -> Paint:
    """One paint where `where(x, y, z)` is true, the other elsewhere."""

    def paint(x: Field, y: Field, z: Field) -> Linear:
        a, b = (
            p(x, y, z) if callable(p) else np.broadcast_to(p, (*x.shape, 3))
            for p in (inside, outside)
        )
        return np.where(where(x, y, z)[..., None], a, b).astype(np.float32)  # type: ignore[operator]

    return paint


def within(
    outer: Sequence[tuple[float, float]], wall: float = 0.02
) -> Callable[[Field, Field, Field], Field]:
    """Whether points lie on the inside of a vessel with this outline (radius, height)."""
    low, high = outer[0][1], outer[-1][1]
    solid = Profile(
        [
            (-0.3, low, 1),
            (outer[0][0], low, 1),
            *outer[1:-1],
            (*outer[-1], 1),
            (*outer[-1], 1),
            (outer[-1][0], high + 0.3, 1),
            (-0.3, high + 0.3, 1),
        ]
    )
    return lambda x, y, z: solid(np.hypot(x, z), y) < -wall * 0.6
