"""Chairs, tables and what else one sits on."""

# ruff: noqa: E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps
from training.sample.forms import (
    Form,
    box,
    join,
    melt,
    moved,
    rod,
    turned,
)
from training.sample.look import Look, draped
from training.sample.studio import Finish, Studio, View
from training.sample.wood import wood


def wood_chair(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        seat = box(0, 0.95, 0, 0.5, 0.045, 0.48, 0.04)
        legs = [
            rod((0.40 * i, 0.95, 0.38 * k), (0.45 * i, 0.03, 0.45 * k), 0.05, 0.035)
            for i in (-1, 1)
            for k in (-1, 1)
        ]
        posts = [rod((0.43 * i, 0.95, -0.42), (0.46 * i, 1.95, -0.6), 0.045) for i in (-1, 1)]
        rails = [box(0, 1.88, -0.585, 0.47, 0.09, 0.03, 0.03)] + [
            rod((0.16 * i, 0.97, -0.43), (0.17 * i, 1.85, -0.58), 0.026) for i in (-2, -1, 0, 1, 2)
        ]
        bars = [rod((0.43 * i, 0.42, -0.41), (0.43 * i, 0.42, 0.41), 0.025) for i in (-1, 1)] + [
            rod((-0.43, 0.42, 0), (0.43, 0.42, 0), 0.025)
        ]
        return [join(*legs, *posts, *rails, *bars), seat]

    frame, seat = (
        Finish(wood(look.main, "y"), gloss=0.35),
        Finish(
            wood(look.main, "x") if look.trim == look.dress.colours[0] else look.trim_paint,
            gloss=0.3,
        ),
    )
    return studio.photograph("chair wood", forms, [frame, seat], View(14, 32))


def armchair(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        base = box(0, 0.42, 0, 0.78, 0.2, 0.66, 0.08)
        back = moved(box(0, 0.6, 0, 0.72, 0.62, 0.15, 0.14), 0, 0.5, -0.56, pitch=-10)
        arms = [box(0.76 * i, 0.58, 0.02, 0.15, 0.36, 0.66, 0.13) for i in (-1, 1)]
        cushion = box(0, 0.68, 0.12, 0.6, 0.13, 0.56, 0.11)
        legs = [
            rod((0.66 * i, 0.3, 0.55 * k), (0.7 * i, 0.02, 0.58 * k), 0.055, 0.035)
            for i in (-1, 1)
            for k in (-1, 1)
        ]
        return [melt(0.03, base, back, *arms), cushion, join(*legs)]

    weave = lambda x, y, z: bumps(x * 55, y * 55, z * 55)
    cloth = Finish(draped(look.dress, 0.45), bump=weave, depth=0.0012)
    return studio.photograph(
        "armchair",
        forms,
        [cloth, cloth, Finish(wood(look.trim_paint, "y"), gloss=0.4)],
        View(16, 28),
    )


def chair(look: Look, studio: Studio) -> Image.Image:
    return (armchair if look.cut == "armchair" else wood_chair)(look, studio)


def table(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        if look.cut == "round":
            return [
                turned(
                    [(-0.1, 1.16, 1), (0.9, 1.16, 1), (0.94, 1.2), (0.9, 1.24, 1), (-0.1, 1.24, 1)]
                ),
                join(
                    turned(
                        [
                            (-0.1, 0, 1),
                            (0.5, 0, 1),
                            (0.5, 0.04),
                            (0.14, 0.14),
                            (0.09, 0.3),
                            (0.09, 1.0),
                            (0.2, 1.17),
                            (-0.1, 1.17, 1),
                        ]
                    )
                ),
            ]
        legs = [
            box(1.02 * i, 0.5, 0.5 * k, 0.06, 0.5, 0.06, 0.02) for i in (-1, 1) for k in (-1, 1)
        ]
        rails = [box(0, 0.92, 0.5 * k, 1.0, 0.07, 0.025, 0.01) for k in (-1, 1)] + [
            box(1.02 * i, 0.92, 0, 0.025, 0.07, 0.5, 0.01) for i in (-1, 1)
        ]
        return [box(0, 1.03, 0, 1.18, 0.045, 0.64, 0.025), join(*legs, *rails)]

    top = Finish(wood(look.main, "x"), gloss=0.5)
    under = Finish(wood(look.trim_paint, "y"), gloss=0.4)
    return studio.photograph(f"table {look.cut}", forms, [top, under], View(17, 26))


def stool(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        seat = turned(
            [(-0.1, 1.28, 1), (0.42, 1.28, 1), (0.46, 1.33), (0.42, 1.38), (-0.1, 1.36, 1)]
        )
        legs = [
            rod((0.3 * i, 1.3, 0.3 * k), (0.44 * i, 0.03, 0.44 * k), 0.045, 0.035)
            for i in (-1, 1)
            for k in (-1, 1)
        ]
        bars = [rod((-0.38, 0.5, 0.38 * k), (0.38, 0.5, 0.38 * k), 0.024) for k in (-1, 1)] + [
            rod((0.36 * i, 0.62, -0.36), (0.36 * i, 0.62, 0.36), 0.024) for i in (-1, 1)
        ]
        return [seat, join(*legs, *bars)]

    return studio.photograph(
        "stool",
        forms,
        [Finish(wood(look.main, "x"), gloss=0.4), Finish(wood(look.trim_paint, "y"), gloss=0.4)],
        View(14, 24),
    )


def _sofa_forms() -> list[Form]:
    base = box(0, 0.36, 0, 1.25, 0.16, 0.55, 0.06)
    back = box(0, 0.82, -0.5, 1.25, 0.5, 0.15, 0.13)
    arms = [box(1.25 * i, 0.55, 0.0, 0.16, 0.4, 0.58, 0.13) for i in (-1, 1)]
    seats = [box(0.55 * i, 0.6, 0.08, 0.54, 0.13, 0.5, 0.1) for i in (-1, 1)]
    backs = [
        moved(box(0, 0, 0, 0.53, 0.32, 0.12, 0.11), 0.55 * i, 0.98, -0.3, pitch=-12)
        for i in (-1, 1)
    ]
    legs = [
        rod((1.2 * i, 0.25, 0.45 * k), (1.24 * i, 0.02, 0.48 * k), 0.05, 0.035)
        for i in (-1, 1)
        for k in (-1, 1)
    ]
    return [melt(0.03, base, back, *arms), join(*seats, *backs), join(*legs)]


def sofa(look: Look, studio: Studio) -> Image.Image:
    weave = lambda x, y, z: bumps(x * 60, y * 60, z * 60)
    cloth = Finish(draped(look.dress, 0.4), bump=weave, depth=0.001)
    return studio.photograph(
        "sofa",
        _sofa_forms,
        [cloth, cloth, Finish(wood(look.trim_paint, "y"), gloss=0.4)],
        View(15, 24, fill=0.9),
    )


def cushion(look: Look, studio: Studio) -> Image.Image:
    def pillow(x: Field, y: Field, z: Field) -> Field:
        a, b = np.clip(np.abs(x) / 0.93, 0, 1.2), np.clip(np.abs(y - 0.92) / 0.93, 0, 1.2)
        pinch = 0.1 * ((1 - np.minimum(a, 1) ** 2) * b**4 + (1 - np.minimum(b, 1) ** 2) * a**4)
        thick = 0.62 * np.clip((1 - a**2) * (1 - b**2), 0, 1) ** 0.62 + 0.012
        side = np.maximum(np.abs(x), np.abs(y - 0.92)) - 0.93 + pinch
        return np.maximum(np.abs(z) - thick, side) * 0.45

    creases = lambda x, y, z: (
        bumps(x * 2.6, y * 2.6, z * 2.6, look.seed % 97) + 0.012 * bumps(x * 70, y * 70, z * 70)
    )
    finish = Finish(draped(look.dress, 0.5), bump=creases, depth=0.055)
    return studio.photograph(
        "cushion", lambda: [moved(pillow, 0, 0, 0, pitch=-12)], [finish], View(12, -20)
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "chair": chair,
    "table": table,
    "stool": stool,
    "sofa": sofa,
    "cushion": cushion,
}
