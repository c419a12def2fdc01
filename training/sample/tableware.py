"""Pots, pans and china, most of them from the wheel."""

# ruff: noqa: ARG005
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.forms import (
    Form,
    ball,
    bent,
    cut,
    join,
    melt,
    moved,
    ring,
    rod,
    tube,
    turned,
    vessel,
)
from training.sample.look import Look, around, either, from_above, within
from training.sample.studio import Finish, Studio, View

_MUGS = {
    "straight": [(0.5, 0), (0.55, 0.03), (0.57, 0.1), (0.57, 1.12)],
    "round": [(0.4, 0), (0.5, 0.05), (0.66, 0.4), (0.66, 0.7), (0.58, 1.0)],
    "tall": [(0.38, 0), (0.42, 0.04), (0.46, 0.3), (0.55, 1.32)],
}


def mug(look: Look, studio: Studio) -> Image.Image:
    outer = _MUGS[look.cut]

    def forms() -> list[Form]:
        top = outer[-1][1]
        wall = [
            float(np.interp(t * top, [h for _, h in outer], [r for r, _ in outer]))
            for t in (0.84, 0.2)
        ]
        handle = bent(
            [
                (wall[0] - 0.01, top * 0.84, 0),
                (0.82, top * 0.88, 0),
                (1.01, top * 0.64, 0),
                (0.9, top * 0.36, 0),
                (wall[1] - 0.01, top * 0.2, 0),
            ]
        )
        return [vessel(outer, 0.06), tube(handle, [0.068] * 40, 1.35)]

    paint = either(look.trim_paint, around(look.dress, 0.57), within(outer, 0.06))
    return studio.photograph(
        f"mug {look.cut}",
        forms,
        [Finish(paint, gloss=1), Finish(look.main, gloss=1)],
        View(20, -28),
    )


_BOWLS = {
    "deep": [(0.34, 0), (0.37, 0.06), (0.72, 0.3), (0.92, 0.72)],
    "wide": [(0.4, 0), (0.46, 0.06), (0.84, 0.26), (1.04, 0.6)],
}


def bowl(look: Look, studio: Studio) -> Image.Image:
    outer = _BOWLS[look.cut]
    paint = either(look.trim_paint, around(look.dress, 0.8), within(outer))
    return studio.photograph(
        f"bowl {look.cut}", lambda: [vessel(outer, 0.07)], [Finish(paint, gloss=1)], View(24)
    )


def plate(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        rim = [
            (0.6, 0.0, 1),
            (0.72, 0.04),
            (1.0, 0.13),
            (1.13, 0.17),
            (1.13, 0.20),
            (0.98, 0.17),
            (0.75, 0.1),
            (0.68, 0.06),
            (-0.2, 0.055, 1),
            (-0.2, 0, 1),
        ]
        return [turned(rim)]

    dress = from_above(look.dress, 0.42)
    if look.cut == "rimmed":
        base, line = look.main, look.trim_paint
        paint = either(
            line,
            base,
            lambda x, y, z: (np.hypot(x, z) > 1.07) | (np.abs(np.hypot(x, z) - 0.78) < 0.018),
        )
    else:
        paint = dress
    return studio.photograph("plate", forms, [Finish(paint, gloss=1)], View(52))


def teapot(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        body = turned(
            [
                (-0.1, 0, 1),
                (0.4, 0.0, 1),
                (0.46, 0.05),
                (0.74, 0.42),
                (0.7, 0.78),
                (0.36, 1.02),
                (0.3, 1.04),
                (-0.1, 1.04, 1),
            ]
        )
        spout = tube(
            bent([(0.55, 0.3, 0), (0.86, 0.45, 0), (0.98, 0.76, 0), (1.18, 0.95, 0)]),
            list(np.linspace(0.17, 0.07, 16)),
        )
        grip = tube(
            bent(
                [
                    (-0.5, 0.86, 0),
                    (-0.86, 0.98, 0),
                    (-1.12, 0.72, 0),
                    (-1.0, 0.4, 0),
                    (-0.62, 0.3, 0),
                ]
            ),
            [0.065] * 40,
            1.3,
        )
        hole = rod((1.12, 0.9, 0), (1.3, 1.05, 0), 0.045)
        lid = join(
            turned([(-0.1, 1.0, 1), (0.36, 1.02, 1), (0.36, 1.06), (0.2, 1.15), (-0.1, 1.19, 1)]),
            ball(0, 1.25, 0, 0.085),
        )
        return [cut(melt(0.08, body, spout, grip), hole), lid]

    paint = around(look.dress, 0.7)
    return studio.photograph(
        "teapot", forms, [Finish(paint, gloss=1), Finish(look.trim_paint, gloss=1)], View(16, 10)
    )


def vase(look: Look, studio: Studio) -> Image.Image:
    shapes = {
        "bottle": [
            (0.34, 0),
            (0.4, 0.04),
            (0.56, 0.5),
            (0.4, 0.95),
            (0.2, 1.25),
            (0.2, 1.6),
            (0.27, 1.72),
        ],
        "urn": [(0.3, 0), (0.34, 0.04), (0.66, 0.75), (0.6, 1.2), (0.36, 1.42), (0.44, 1.56)],
        "cylinder": [(0.4, 0), (0.44, 0.03), (0.45, 0.3), (0.46, 1.6)],
    }
    finish = Finish(around(look.dress, 0.5), gloss=0.9)
    return studio.photograph(
        f"vase {look.cut}", lambda: [vessel(shapes[look.cut], 0.05)], [finish], View(14)
    )


def bottle(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        if look.cut == "sport":
            body = turned(
                [
                    (-0.1, 0, 1),
                    (0.30, 0, 1),
                    (0.34, 0.04),
                    (0.34, 1.2),
                    (0.32, 1.32),
                    (0.2, 1.44),
                    (-0.1, 1.44, 1),
                ]
            )
            cap = join(
                turned(
                    [
                        (-0.1, 1.42, 1),
                        (0.22, 1.42, 1),
                        (0.23, 1.45),
                        (0.23, 1.62),
                        (0.2, 1.66),
                        (-0.1, 1.66, 1),
                    ]
                ),
                ring(0, 1.72, 0, 0.13, 0.035, "z"),
            )
            return [body, cap]
        body = turned(
            [
                (-0.1, 0, 1),
                (0.36, 0, 1),
                (0.40, 0.05),
                (0.40, 1.1),
                (0.36, 1.3),
                (0.17, 1.5),
                (-0.1, 1.52, 1),
            ]
        )
        cap = turned(
            [
                (-0.1, 1.5, 1),
                (0.23, 1.5, 1),
                (0.24, 1.53),
                (0.22, 1.95),
                (0.19, 1.98),
                (-0.1, 1.98, 1),
            ]
        )
        return [
            body,
            cap,
            join(
                tube(
                    bent([(0.33, 1.25, 0), (0.62, 1.2, 0), (0.62, 0.6, 0), (0.38, 0.5, 0)]),
                    [0.05] * 40,
                )
            ),
        ]

    steel = look.trim in {"silver", "black"}
    finishes = [
        Finish(around(look.dress, 0.34), gloss=0.55),
        Finish(look.trim_paint, gloss=0.7, metal=steel and look.trim == "silver"),
        Finish(look.trim_paint, gloss=0.6),
    ]
    return studio.photograph(f"bottle {look.cut}", forms, finishes, View(10, -12))


def pan(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        body = vessel([(0.72, 0), (0.78, 0.03), (0.9, 0.3)], 0.05, 0.05)
        handle = rod((0.62, 0.26, 0.62), (1.5, 0.46, 1.5), 0.075, 0.09)
        return [body, moved(cut(handle, ball(0, 0.3, 0, 0.9)), 0)]

    return studio.photograph(
        "pan",
        forms,
        [Finish(look.main, gloss=0.6), Finish(look.trim_paint, gloss=0.4)],
        View(38, 14),
    )


def pot(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        body = turned([(-0.1, 0, 1), (0.7, 0, 1), (0.78, 0.06), (0.82, 0.75), (-0.1, 0.75, 1)])
        lid = turned([(-0.1, 0.75, 1), (0.85, 0.75, 1), (0.85, 0.8), (0.5, 0.92), (-0.1, 0.97, 1)])
        knob = turned(
            [
                (-0.1, 0.95, 1),
                (0.08, 0.95, 1),
                (0.07, 1.0),
                (0.14, 1.08),
                (0.1, 1.12),
                (-0.1, 1.13, 1),
            ]
        )
        ears = [
            tube(
                bent(
                    [
                        (0.78 * i, 0.62, -0.2),
                        (1.02 * i, 0.62, -0.1),
                        (1.02 * i, 0.62, 0.1),
                        (0.78 * i, 0.62, 0.2),
                    ]
                ),
                [0.05] * 40,
            )
            for i in (-1, 1)
        ]
        return [melt(0.05, body, *ears), lid, knob]

    return studio.photograph(
        "pot",
        forms,
        [
            Finish(look.main, gloss=0.8),
            Finish(look.main, gloss=0.8),
            Finish(look.trim_paint, metal=look.trim in {"silver", "gold"}, gloss=0.6),
        ],
        View(20, 8),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "mug": mug,
    "bowl": bowl,
    "plate": plate,
    "teapot": teapot,
    "vase": vase,
    "water bottle": bottle,
    "frying pan": pan,
    "cooking pot": pot,
}
