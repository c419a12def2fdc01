"""Bread and cakes."""

# ruff: noqa: ARG005, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, smooth, turbulence
from training.sample.forms import (
    Form,
    ball,
    bent,
    box,
    cut,
    join,
    melt,
    moved,
    rough,
    slab,
    tube,
)
from training.sample.look import Look, either
from training.sample.palette import Linear, colour
from training.sample.skins import blend
from training.sample.studio import Finish, Paint, Studio, View


def _crust(paint: Linear) -> Paint:
    def crust(x: Field, y: Field, z: Field) -> Linear:
        t = turbulence(x * 4, y * 4, z * 4, 2.0)
        return blend(
            paint * 1.15,
            colour("rust") * 0.55 + colour("brown") * 0.35,
            smooth(-0.3, 0.8, t * 0.8 + (y - 0.5) * 0.8) * 0.8,
        )

    return crust


def bread(look: Look, studio: Studio) -> Image.Image:
    rise = lambda x, y, z: turbulence(x * 3.5, y * 3.5, z * 3.5)
    grain = lambda x, y, z: turbulence(x * 14, y * 14, z * 14)
    if look.cut == "baguette":

        def long() -> list[Form]:
            line = bent([(-1.9, 0.22, 0), (0, 0.26, 0), (1.9, 0.22, 0)], 7)
            loaf = tube(line, [0.07, 0.16, 0.22, *[0.25] * 9, 0.22, 0.16, 0.07])
            cuts = [
                moved(ball(0, 0, 0, 0.3, 1.15, 0.28, 0.34), -1.3 + 0.52 * k, 0.49, 0.02, yaw=28)
                for k in range(6)
            ]
            return [rough(loaf, rise, 0.02), *[join(*(both_of(c, loaf) for c in cuts))]]

        def both_of(c: Form, loaf: Form) -> Form:
            return lambda x, y, z: np.maximum(c(x, y, z), loaf(x, y, z) - 0.02)

        return studio.photograph(
            "baguette",
            long,
            [
                Finish(_crust(look.main), bump=grain, depth=0.012, gloss=0.15),
                Finish(colour("cream") * 0.9, bump=grain, depth=0.02),
            ],
            View(30, 28),
        )
    if look.cut == "croissant":

        def crescent() -> list[Form]:
            parts: list[Form] = []
            for k in range(-4, 5):
                a = k * 0.3
                r = 0.44 * (1 - (abs(k) / 6.2) ** 1.5)
                x, z = 0.98 * np.sin(a), 1.0 - 0.98 * np.cos(a)
                parts.append(
                    moved(ball(0, 0, 0, r, 0.78, 1, 1.05), x, r * 0.95, z, yaw=-np.rad2deg(a))
                )
            return [rough(melt(0.09, *parts), rise, 0.012)]

        return studio.photograph(
            "croissant",
            crescent,
            [Finish(_crust(look.main * 1.05), bump=grain, depth=0.014, gloss=0.35)],
            View(38, 12),
        )
    if look.cut == "round":

        def boule() -> list[Form]:
            loaf = rough(ball(0, 0.45, 0, 1.0, 1, 0.68, 1), rise, 0.03)
            flat_bottom = cut(loaf, box(0, -1, 0, 2, 1, 2, 0.0))
            slashes = join(
                *(
                    moved(
                        ball(0, 0, 0, 1.0, 0.72, 0.24, 0.07),
                        0,
                        1.1 - 0.05 * abs(k),
                        0.36 * k,
                        yaw=8,
                    )
                    for k in (-1, 0, 1)
                )
            )
            return [cut(flat_bottom, slashes), both_in(slashes, flat_bottom)]

        def both_in(a: Form, b: Form) -> Form:
            return lambda x, y, z: np.maximum(a(x, y, z), b(x, y, z) + 0.06)

        return studio.photograph(
            "boule",
            boule,
            [
                Finish(_crust(look.main), bump=grain, depth=0.016),
                Finish(colour("cream") * 0.85, bump=grain, depth=0.02),
            ],
            View(30, 20),
        )

    def tin() -> list[Form]:
        loaf = melt(
            0.16, box(0, 0.42, 0, 1.02, 0.42, 0.46, 0.1), ball(0, 0.78, 0, 0.52, 2.05, 0.62, 0.98)
        )
        body = cut(rough(loaf, rise, 0.02), box(1.55, 0.8, 0, 0.8, 1.5, 1.5, 0.0))
        profile = [
            (-0.45, 0.02),
            (0.45, 0.02),
            (0.47, 0.7),
            (0.5, 0.85),
            (0.3, 1.08),
            (-0.3, 1.08),
            (-0.5, 0.85),
            (-0.47, 0.7),
        ]
        slices = [
            moved(slab(profile, 0.075, 0.03), 0.98 + 0.3 * k, 0.0, 0.02, yaw=90, roll=0, pitch=0)
            for k in range(1, 2)
        ]
        lean = moved(slab(profile, 0.075, 0.03), 1.36, 0.02, 0.1, yaw=90)
        return [body, join(*slices, lean)]

    def crumb(x: Field, y: Field, z: Field) -> Linear:
        holes = smooth(0.25, 0.6, turbulence(x * 9, y * 9, z * 9, 5.0))
        return blend(colour("cream"), colour("camel"), 0.15 + 0.4 * holes)

    rim = lambda x, y, z: (np.abs(z) > 0.43) | (y > 0.98) | (y < 0.05)
    sliced = either(_crust(look.main), crumb, rim)
    body = either(crumb, _crust(look.main), lambda x, y, z: x > 0.735)
    return studio.photograph(
        "loaf",
        tin,
        [Finish(body, bump=grain, depth=0.012), Finish(sliced, bump=grain, depth=0.01)],
        View(22, 38),
    )


def cupcake(look: Look, studio: Studio) -> Image.Image:
    def case(x: Field, y: Field, z: Field) -> Field:
        r, a = np.hypot(x, z), np.arctan2(x, z)
        edge = 0.46 + 0.22 * y + 0.02 * np.sin(a * 26)
        return np.maximum(np.maximum(r - edge, y - 0.75), -y) * 0.8

    def icing(x: Field, y: Field, z: Field) -> Field:
        r, a = np.hypot(x, z), np.arctan2(x, z)
        h = np.clip((y - 0.72) / 0.85, 0, 1)
        swirl = 0.05 * np.sin(a * 2 - y * 16)
        edge = 0.72 * (1 - h) ** 0.75 + 0.02 + swirl * (1 - h * 0.6)
        return np.maximum(np.maximum(r - edge, 0.7 - y), y - 1.6) * 0.55

    def forms() -> list[Form]:
        return [case, icing, ball(0, 1.66, 0, 0.14)]

    return studio.photograph(
        "cupcake",
        forms,
        [
            Finish(look.second),
            Finish(look.main, gloss=0.3, soft=0.6),
            Finish(colour("red"), gloss=1),
        ],
        View(16),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {"bread": bread, "cupcake": cupcake}
