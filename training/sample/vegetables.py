"""Vegetables, with their stalks and leaves."""

# ruff: noqa: ARG001, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps, smooth
from training.sample.forms import (
    Form,
    ball,
    bent,
    join,
    melt,
    moved,
    rod,
    tube,
    turned,
)
from training.sample.look import Look
from training.sample.palette import Linear, colour
from training.sample.skins import blend, freckled, star
from training.sample.studio import Finish, Studio, View


def tomato(look: Look, studio: Studio) -> Image.Image:
    def lobed(x: Field, y: Field, z: Field) -> Field:
        r = np.hypot(x, z)
        lobes = 0.025 * np.cos(5 * np.arctan2(x, z)) * np.clip(r / 0.6, 0, 1)
        dip = 0.16 * np.exp(-((r / 0.3) ** 2))
        up = np.abs(y - 0.7 + np.where(y > 0.7, dip * 0.8, -dip * 0.3)) / 0.8
        k = (r**2.3 + up**2.3) ** (1 / 2.3)
        return (k - 0.9 - lobes) * 0.75

    stem = join(
        moved(star(0.42, 5, 0.05), 0, 1.42, 0),
        tube(bent([(0, 1.38, 0), (0.02, 1.55, 0), (0.1, 1.68, 0)]), [0.04] * 30),
    )
    green = Finish(colour("green") * 0.8, gloss=0.2)
    skin = Finish(freckled(look.main, look.main * 0.85, 3), gloss=1, soft=0.3)
    if look.cut == "vine":

        def forms() -> list[Form]:
            places = [(-0.95, 0.0, 0.1), (0.95, 0.0, 0.0), (0, 0.0, 0.75), (0.02, 0.0, -0.75)]
            branch = tube(
                bent([(-1.1, 1.5, 0.05), (-0.4, 1.62, 0.1), (0.5, 1.6, -0.1), (1.3, 1.72, 0)]),
                [0.05] * 40,
            )
            return [
                join(*(moved(lobed, x, y, z, yaw=50 * k) for k, (x, y, z) in enumerate(places))),
                join(
                    branch,
                    *(moved(stem, x, y, z, yaw=30 * k) for k, (x, y, z) in enumerate(places)),
                ),
            ]

        return studio.photograph("tomato vine", forms, [skin, green], View(36))
    return studio.photograph("tomato", lambda: [lobed, stem], [skin, green], View(28))


def carrot(look: Look, studio: Studio) -> Image.Image:
    def one(rng: np.random.Generator) -> tuple[Form, Form]:
        root = turned(
            [
                (-0.1, -1.6, 1),
                (0.02, -1.6),
                (0.07, -1.3),
                (0.17, -0.6),
                (0.25, 0.2),
                (0.28, 0.55),
                (0.2, 0.68),
                (-0.1, 0.68, 1),
            ]
        )
        tops: list[Form] = []
        for _ in range(9):
            a, spread = rng.uniform(0, 6.28), rng.uniform(0.15, 0.5)
            x, z = spread * np.sin(a), spread * np.cos(a)
            stem = bent([(0, 0.64, 0), (x * 0.4, 1.05, z * 0.4), (x, 1.5, z)], 3)
            tops.append(tube(stem, [0.035, 0.03, 0.026, 0.022, 0.02, 0.018, 0.016]))
            for _ in range(7):
                t = rng.uniform(0.45, 1.0)
                px, py, pz = x * t, 0.64 + 0.86 * t, z * t
                tops.append(
                    ball(
                        px + rng.normal(0, 0.06),
                        py + rng.normal(0, 0.06),
                        pz + rng.normal(0, 0.06),
                        0.07,
                        1.2,
                        0.7,
                        1.1,
                    )
                )
        return root, join(*tops)

    def forms() -> list[Form]:
        rng = np.random.default_rng(3)
        roots, greens = [], []
        for k in range(3 if look.cut == "bunch" else 1):
            r, g = one(rng)
            place = {
                "dx": 0.42 * k - 0.3,
                "dy": 0.28 + (0.2 if k == 1 else 0),
                "dz": 0.5 * (k - 1) if look.cut == "bunch" else 0.0,
                "roll": 62 + 7 * k,
                "yaw": 10 * k - 12,
            }
            roots.append(moved(r, **place))
            greens.append(moved(g, **place))
        return [join(*roots), join(*greens)]

    rings = lambda x, y, z: (
        -smooth(0.35, 0.6, bumps((x * 0.8 + y * 0.45) * 9, z * 1.2, y * 1.2, 2.0))
    )
    leaf = lambda x, y, z: blend(
        colour("forest green"), colour("green") * 1.3, 0.5 + 0.6 * bumps(x * 9, y * 9, z * 9)
    )
    return studio.photograph(
        f"carrot {look.cut}",
        forms,
        [
            Finish(
                freckled(look.main, look.main * 0.82, 9),
                gloss=0.35,
                bump=rings,
                depth=0.02,
                soft=0.25,
            ),
            Finish(leaf),
        ],
        View(32),
    )


def pepper(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        lobes: list[Form] = []
        for k in range(4):
            a = np.deg2rad(90 * k + 45)
            s, c = float(np.sin(a)), float(np.cos(a))
            lobes.append(rod((0.24 * s, 0.36, 0.24 * c), (0.37 * s, 1.14, 0.37 * c), 0.34, 0.43))
        return [melt(0.13, *lobes, rod((0, 0.5, 0), (0, 1.0, 0), 0.5)), stem]

    stem = join(
        turned([(-0.1, 1.38, 1), (0.26, 1.44), (0.22, 1.5), (0.08, 1.54), (-0.1, 1.54, 1)]),
        tube(bent([(0, 1.5, 0), (0.02, 1.75, 0), (0.14, 1.92, 0)]), [0.085] * 30),
    )
    return studio.photograph(
        "pepper",
        forms,
        [
            Finish(freckled(look.main, look.main * 0.85, 3), gloss=1, soft=0.25),
            Finish(colour("green") * 0.9, gloss=0.3),
        ],
        View(20, 20),
    )


def cucumber(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        line = bent([(-1.7, 0.3, 0), (-0.6, 0.34, 0.1), (0.6, 0.34, 0.1), (1.7, 0.3, -0.1)], 5)
        radii = [0.14, 0.24, *[0.3] * 12, 0.25, 0.14]
        return [tube(line, radii)]

    def paint(x: Field, y: Field, z: Field) -> Linear:
        stripes = bumps(np.arctan2(y - 0.33, z) * 4, x * 0.6, x * 0, 2.0)
        return blend(colour("forest green") * 0.8, colour("lime"), 0.12 + 0.28 * stripes)

    warts = lambda x, y, z: smooth(0.3, 0.7, bumps(x * 9, y * 11, z * 11))
    return studio.photograph(
        "cucumber", forms, [Finish(paint, gloss=0.55, bump=warts, depth=0.014)], View(34, 24)
    )


def pumpkin(look: Look, studio: Studio) -> Image.Image:
    def body(x: Field, y: Field, z: Field) -> Field:
        r, a = np.hypot(x, z), np.arctan2(x, z)
        ribs = 1 - 0.09 * np.abs(np.cos(5 * a)) ** 6
        dip = 0.25 * np.exp(-((r / 0.4) ** 2)) * np.sign(y - 0.7)
        return (np.sqrt((r / ribs) ** 2 + ((y - 0.7 + dip) / 0.72) ** 2) - 1) * 0.55

    stem = tube(
        bent([(0, 1.05, 0), (0.03, 1.4, 0), (0.2, 1.62, 0)]), list(np.linspace(0.16, 0.1, 30))
    )
    return studio.photograph(
        "pumpkin",
        lambda: [body, stem],
        [
            Finish(freckled(look.main, look.main * 0.8, 4), gloss=0.35, soft=0.2),
            Finish(
                colour("olive") * 0.9, bump=lambda x, y, z: bumps(x * 30, y * 3, z * 30), depth=0.02
            ),
        ],
        View(20),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "tomato": tomato,
    "carrot": carrot,
    "pepper": pepper,
    "cucumber": cucumber,
    "pumpkin": pumpkin,
}
