"""What comes in cartons, bottles, jars, tins and wrappers."""

# ruff: noqa: ARG001, ARG005, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps
from training.sample.forms import (
    Form,
    ball,
    box,
    cut,
    join,
    moved,
    rough,
    slab,
    turned,
)
from training.sample.look import Look, either
from training.sample.palette import Linear, colour
from training.sample.patterns import Dress
from training.sample.skins import blend, freckled
from training.sample.studio import Finish, Studio, View


def carton(look: Look, studio: Studio) -> Image.Image:
    """A carton with a gable, printed with waves, a disc and a picture of what is in it."""

    def forms() -> list[Form]:
        gable = slab(
            [(-0.44, 1.5, 1), (0.44, 1.5, 1), (0.03, 1.88, 1), (-0.03, 1.88, 1)], 0.43, 0.01
        )
        fin = box(0, 1.94, 0, 0.02, 0.11, 0.43, 0.01)
        cap = moved(
            turned([(-0.1, 0, 1), (0.14, 0, 1), (0.14, 0.1), (-0.1, 0.1, 1)]),
            0.24,
            1.68,
            0.1,
            roll=-43,
        )
        return [join(box(0, 0.75, 0, 0.44, 0.75, 0.43, 0.02), moved(gable, yaw=0), fin), cap]

    main, second = look.main, look.second
    fruit = {"orange juice": "orange", "apple juice": "lime", "tomato juice": "red"}.get(look.cut)

    def paint(x: Field, y: Field, z: Field) -> Linear:
        side = np.abs(x) > 0.43
        u = np.where(side, z, x)
        wave = y - 0.5 - 0.09 * np.sin(u * 5 + np.where(side, 1.5, 0))
        out = np.where((wave < 0)[:, None], second, main)
        out = np.where((np.abs(wave - 0.05) < 0.022)[:, None], second, out)
        r = np.hypot(u, y - 1.02)
        if fruit:
            ball_paint = (
                colour(fruit) * (1.15 - 0.9 * np.clip(np.hypot(u + 0.08, y - 1.1), 0, 1))[:, None]
            )
            out = np.where((r < 0.24)[:, None], ball_paint, out)
            leaf = np.hypot((u - 0.12) / 0.13, (y - 1.27) / 0.06) < 1
            out = np.where(leaf[:, None], colour("green"), out)
        else:
            glassy = (np.abs(u) < 0.13 + 0.05 * (y - 0.8)) & (y > 0.8) & (y < 1.2)
            out = np.where((r < 0.3)[:, None], colour("sky blue"), out)
            out = np.where(glassy[:, None], colour("white"), out)
        bar = (np.abs(y - 1.4) < 0.045) & (np.abs(u) < 0.3)
        return np.where(bar[:, None], second, out).astype(np.float32)

    return studio.photograph(
        "carton",
        forms,
        [Finish(paint, gloss=0.35), Finish(look.trim_paint, gloss=0.6)],
        View(16, 30),
    )


def drink_bottle(look: Look, studio: Studio) -> Image.Image:
    """A clear bottle with what is in it, a label and a cap."""

    def forms() -> list[Form]:
        if look.cut == "wine":
            body = turned(
                [
                    (-0.1, 0, 1),
                    (0.30, 0, 1),
                    (0.33, 0.04),
                    (0.33, 1.3),
                    (0.28, 1.48),
                    (0.12, 1.66),
                    (0.10, 1.8),
                    (-0.1, 1.8, 1),
                ]
            )
            cap = turned([(-0.1, 1.78, 1), (0.115, 1.78, 1), (0.115, 2.28), (-0.1, 2.28, 1)])
        else:
            body = turned(
                [
                    (-0.1, 0, 1),
                    (0.34, 0, 1),
                    (0.38, 0.05),
                    (0.38, 1.1),
                    (0.33, 1.35),
                    (0.16, 1.62),
                    (0.14, 1.75),
                    (-0.1, 1.75, 1),
                ]
            )
            cap = turned([(-0.1, 1.75, 1), (0.17, 1.75, 1), (0.17, 1.92), (-0.1, 1.92, 1)])
        return [body, cap]

    low, high = (0.3, 0.95) if look.cut == "wine" else (0.35, 0.95)
    main = look.main

    def paint(x: Field, y: Field, z: Field) -> Linear:
        inside = blend(main * 0.55, main, 0.2 + np.clip(z / 0.4, 0, 1) * 0.8)
        label = (y > low) & (y < high)
        angle = np.arctan2(x, z)
        art = np.where((np.abs(y - (low + high) / 2) < 0.1)[:, None], look.second, colour("cream"))
        art = np.where(
            ((np.abs(y - low - 0.06) < 0.012) | (np.abs(y - high + 0.06) < 0.012))[:, None],
            look.second,
            art,
        )
        art = np.where((np.hypot(angle * 0.38, y - high + 0.19) < 0.075)[:, None], main, art)
        out = np.where(label[:, None], art, inside)
        if look.cut != "wine":
            out = np.where((y > 1.45)[:, None], colour("light grey") * 1.1, out)
        return out.astype(np.float32)

    return studio.photograph(
        f"drink {look.cut}",
        forms,
        [Finish(paint, gloss=1.0), Finish(look.trim_paint, gloss=0.6)],
        View(8),
    )


def jar(look: Look, studio: Studio) -> Image.Image:
    """A jar of jam or honey with a lid and a label."""

    def forms() -> list[Form]:
        body = turned(
            [(-0.1, 0, 1), (0.5, 0, 1), (0.58, 0.08), (0.58, 0.95), (0.48, 1.1), (-0.1, 1.1, 1)]
        )
        lid = turned(
            [
                (-0.1, 1.1, 1),
                (0.53, 1.1, 1),
                (0.55, 1.13),
                (0.55, 1.3),
                (0.5, 1.34),
                (-0.1, 1.34, 1),
            ]
        )
        return [body, lid]

    main = look.main

    def paint(x: Field, y: Field, z: Field) -> Linear:
        lumps = bumps(x * 7, y * 7, z * 7, 2.0)
        inside = main * (0.75 + 0.3 * np.clip(z / 0.58, 0, 1) + 0.2 * lumps)[:, None]
        u, v = np.arctan2(x, z) * 0.58, y - 0.55
        label = np.maximum(np.abs(u) / 0.36, np.abs(v) / 0.27) < 1
        border = np.maximum(np.abs(u) / 0.33, np.abs(v) / 0.24) < 1
        art = np.where(border[:, None], colour("cream"), look.second)
        art = np.where(((np.abs(v + 0.13) < 0.025) & (np.abs(u) < 0.2))[:, None], look.second, art)
        art = np.where((np.hypot(u, v - 0.06) < 0.1)[:, None], main, art)
        out = np.where(label[:, None], art, inside)
        return np.where(((y > 1.0) & ~label)[:, None], out * 0.5 + 0.4, out).astype(np.float32)

    def lid_paint(x: Field, y: Field, z: Field) -> Linear:
        return gingham(np.arctan2(x, z) * 0.3, np.hypot(x, z) * 0.5 + y * 0.5)

    gingham = Dress("checked", ("white", look.trim))
    metal = look.trim in {"gold", "silver"}
    return studio.photograph(
        "jar",
        forms,
        [
            Finish(paint, gloss=1, soft=0.4),
            Finish(look.trim_paint if metal else lid_paint, gloss=0.6, metal=metal),
        ],
        View(14),
    )


def chocolate(look: Look, studio: Studio) -> Image.Image:
    """A bar of chocolate, half out of its wrapper."""

    def forms() -> list[Form]:
        squares = [
            box(-0.62 + 0.42 * i, 0.09, -0.62 + 0.42 * k, 0.2, 0.1, 0.2, 0.06)
            for i in range(4)
            for k in range(4)
        ]
        base = box(0, 0.05, -0.1, 0.84, 0.05, 1.2, 0.03)
        wrapper = box(0, 0.09, 0.85, 0.92, 0.115, 0.72, 0.03)
        foil = rough(
            box(0, 0.09, 0.1, 0.93, 0.12, 0.1, 0.02),
            lambda x, y, z: bumps(x * 9, y * 9, z * 9),
            0.03,
        )
        return [join(base, *squares), wrapper, foil]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        band = (np.abs(z - 0.85) < 0.26)[:, None]
        out = np.where(band, look.second, look.main)
        out = np.where((np.abs(np.abs(z - 0.85) - 0.32) < 0.025)[:, None], colour("gold"), out)
        words = (np.abs(z - 0.85) < 0.07) & (np.abs(x) < 0.5) & (np.sin(x * 40) > -0.6)
        return np.where(words[:, None], colour("cream"), out).astype(np.float32)

    cocoa = {
        "milk": colour("brown") * 0.9,
        "dark": colour("chocolate") * 0.8,
        "white": colour("cream"),
    }[look.cut]
    return studio.photograph(
        "chocolate",
        forms,
        [
            Finish(cocoa, gloss=0.45),
            Finish(paint, gloss=0.35),
            Finish(colour("silver"), metal=True),
        ],
        View(46, 32),
    )


def tin(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        return [
            turned([(-0.1, 0.06, 1), (0.548, 0.06, 1), (0.548, 1.24, 1), (-0.1, 1.24, 1)]),
            turned(
                [
                    (0.5, 0, 1),
                    (0.56, 0, 1),
                    (0.56, 0.05, 1),
                    (0.535, 0.06, 1),
                    (0.535, 1.24, 1),
                    (0.56, 1.25, 1),
                    (0.56, 1.3, 1),
                    (0.5, 1.3, 1),
                    (0.48, 1.25, 1),
                    (0.1, 1.25, 1),
                    (0.1, 1.2, 1),
                    (0.5, 1.2, 1),
                ]
            ),
        ]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        u = np.arctan2(x, z) * 0.54
        out = np.where((np.abs(y - 0.64) < 0.33)[:, None], look.second, look.main)
        heart = np.hypot(u / 0.3, (y - 0.62) / 0.26) < 1
        out = np.where(heart[:, None], colour("cream"), out)
        for du, dy in ((-0.1, -0.03), (0.09, -0.04), (0.0, 0.1)):
            out = np.where((np.hypot(u - du, y - 0.62 - dy) < 0.085)[:, None], look.trim_paint, out)
        return out.astype(np.float32)

    return studio.photograph(
        "tin", forms, [Finish(paint, gloss=0.5), Finish(colour("silver"), metal=True)], View(18)
    )


def egg_box(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        egg = turned(
            [
                (-0.1, -0.34, 1),
                (0.08, -0.33),
                (0.25, -0.12),
                (0.22, 0.14),
                (0.08, 0.33),
                (-0.1, 0.34, 1),
            ]
        )
        eggs = [
            moved(egg, -0.64 + 0.64 * i, 0.52, -0.32 + 0.64 * k, yaw=50 * i)
            for i in range(3)
            for k in range(2)
        ]
        tray = box(0, 0.22, 0, 1.02, 0.22, 0.7, 0.08)
        for i in range(3):
            for k in range(2):
                tray = cut(tray, ball(-0.64 + 0.64 * i, 0.5, -0.32 + 0.64 * k, 0.31))
        lid = moved(
            cut(
                box(0, 0.62, -0.12, 1.02, 0.62, 0.14, 0.1), box(0, 0.62, 0.02, 0.9, 0.5, 0.16, 0.08)
            ),
            0,
            0.4,
            -0.7,
            pitch=-14,
        )
        return [join(*eggs), join(tray, lid)]

    pulp = lambda x, y, z: bumps(x * 22, y * 22, z * 22)
    return studio.photograph(
        "eggs",
        forms,
        [
            Finish(freckled(look.main, look.main * 0.9, 22, 0.1), soft=0.4),
            Finish(look.trim_paint, bump=pulp, depth=0.01),
        ],
        View(34, 24),
    )


def cheese(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        wedge = slab(
            [
                (-1.1, 0.0, 1),
                (1.0, -0.62, 1),
                (1.12, -0.3),
                (1.16, 0.0),
                (1.12, 0.3),
                (1.0, 0.62, 1),
            ],
            0.42,
            0.04,
        )
        body = moved(wedge, 0, 0.42, 0, pitch=90)
        rng = np.random.default_rng(8)
        if look.cut == "holes":
            for _ in range(22):
                t = rng.uniform(-0.8, 1.0)
                side = 0.3 * (t + 1.1)
                body = cut(
                    body,
                    ball(
                        t,
                        rng.uniform(0.1, 0.8),
                        side * rng.choice([-1, 1]),
                        rng.uniform(0.05, 0.15),
                    ),
                )
            for _ in range(7):
                t = rng.uniform(-0.4, 0.9)
                body = cut(
                    body, ball(t, 0.86, rng.uniform(-0.2, 0.2) * (t + 1.1), rng.uniform(0.06, 0.13))
                )
        return [body]

    rind = either(look.trim_paint, look.main, lambda x, y, z: np.hypot(x + 1.6, z) > 2.66)
    return studio.photograph(
        f"cheese {look.cut}", forms, [Finish(rind, gloss=0.3, soft=0.6)], View(26, 62)
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "carton": carton,
    "drink": drink_bottle,
    "jar": jar,
    "chocolate": chocolate,
    "tin": tin,
    "eggs": egg_box,
    "cheese": cheese,
}
