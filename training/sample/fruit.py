"""Fruit, whole, cut and in bunches."""

# ruff: noqa: E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps, smooth, turbulence
from training.sample.forms import (
    Form,
    ball,
    bent,
    box,
    cut,
    join,
    melt,
    moved,
    rod,
    tube,
    turned,
)
from training.sample.look import Look, either
from training.sample.palette import Linear, colour
from training.sample.skins import STALK, blend, freckled, star
from training.sample.studio import Finish, Studio, View

_APPLE = [
    (-0.1, 0.14, 1),
    (0.12, 0.10),
    (0.34, 0.03),
    (0.62, 0.18),
    (0.86, 0.62),
    (0.9, 1.0),
    (0.72, 1.36),
    (0.42, 1.46),
    (0.18, 1.36),
    (0, 1.22),
    (-0.1, 1.2, 1),
]


_PEAR = [
    (-0.1, 0.1, 1),
    (0.2, 0.03),
    (0.5, 0.12),
    (0.72, 0.5),
    (0.66, 0.9),
    (0.42, 1.3),
    (0.3, 1.6),
    (0.12, 1.74),
    (-0.1, 1.74, 1),
]


def _apples(look: Look) -> list[Form]:
    one = turned(_APPLE)
    stalk = tube(bent([(0, 1.2, 0), (0.03, 1.45, 0), (0.12, 1.7, 0)]), [0.03] * 30)
    if look.cut == "three":
        places = [(-0.75, 0.35, 10), (0.85, 0.25, -12), (0.05, 1.0, 4)]
        return [
            join(
                *(
                    moved(one, x, 0, z - 0.6, roll=r, yaw=40 * k)
                    for k, (x, z, r) in enumerate(places)
                )
            ),
            join(
                *(
                    moved(stalk, x, 0, z - 0.6, roll=r, yaw=40 * k)
                    for k, (x, z, r) in enumerate(places)
                )
            ),
        ]
    return [one, stalk]


def apple(look: Look, studio: Studio) -> Image.Image:
    base, blush = look.main, look.second

    def paint(x: Field, y: Field, z: Field) -> Linear:
        streak = turbulence(np.arctan2(x, z) * 9, y * 1.6, z * 0, 2.0)
        side = bumps(x * 0.9 + 3, y * 0.9, z * 0.9, 6.0)
        skin = blend(base, blush, 0.30 + 0.5 * side + 0.45 * streak)
        dots = smooth(0.55, 0.75, bumps(x * 24, y * 24, z * 24, 9.0))
        return blend(skin, colour("cream"), 0.16 * dots)

    finishes = [Finish(paint, gloss=0.75, soft=0.35), STALK]
    return studio.photograph(f"apple {look.cut}", lambda: _apples(look), finishes, View(22))


def pear(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        return [
            moved(turned(_PEAR), roll=-5),
            moved(
                tube(bent([(0, 1.68, 0), (0.02, 1.85, 0), (0.12, 2.0, 0)]), [0.035] * 30), roll=-5
            ),
        ]

    paint = freckled(look.main, look.second, 26, 0.3)
    return studio.photograph("pear", forms, [Finish(paint, gloss=0.45, soft=0.4), STALK], View(14))


def _pores(x: Field, y: Field, z: Field) -> Field:
    return 0.5 * bumps(x * 17, y * 17, z * 17) + 0.5 * bumps(x * 9, y * 9, z * 9, 4.0)


def orange(look: Look, studio: Studio) -> Image.Image:
    def whole(x: float, z: float, r: float) -> list[Form]:
        return [
            ball(x, r * 0.95, z, r, 1, 0.96, 1),
            ball(x + 0.08, r * 1.86, z + 0.12, 0.055, 1, 0.5, 1),
        ]

    def half() -> list[Form]:
        fruit = cut(ball(0, 0, 0, 0.8), box(0, 0, 1.0, 1.2, 1.2, 1.0, 0.01))
        return [moved(fruit, 0.62, 0.78, 0.55, pitch=-18, yaw=14)]

    if look.cut == "cut":
        a = whole(-0.55, -0.45, 0.85)

        def flesh(x: Field, y: Field, z: Field) -> Linear:
            yaw, pitch = np.deg2rad(14), np.deg2rad(-18)
            a, b, c = x - 0.62, y - 0.78, z - 0.55
            a, c = a * np.cos(yaw) - c * np.sin(yaw), a * np.sin(yaw) + c * np.cos(yaw)
            b, c = b * np.cos(pitch) + c * np.sin(pitch), -b * np.sin(pitch) + c * np.cos(pitch)
            r, angle = np.hypot(a, b), np.arctan2(a, b)
            wedge = np.abs((angle / (2 * np.pi) * 10) % 1 - 0.5)
            wall = (
                smooth(0.42, 0.47, wedge + 0.025 / np.maximum(r, 0.05))
                + smooth(0.655, 0.675, r)
                + (r < 0.07)
            )
            cells = bumps(angle * 22, r * 5, r * 0, 1.0)
            juicy = look.main * (1.0 + 0.22 * cells)[:, None]
            inside = blend(juicy, colour("cream"), wall)
            inside = np.where((r > 0.755)[:, None], look.main, inside)
            return np.where((c > -0.02)[:, None], inside, look.main)

        skin = Finish(look.main, gloss=0.6, bump=_pores, depth=0.012, soft=0.35)
        finishes = [skin, Finish(colour("olive")), Finish(flesh, gloss=0.5, soft=0.5)]
        return studio.photograph("orange cut", lambda: [*a, *half()], finishes, View(18))
    skin = Finish(look.main, gloss=0.6, bump=_pores, depth=0.012, soft=0.35)
    return studio.photograph(
        "orange", lambda: whole(0, 0, 0.95), [skin, Finish(colour("olive"))], View(24)
    )


def lemon(look: Look, studio: Studio) -> Image.Image:
    def one() -> Form:
        side = [
            (-0.1, -1.22, 1),
            (0.06, -1.22),
            (0.14, -1.08),
            (0.4, -0.85),
            (0.72, -0.3),
            (0.74, 0.2),
            (0.45, 0.78),
            (0.2, 1.0),
            (0.12, 1.1),
            (-0.1, 1.12, 1),
        ]
        return turned(side)

    def forms() -> list[Form]:
        f = one()
        if look.cut == "two":
            return [
                join(
                    moved(f, -0.2, 0.74, -0.5, roll=74, yaw=12),
                    moved(f, 0.25, 0.74, 0.85, roll=98, yaw=-24),
                )
            ]
        return [moved(f, 0, 0.74, 0, roll=76, yaw=14)]

    skin = Finish(
        freckled(look.main, look.main * 0.9, 12), gloss=0.55, bump=_pores, depth=0.012, soft=0.4
    )
    return studio.photograph(f"lemon {look.cut}", forms, [skin], View(24))


def banana(look: Look, studio: Studio) -> Image.Image:
    def one() -> tuple[Form, Form]:
        angle = np.linspace(np.deg2rad(205), np.deg2rad(335), 15)
        line = [[1.5 * np.cos(a), 1.75 + 1.45 * np.sin(a), 0.0] for a in angle]
        radii = [
            0.07,
            0.17,
            0.23,
            0.26,
            0.275,
            0.28,
            0.285,
            0.285,
            0.28,
            0.275,
            0.26,
            0.22,
            0.15,
            0.085,
            0.06,
        ]
        stem = [
            [*line[-1][:2], 0.0],
            [line[-1][0] + 0.1, line[-1][1] + 0.2, 0],
            [line[-1][0] + 0.11, line[-1][1] + 0.36, 0],
        ]
        return melt(0.06, tube(line, radii), tube(stem, [0.07, 0.06, 0.075])), ball(
            line[0][0] - 0.02, line[0][1] + 0.05, 0, 0.07
        )

    def forms() -> list[Form]:
        if look.cut == "bunch":
            bodies, tips = [], []
            for k in range(4):
                body, tip = one()
                # turned about the stem, like the fingers of a hand
                a = {
                    "dx": -0.06 * k,
                    "dz": 0.36 * k - 0.5,
                    "yaw": 10 * k - 14,
                    "roll": 3.0 * k,
                    "pitch": -14.0 + 9 * k,
                }
                bodies.append(moved(body, dy=0.02 * k, **a))
                tips.append(moved(tip, dy=0.02 * k, **a))
            return [melt(0.05, *bodies), join(*tips)]
        body, tip = one()
        return [moved(body, pitch=-40, dy=0.0), moved(tip, pitch=-40)]

    green = look.second

    def paint(x: Field, y: Field, z: Field) -> Linear:
        ends = smooth(0.95, 1.6, np.abs(x - 0.1))
        skin = blend(look.main, green, 0.75 * ends)
        spots = smooth(0.5, 0.62, bumps(x * 6, y * 6, z * 6, 3.0)) * smooth(
            0.2, 0.5, bumps(x * 25, y * 18, z * 25, 5.0)
        )
        return blend(skin, colour("brown"), 0.7 * spots)

    ridges = lambda x, y, z: np.abs(bumps(z * 5, y * 0.8, x * 0.3, 2.0))
    finishes = [
        Finish(paint, gloss=0.3, soft=0.35, bump=ridges, depth=0.03),
        Finish(colour("chocolate")),
    ]
    return studio.photograph(f"banana {look.cut}", forms, finishes, View(30, -14))


def strawberry(look: Look, studio: Studio) -> Image.Image:
    fruit = turned(
        [
            (-0.1, -1.0, 1),
            (0.08, -1.0),
            (0.3, -0.78),
            (0.62, -0.1),
            (0.7, 0.3),
            (0.5, 0.6),
            (0.2, 0.66),
            (-0.1, 0.62, 1),
        ]
    )

    def seeds(x: Field, y: Field, z: Field) -> Field:
        row = np.floor(y * 6.5)
        u = (np.arctan2(x, z) * 2.6 + 0.5 * (row % 2)) % 1 - 0.5
        v = (y * 6.5) % 1 - 0.5
        return np.hypot(u * 1.9, v * 1.3)

    def forms() -> list[Form]:
        return [
            moved(fruit, 0, 0.8, 0, pitch=22, roll=24),
            moved(
                join(
                    moved(star(0.62, 9, -0.02), 0, 0.62, 0),
                    rod((0, 0.6, 0), (0.05, 0.95, 0), 0.04),
                ),
                0,
                0.8,
                0,
                pitch=22,
                roll=24,
            ),
        ]

    def local(f: Callable[[Field, Field, Field], Field]) -> Callable[[Field, Field, Field], Field]:
        out: list[Field] = []

        def grab(a: Field, b: Field, c: Field) -> Field:
            return f(a, b, c)

        del out
        return moved(grab, 0, 0.8, 0, pitch=22, roll=24)

    dist = local(seeds)
    paint = either(
        colour("mustard") * 1.1,
        lambda x, y, z: (
            np.broadcast_to(look.main, (*x.shape, 3))
            * (0.92 + 0.1 * bumps(x * 3, y * 3, z * 3))[:, None]
        ),
        lambda x, y, z: dist(x, y, z) < 0.16,
    )
    pits = lambda x, y, z: smooth(0.1, 0.55, dist(x, y, z))
    return studio.photograph(
        "strawberry",
        forms,
        [
            Finish(paint, gloss=0.8, bump=pits, depth=0.03, soft=0.3),
            Finish(colour("green") * 0.9, gloss=0.2),
        ],
        View(12),
    )


def grapes(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        rng = np.random.default_rng(4)
        fruit: list[Form] = []
        for row, (count, wide) in enumerate(
            [(3, 0.3), (7, 0.6), (7, 0.62), (6, 0.52), (5, 0.4), (3, 0.26), (1, 0.02)]
        ):
            for k in range(count):
                a = 2 * np.pi * k / count + row * 0.5
                fruit.append(
                    ball(
                        wide * np.sin(a) + rng.normal(0, 0.02),
                        1.75 - 0.26 * row,
                        wide * np.cos(a) * 0.8,
                        0.215,
                        1,
                        1.1,
                        1,
                    )
                )
        fruit += [ball(0, 1.75 - 0.26 * row, 0, 0.24) for row in range(6)]
        stem = tube(bent([(0, 1.7, 0), (0.02, 2.1, 0), (0.15, 2.3, 0)]), [0.04] * 30)
        return [moved(join(*fruit), 0, 0.1, 0, pitch=-30), moved(stem, 0, 0.1, 0, pitch=-30)]

    bloom = lambda x, y, z: blend(
        look.main, look.main * 0.5 + 0.12, 0.35 + 0.5 * bumps(x * 5, y * 5, z * 5)
    )
    return studio.photograph("grapes", forms, [Finish(bloom, gloss=0.7, soft=0.5), STALK], View(16))


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "apple": apple,
    "pear": pear,
    "orange": orange,
    "lemon": lemon,
    "banana": banana,
    "strawberry": strawberry,
    "grapes": grapes,
}
