"""Hats, sunglasses and socks."""

# ruff: noqa: ARG001, ARG005, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps, smooth
from training.sample.forms import (
    Form,
    ball,
    bent,
    both,
    box,
    cut,
    join,
    melt,
    moved,
    slab,
    tube,
    turned,
)
from training.sample.look import Look, around, shaded
from training.sample.palette import Linear
from training.sample.paths import Point
from training.sample.studio import Finish, Studio, View


def cap(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        def crown(x: Field, y: Field, z: Field) -> Field:
            d = np.sqrt((x / 0.92) ** 2 + (y / 0.9) ** 2 + (z / 1.0) ** 2) - 1
            return np.maximum(np.maximum(np.abs(d) * 0.85 - 0.02, -y), 0 * y - 9) * 0.9

        def peak(x: Field, y: Field, z: Field) -> Field:
            bend = y + 0.22 * x * x + 0.08 * (z - 0.6) - 0.12
            outline = np.sqrt((np.abs(x) / 0.8) ** 2.4 + (np.maximum(z - 0.4, 0) / 1.5) ** 2.4) - 1
            inside = 0.93 - np.sqrt(x * x + z * z)
            return (
                np.maximum(
                    np.maximum(np.abs(bend) - 0.025, outline * 0.8), np.maximum(inside, 0.3 - z)
                )
                * 0.75
            )

        return [moved(crown, 0, 0.1), moved(peak, 0, 0.1), ball(0, 1.01, 0, 0.06, 1, 0.6, 1)]

    seams = lambda x, y, z: (
        np.minimum(
            np.abs(((np.arctan2(x, z) / (2 * np.pi) * 6 + 0.5) % 1) - 0.5) * np.hypot(x, z), 0.03
        )
        * 30
        + 0.2 * bumps(x * 50, y * 50, z * 50)
    )
    stitched = lambda x, y, z: smooth(
        0.2, 0.8, np.abs(((np.hypot(x, (z - 0.5)) / 0.14) % 1) - 0.5) * 2
    )
    dress = lambda x, y, z: look.dress(np.arctan2(x, z) * 0.45 + 0.5, 0.7 - y * 0.5)
    return studio.photograph(
        "cap",
        forms,
        [
            Finish(dress, bump=seams, depth=0.012),
            Finish(look.trim_paint, bump=stitched, depth=0.006),
            Finish(look.trim_paint),
        ],
        View(14, 38, floor=True),
    )


def hat(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        if look.cut == "sun":
            crown = turned(
                [
                    (-0.1, 0.1, 1),
                    (0.66, 0.1, 1),
                    (0.66, 0.4),
                    (0.55, 0.66),
                    (0.25, 0.75),
                    (-0.1, 0.75, 1),
                ]
            )
            brim: Form = lambda x, y, z: (
                np.maximum(
                    np.abs(
                        y
                        - 0.12
                        - 0.05 * np.sin(np.arctan2(x, z) * 3 + 1) * np.hypot(x, z) ** 2
                        + 0.06 * np.hypot(x, z) ** 2
                    )
                    - 0.018,
                    np.hypot(x, z) - 1.55,
                )
                * 0.75
            )
            band = turned([(0.6, 0.12, 1), (0.685, 0.12, 1), (0.68, 0.27, 1), (0.6, 0.27, 1)])
        else:
            base = turned(
                [
                    (-0.1, 0.1, 1),
                    (0.62, 0.1, 1),
                    (0.6, 0.5),
                    (0.5, 0.86),
                    (0.3, 0.94),
                    (-0.1, 0.94, 1),
                ]
            )
            dent = moved(ball(0, 1.02, 0, 0.3, 0.5, 0.75, 1.5), 0, 0.0)
            pinch = [ball(0.52 * i, 0.85, 0.52, 0.25) for i in (-1, 1)]
            crown = cut(base, join(dent, *pinch))
            brim = lambda x, y, z: (
                np.maximum(
                    np.abs(y - 0.1 - 0.13 * x * x + 0.04 * z) - 0.022,
                    np.hypot(x / 1.08, z / 1.22) - 1,
                )
                * 0.75
            )
            band = turned([(0.55, 0.13, 1), (0.64, 0.13, 1), (0.625, 0.32, 1), (0.55, 0.32, 1)])
        return [melt(0.06, crown, brim), band]

    if look.cut == "sun":
        straw = lambda x, y, z: (
            np.sin(np.hypot(x, z) * 70 + y * 60) * (0.6 + 0.4 * np.sin(np.arctan2(x, z) * 60))
        )
        finish = Finish(
            lambda x, y, z: (
                np.broadcast_to(look.main, (*x.shape, 3)) * (0.9 + 0.10 * straw(x, y, z))[:, None]
            ),
            bump=straw,
            depth=0.006,
        )
    else:
        finish = Finish(look.main, bump=lambda x, y, z: bumps(x * 40, y * 40, z * 40), depth=0.003)
    return studio.photograph(
        f"hat {look.cut}", forms, [finish, Finish(look.trim_paint, gloss=0.2)], View(22, 28)
    )


def beanie(look: Look, studio: Studio) -> Image.Image:
    def ribs(x: Field, y: Field, z: Field) -> Field:
        return np.cos(np.arctan2(x, z) * 34) * 0.7 + 0.3 * np.cos(
            y * 60 + 3 * np.cos(np.arctan2(x, z) * 34)
        )

    def forms() -> list[Form]:
        dome = turned(
            [
                (-0.1, 0.3, 1),
                (0.83, 0.3, 1),
                (0.84, 0.7),
                (0.68, 1.15),
                (0.35, 1.42),
                (-0.1, 1.5, 1),
            ]
        )
        cuff = turned([(0.7, 0.02), (0.9, 0.02), (0.94, 0.26), (0.9, 0.5), (0.78, 0.5)])
        parts: list[Form] = [dome, cuff]
        if look.cut == "bobble":
            pom = ball(0, 1.66, 0, 0.3)
            parts.append(
                lambda x, y, z: (pom(x, y, z) - 0.06 * bumps(x * 12, y * 12, z * 12)) * 0.7
            )
        return parts

    knit = Finish(around(look.dress, 0.85), bump=ribs, depth=0.022)
    return studio.photograph(
        f"beanie {look.cut}",
        forms,
        [
            knit,
            Finish(look.trim_paint, bump=ribs, depth=0.026),
            Finish(look.trim_paint, bump=lambda x, y, z: bumps(x * 30, y * 30, z * 30), depth=0.02),
        ],
        View(10),
    )


def sunglasses(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        if look.cut == "round":
            rim: list[Point] = [
                (0.42 * np.cos(a), 0.5 + 0.42 * np.sin(a))
                for a in np.linspace(0, 2 * np.pi, 16, endpoint=False)
            ]
        else:
            rim = [
                (-0.46, 0.78),
                (0.0, 0.86),
                (0.5, 0.84),
                (0.52, 0.45),
                (0.3, 0.12),
                (-0.1, 0.08),
                (-0.42, 0.35),
            ]
        big = slab(rim, 0.05, 0.03)
        mid = np.mean([p[0] for p in rim]), np.mean([p[1] for p in rim])
        hole = slab(
            [(mid[0] + (p[0] - mid[0]) * 0.83, mid[1] + (p[1] - mid[1]) * 0.83) for p in rim],
            0.2,
            0.01,
        )
        lens = slab(
            [(mid[0] + (p[0] - mid[0]) * 0.86, mid[1] + (p[1] - mid[1]) * 0.86) for p in rim],
            0.015,
            0.01,
        )
        mirror = lambda f: lambda x, y, z: f(np.abs(x) - 0.58, y, z)
        bridge = tube(bent([(-0.18, 0.62, 0), (0, 0.7, 0.02), (0.18, 0.62, 0)]), [0.05] * 30)
        legs = [
            tube(
                bent(
                    [
                        (1.07 * k, 0.72, 0),
                        (1.09 * k, 0.72, -0.5),
                        (1.05 * k, 0.68, -1.3),
                        (1.0 * k, 0.4, -1.75),
                    ]
                ),
                [0.045] * 40,
            )
            for k in (-1, 1)
        ]
        return [join(mirror(cut(big, hole)), bridge, *legs), mirror(lens)]

    metal = look.dress.colours[0] in {"gold", "silver"}
    frame = Finish(lambda x, y, z: look.dress(x * 0.5, y * 0.5 + z * 0.3), gloss=0.9, metal=metal)
    return studio.photograph(
        f"sunglasses {look.cut}",
        forms,
        [frame, Finish(shaded(look.trim_paint, 0.35), gloss=1)],
        View(14, 26),
    )


def sock(look: Look, studio: Studio) -> Image.Image:
    long = {"ankle": 0.85, "crew": 1.6, "knee": 2.5}[look.cut]

    def forms() -> list[Form]:
        def one() -> tuple[Form, Form]:
            leg = tube(
                bent(
                    [
                        (-0.62, long, 0),
                        (-0.6, 0.9, 0),
                        (-0.56, 0.42, 0),
                        (0.0, 0.22, 0),
                        (0.7, 0.2, 0),
                    ]
                ),
                [0.33] * 8 + [0.34] * 10 + [0.33] * 6 + [0.31] * 20,
                0.42,
            )
            cuff = tube([(-0.62, long - 0.16, 0), (-0.62, long + 0.3, 0)], [0.345, 0.35], 0.42)
            return leg, both(cuff, box(-0.62, long + 0.02, 0, 0.6, 0.22, 0.4, 0.02))

        a, b = one()
        lay = {"pitch": -90.0}
        return [
            moved(join(a, moved(a, 0.45, 0.12, 0, roll=6)), 0, 0.18, 0, **lay),
            moved(join(b, moved(b, 0.45, 0.12, 0, roll=6)), 0, 0.18, 0, **lay),
        ]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        out = look.dress(x * 0.45 + 0.5, 0.6 + z * 0.45)
        heel_toe = (np.hypot(x + 0.95, z + 0.05) < 0.42) | (x > 0.62)
        return np.where(heel_toe[:, None] & (look.dress.pattern != "argyle"), look.trim_paint, out)

    ribs = lambda x, y, z: np.cos(x * 60) + 0.4 * np.cos(z * 60)
    return studio.photograph(
        f"sock {look.cut}",
        forms,
        [
            Finish(paint, bump=ribs, depth=0.005),
            Finish(look.trim_paint, bump=lambda x, y, z: np.cos(x * 45), depth=0.02),
        ],
        View(78, 6),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "cap": cap,
    "hat": hat,
    "beanie": beanie,
    "sunglasses": sunglasses,
    "socks": sock,
}
