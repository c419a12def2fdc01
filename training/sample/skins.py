"""The skins and leaves of what grows."""

# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

import numpy as np
from training.sample.fields import Field, bumps, smooth, turbulence
from training.sample.forms import (
    Form,
    melt,
    tube,
)
from training.sample.palette import Linear, colour
from training.sample.studio import Finish, Paint

STALK = Finish(
    colour("brown") * 0.8, bump=lambda x, y, z: bumps(x * 40, y * 20, z * 40), depth=0.004
)


def blend(a: Linear, b: Linear, t: Field) -> Linear:
    t = np.clip(t, 0, 1)[:, None]
    return (a * (1 - t) + b * t).astype(np.float32)


def freckled(base: Linear, spot: Linear, scale: float, amount: float = 0.25) -> Paint:
    def paint(x: Field, y: Field, z: Field) -> Linear:
        slow = turbulence(x * 2, y * 2, z * 2, 1.0)
        fine = bumps(x * scale, y * scale, z * scale, 4.0)
        return blend(base, spot, 0.25 + 0.35 * slow + amount * smooth(0.35, 0.6, fine))

    return paint


def star(size: float, rays: int, droop: float) -> Form:
    """The green leaves on top of a tomato or strawberry."""
    out: list[Form] = []
    for k in range(rays):
        a = 2 * np.pi * k / rays + 0.3
        s, c = np.sin(a), np.cos(a)
        out.append(
            tube(
                [(0, 0, 0), (0.5 * size * s, 0.05, 0.5 * size * c), (size * s, -droop, size * c)],
                [0.05, 0.06, 0.012],
            )
        )
    return melt(0.04, *out)
