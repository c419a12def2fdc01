"""Lamps, clocks and other things of the house."""

# ruff: noqa: ARG005, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps
from training.sample.forms import (
    Form,
    ball,
    bent,
    box,
    cut,
    join,
    moved,
    rod,
    tube,
    turned,
    vessel,
)
from training.sample.look import Look, around, either, shaded
from training.sample.palette import Linear, colour
from training.sample.studio import Finish, Studio, View

STEEL = Finish(colour("silver"), metal=True)


def lamp(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        if look.cut == "table":
            shade = turned([(0.74, 1.05, 1), (0.46, 1.95, 1), (0.43, 1.95, 1), (0.71, 1.05, 1)])
            foot = turned(
                [
                    (-0.1, 0, 1),
                    (0.3, 0, 1),
                    (0.32, 0.04),
                    (0.2, 0.12),
                    (0.36, 0.45),
                    (0.3, 0.75),
                    (0.08, 0.98),
                    (0.06, 1.3),
                    (-0.1, 1.3, 1),
                ]
            )
            return [shade, foot, ball(0, 1.42, 0, 0.17)]
        shade = cut(
            turned([(-0.1, 1.75, 1), (0.18, 1.75, 1), (0.2, 1.72), (0.42, 1.2, 1), (-0.1, 1.2, 1)]),
            turned([(-0.1, 1.1, 1), (0.4, 1.1, 1), (0.16, 1.7, 1), (-0.1, 1.7, 1)]),
        )
        shade = moved(shade, 0.62, 0.35, 0, roll=24)
        bulb = moved(ball(0, 1.32, 0, 0.16), 0.62, 0.35, 0, roll=24)
        arm = join(
            turned([(-0.1, 0, 1), (0.42, 0, 1), (0.42, 0.06), (0.1, 0.1), (-0.1, 0.1, 1)], -0.35),
            rod((-0.35, 0.08, 0), (-0.62, 1.05, 0), 0.032),
            rod((-0.62, 1.05, 0), (-0.06, 1.94, 0), 0.032),
            ball(-0.62, 1.05, 0, 0.06),
            ball(-0.08, 1.93, 0, 0.06),
        )
        return [shade, arm, bulb]

    if look.cut == "table":
        shade = Finish(around(look.dress, 0.6), glow=0.22)
        finishes = [shade, Finish(look.trim_paint, gloss=0.9), Finish(colour("cream"), glow=1.2)]
    else:
        finishes = [
            Finish(look.main, gloss=0.7),
            Finish(look.trim_paint, gloss=0.8, metal=look.trim in {"silver", "gold", "copper"}),
            Finish(colour("cream"), glow=1.0),
        ]
    return studio.photograph(
        f"lamp {look.cut}", forms, finishes, View(8, 18 if look.cut != "table" else 0)
    )


def clock(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        flat = lambda f: moved(f, 0, 1, 0, pitch=90)
        case = turned(
            [(0.86, 0, 1), (1.0, 0.0, 1), (1.0, 0.14), (0.93, 0.2), (0.86, 0.14), (0.86, 0.1, 1)]
        )
        face = turned([(-0.1, 0.0, 1), (0.9, 0.0, 1), (0.9, 0.06, 1), (-0.1, 0.06, 1)])
        marks = []
        for k in range(12):
            a = k * np.pi / 6
            w = 0.028 if k % 3 else 0.04
            marks.append(
                rod(
                    (0.78 * np.sin(a), 0.06, 0.78 * np.cos(a)),
                    (
                        (0.68 + 0.02 * (k % 3 > 0)) * np.sin(a),
                        0.06,
                        (0.68 + 0.02 * (k % 3 > 0)) * np.cos(a),
                    ),
                    w * 0.75,
                )
            )
        hands = [
            rod((0, 0.1, 0), (-0.38, 0.1, -0.24), 0.032),
            rod((0, 0.13, 0), (0.52, 0.13, -0.34), 0.024),
            ball(0, 0.12, 0, 0.05),
        ]
        return [flat(case), flat(face), flat(join(*marks, *hands))]

    dark = colour("black") if look.trim != "black" else colour("white")
    return studio.photograph(
        "clock",
        forms,
        [
            Finish(
                look.main, gloss=0.9, metal=look.dress.colours[0] in {"gold", "silver", "copper"}
            ),
            Finish(look.trim_paint, gloss=0.1),
            Finish(dark, gloss=0.4),
        ],
        View(5, -14, floor=False),
    )


def candle(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        wax = cut(
            turned(
                [
                    (-0.1, 0, 1),
                    (0.44, 0, 1),
                    (0.46, 0.04),
                    (0.46, 1.1),
                    (0.42, 1.14),
                    (-0.1, 1.14, 1),
                ]
            ),
            ball(0, 1.38, 0, 0.36),
        )
        wick = rod((0, 1.0, 0), (0.02, 1.2, 0), 0.018)
        flame = turned(
            [
                (-0.05, 1.16, 1),
                (0.02, 1.17),
                (0.075, 1.27),
                (0.05, 1.4),
                (0.0, 1.58),
                (-0.05, 1.58, 1),
            ]
        )
        return [wax, wick, flame]

    wax = Finish(around(look.dress, 0.46), gloss=0.25, soft=0.8)
    return studio.photograph(
        "candle",
        forms,
        [wax, Finish(colour("black")), Finish(colour("yellow"), glow=1.4)],
        View(18),
    )


def basket(look: Look, studio: Studio) -> Image.Image:
    def weave(x: Field, y: Field, z: Field) -> Field:
        a = np.arctan2(x, z) * 15
        row = np.floor(y * 10)
        return np.abs(np.sin(y * 10 * np.pi)) * (0.55 + 0.45 * np.cos(a + np.pi * (row % 2)))

    def forms() -> list[Form]:
        body = vessel([(0.6, 0), (0.66, 0.05), (0.8, 0.85)], 0.07)
        grips = [
            tube(
                bent(
                    [
                        (0.78 * i, 0.82, -0.22),
                        (0.84 * i, 1.1, -0.14),
                        (0.84 * i, 1.1, 0.14),
                        (0.78 * i, 0.82, 0.22),
                    ]
                ),
                [0.05] * 40,
            )
            for i in (-1, 1)
        ]
        return [body, join(*grips)]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        base = look.dress(np.arctan2(x, z) * 0.35 + 0.5, 0.78 - y * 0.5)
        return base * (0.5 + 0.55 * weave(x, y, z))[:, None]

    return studio.photograph(
        "basket",
        forms,
        [Finish(paint, bump=weave, depth=0.05), Finish(look.trim_paint)],
        View(22, 20),
    )


def towel(look: Look, studio: Studio) -> Image.Image:
    """A folded stack."""

    def forms() -> list[Form]:
        out: list[Form] = []
        for k in range(3):
            y = 0.17 + 0.34 * k
            fold = join(
                box(0, y + 0.08, 0, 0.95, 0.09, 0.62, 0.085),
                box(0, y - 0.08, 0, 0.95, 0.09, 0.62, 0.085),
                moved(box(0, 0, 0, 0.95, 0.16, 0.1, 0.1), 0, y, 0.56),
            )
            out.append(fold)
        return out

    pile = lambda x, y, z: bumps(x * 42, y * 42, z * 42) + 3 * bumps(x * 2.5, y * 4, z * 2.5)
    dress = look.dress
    band = either(
        shaded(look.main, 0.82),
        lambda x, y, z: dress(x * 0.5, z * 0.5 + y),
        lambda x, y, z: np.abs(np.abs(x) - 0.7) < 0.05,
    )
    finishes = [Finish(band, bump=pile, depth=0.008)] * 3
    return studio.photograph("towel", forms, finishes, View(20, 28))


def umbrella(look: Look, studio: Studio) -> Image.Image:
    def dome(x: Field, y: Field, z: Field) -> Field:
        r = np.hypot(x, z)
        a = (np.arctan2(x, z) / (2 * np.pi) * 8) % 1 - 0.5
        scallop = 0.10 * (0.25 - a * a) * 4 * np.clip(r / 1.1, 0, 1) ** 2
        sphere = np.sqrt(x * x + ((y - 0.85) * 1.25) ** 2 + z * z) - 1.12 + scallop * 0.35
        skin = np.abs(sphere) - 0.012
        return np.maximum(skin, 1.02 + scallop - y) * 0.6

    def forms() -> list[Form]:
        shaft = join(rod((0, 0.05, 0), (0, 1.85, 0), 0.025))
        hook = tube(
            bent([(0, 0.2, 0), (0, 0.0, 0), (0.12, -0.14, 0), (0.25, -0.02, 0), (0.25, 0.06, 0)]),
            [0.045] * 40,
        )
        return [moved(f, 0, 0.2, 0, roll=-18) for f in (dome, shaft, hook)]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        c, s = np.cos(np.deg2rad(-18)), np.sin(np.deg2rad(-18))
        u, v = x * c + (y - 0.2) * s, -x * s + (y - 0.2) * c
        if look.dress.pattern == "colour block":
            k = np.floor((np.arctan2(u, z) / (2 * np.pi) * 8) % 8).astype(int) % len(
                look.dress.colours
            )
            return np.stack([colour(c) for c in look.dress.colours])[k]
        return look.dress(u * 0.42 + 0.5, 0.5 - z * 0.42 - v * 0.2)

    return studio.photograph(
        "umbrella",
        forms,
        [Finish(paint, gloss=0.3), STEEL, Finish(look.trim_paint, gloss=0.6)],
        View(2, 20, floor=False),
    )


def planter(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        pot_form = vessel([(0.42, 0), (0.46, 0.04), (0.62, 0.75), (0.66, 0.8)], 0.06)
        soil = turned([(-0.1, 0.1, 1), (0.44, 0.1, 1), (0.56, 0.68, 1), (-0.1, 0.7, 1)])
        leaves = []
        rng = np.random.default_rng(5)
        for k in range(17):
            a = k * 2.4
            tilt = rng.uniform(0.25, 0.95)
            long = rng.uniform(0.75, 1.25)
            x, z = np.sin(a) * tilt, np.cos(a) * tilt
            leaf = tube(
                bent(
                    [
                        (0.1 * x, 0.65, 0.1 * z),
                        (0.35 * x * long, 0.7 + 0.5 * long, 0.35 * z * long),
                        (0.8 * x * long, 0.62 + (1.1 - tilt * 0.45) * long, 0.8 * z * long),
                    ],
                    4,
                ),
                [0.03, 0.05, 0.07, 0.085, 0.09, 0.085, 0.07, 0.045, 0.008],
            )
            leaves.append(leaf)
        return [pot_form, soil, join(*leaves)]

    def leaf_paint(x: Field, y: Field, z: Field) -> Linear:
        t = np.clip((y - 0.7) / 1.2, 0, 1)[:, None]
        return (colour("forest green") * (1 - t) + colour("green") * 1.2 * t) * (
            1 + 0.25 * bumps(x * 9, y * 9, z * 9)
        )[:, None]

    return studio.photograph(
        "planter",
        forms,
        [
            Finish(around(look.dress, 0.6), gloss=0.7),
            Finish(colour("chocolate") * 0.6),
            Finish(leaf_paint, gloss=0.5),
        ],
        View(14),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "lamp": lamp,
    "clock": clock,
    "candle": candle,
    "basket": basket,
    "towel": towel,
    "umbrella": umbrella,
    "plant pot": planter,
}
