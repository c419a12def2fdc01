"""Bags and cases."""

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
    ring,
    rod,
    slab,
    tube,
    turned,
)
from training.sample.look import Look, either, fronted, shaded
from training.sample.palette import Linear, colour
from training.sample.paths import Point, curve
from training.sample.studio import Finish, Studio, View

GOLD = Finish(colour("gold"), metal=True)


SILVER = Finish(colour("silver"), metal=True)


def _leather(x: Field, y: Field, z: Field) -> Field:
    return 0.22 * bumps(x * 30, y * 30, z * 30) + 2.2 * bumps(x * 2.2, y * 2.2, z * 2.2, 3.0)


def _canvas(x: Field, y: Field, z: Field) -> Field:
    return 0.1 * bumps(x * 60, y * 60, z * 60) + 3.0 * bumps(x * 2.4, y * 1.6, z * 2.4, 6.0)


def _along(points: list[Point], z: float, r: float) -> Form:
    """A thin cord along an outline, at depth z."""
    line = curve(points, steps=5)
    line = np.vstack([line, line[:1]])
    return tube([(float(a), float(b), z) for a, b in line], [r] * (len(line) + 1))


def _rounded(low: float, high: float, foot: float, top: float, r: float) -> list[Point]:
    """A box with round corners: half widths at the foot and the top."""
    half: list[Point] = [
        (0.0, top, 1),
        (high - r, top),
        (high, top - r),
        (low, foot + r),
        (low - r, foot),
        (0.0, foot, 1),
    ]
    return [*half, *((-p[0], p[1]) for p in reversed(half[1:-1]))]


def handbag(look: Look, studio: Studio) -> Image.Image:
    body: list[Point] = {
        "structured": _rounded(0.95, 0.76, 0.02, 1.12, 0.14),
        "hobo": [
            (-0.85, 0.1),
            (0, 0.0),
            (0.85, 0.1),
            (1.02, 0.55),
            (0.7, 1.05),
            (0.0, 0.9),
            (-0.7, 1.05),
            (-1.02, 0.55),
        ],
        "satchel": _rounded(0.94, 0.92, 0.02, 1.12, 0.12),
        "clutch": _rounded(1.1, 1.08, 0.02, 0.74, 0.07),
    }[look.cut]

    def forms() -> list[Form]:
        depth = {"structured": 0.36, "hobo": 0.3, "satchel": 0.3, "clutch": 0.16}[look.cut]
        base = slab(body, depth, 0.13 if look.cut != "hobo" else 0.26)
        if look.cut == "structured":
            # it narrows towards the top
            whole = base
            base = lambda x, y, z: whole(x, y, z * (1 + 0.5 * np.clip(y, 0, 1.2))) * 0.72
            grips = [
                tube(
                    bent(
                        [
                            (-0.42, 1.0, 0.2 * i),
                            (-0.4, 1.55, 0.17 * i),
                            (0, 1.85, 0.14 * i),
                            (0.4, 1.55, 0.17 * i),
                            (0.42, 1.0, 0.2 * i),
                        ]
                    ),
                    [0.042] * 40,
                )
                for i in (-1, 1)
            ]
            rings = [ring(0.42 * k, 1.02, 0.215, 0.065, 0.02, "z") for k in (-1, 1)]
            clasp = join(box(0, 1.0, 0.225, 0.1, 0.06, 0.03, 0.02), *rings)
            return [base, join(*grips), clasp]
        if look.cut == "hobo":
            strap = tube(
                bent(
                    [
                        (-0.72, 0.98, 0),
                        (-0.62, 1.6, 0),
                        (0, 2.05, 0),
                        (0.62, 1.6, 0),
                        (0.72, 0.98, 0),
                    ]
                ),
                [0.075] * 40,
                0.6,
            )
            return [
                base,
                strap,
                join(ring(-0.72, 1.02, 0, 0.1, 0.026, "z"), ring(0.72, 1.02, 0, 0.1, 0.026, "z")),
            ]
        flap_points: list[Point] = [
            (-0.9, 1.12, 1),
            (0.9, 1.12, 1),
            (0.94, 0.7),
            (0.9, 0.46),
            (0.75, 0.4),
            (-0.75, 0.4),
            (-0.9, 0.46),
            (-0.94, 0.7),
        ]
        if look.cut == "clutch":
            flap_points = [
                (-1.08, 0.74, 1),
                (1.08, 0.74, 1),
                (1.04, 0.5, 1),
                (0, 0.2, 1),
                (-1.04, 0.5, 1),
            ]
        flap = slab(flap_points, 0.045, 0.04, depth)
        parts = [
            melt(
                0.02,
                base,
                slab(
                    [(-0.9, 1.02, 1), (0.9, 1.02, 1), (0.9, 1.16, 0), (-0.9, 1.16, 0)], depth, 0.06
                ),
            )
            if look.cut == "satchel"
            else base
        ]
        if look.cut == "satchel":
            strap = tube(
                bent(
                    [
                        (-0.86, 1.05, 0),
                        (-0.8, 1.7, -0.1),
                        (0, 2.1, -0.15),
                        (0.8, 1.7, -0.1),
                        (0.86, 1.05, 0),
                    ]
                ),
                [0.045] * 40,
            )
            straps = [box(0.42 * k, 0.62, depth + 0.05, 0.07, 0.32, 0.03, 0.02) for k in (-1, 1)]
            buckles = [
                join(box(0.42 * k, 0.46, depth + 0.09, 0.1, 0.075, 0.02, 0.02)) for k in (-1, 1)
            ]
            return [*parts, join(strap, *straps), join(*buckles), flap]
        return [*parts, ball(0, 0.26, depth + 0.05, 0.07, 1, 1, 0.5), flap]

    skin = Finish(fronted(look.dress, 0.45), gloss=0.6, bump=_leather, depth=0.006)
    trim = Finish(look.trim_paint, gloss=0.7)
    finishes = {"clutch": [skin, GOLD, skin]}.get(look.cut, [skin, trim, GOLD, skin])
    return studio.photograph(f"handbag {look.cut}", forms, finishes, View(13, 22))


def tote(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        body = slab(
            [
                (-0.72, 0.02),
                (0.72, 0.02),
                (0.84, 0.12),
                (0.9, 0.7),
                (0.92, 1.35, 1),
                (0, 1.31),
                (-0.92, 1.35, 1),
                (-0.9, 0.7),
                (-0.84, 0.12),
            ],
            0.2,
            0.1,
        )
        body = cut(body, moved(ball(0, 1.5, 0, 0.5, 1.7, 0.6, 0.2)))
        grips = [
            tube(
                bent(
                    [
                        (-0.4, 1.15, 0.16 * i),
                        (-0.38, 1.75, 0.13 * i),
                        (-0.1, 2.15, 0.1 * i),
                        (0.1, 2.15, 0.1 * i),
                        (0.38, 1.75, 0.13 * i),
                        (0.4, 1.15, 0.16 * i),
                    ]
                ),
                [0.075] * 60,
                0.45,
            )
            for i in (-1, 1)
        ]
        patches = [box(0.4 * k, 1.18, 0.19, 0.085, 0.15, 0.025, 0.02) for k in (-1, 1)]
        return [body, join(*grips, *patches)]

    return studio.photograph(
        "tote",
        forms,
        [
            Finish(fronted(look.dress, 0.5), bump=_canvas, depth=0.010),
            Finish(look.trim_paint, bump=_canvas, depth=0.004),
        ],
        View(10, 18),
    )


def backpack(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        outline: list[Point] = [
            (-0.68, 0.02),
            (0.68, 0.02),
            (0.76, 0.7),
            (0.68, 1.45),
            (0.4, 1.82),
            (0, 1.9),
            (-0.4, 1.82),
            (-0.68, 1.45),
            (-0.76, 0.7),
        ]
        body = slab(outline, 0.38, 0.22)
        pocket_line: list[Point] = [
            (-0.52, 0.08),
            (0.52, 0.08),
            (0.55, 0.5),
            (0.45, 0.82),
            (0, 0.88),
            (-0.45, 0.82),
            (-0.55, 0.5),
        ]
        pocket = slab(pocket_line, 0.17, 0.12, 0.4)
        sides = [
            moved(
                slab([(-0.22, 0.08), (0.22, 0.08), (0.24, 0.7), (-0.24, 0.7)], 0.1, 0.08),
                0.74 * k,
                0,
                0.0,
                yaw=90,
            )
            for k in (-1, 1)
        ]
        inner: list[Point] = [(x * 0.97, 0.02 + y * 0.985) for x, y in outline]  # type: ignore[misc]
        zips = join(
            _along(inner, 0.27, 0.02),
            _along([(x * 0.9, y * 0.97) for x, y in pocket_line], 0.545, 0.018),
        )  # type: ignore[misc]
        handle = tube(
            bent(
                [(-0.18, 1.84, -0.1), (-0.16, 2.05, -0.1), (0.16, 2.05, -0.1), (0.18, 1.84, -0.1)]
            ),
            [0.05] * 40,
        )
        straps = [
            tube(
                bent(
                    [
                        (0.3 * k, 1.75, -0.4),
                        (0.75 * k, 1.5, -0.55),
                        (0.9 * k, 0.9, -0.55),
                        (0.72 * k, 0.2, -0.35),
                    ]
                ),
                [0.1] * 40,
                0.7,
            )
            for k in (-1, 1)
        ]
        pulls = join(
            *(rod((0.5 * k, 1.62, 0.36), (0.53 * k, 1.45, 0.37), 0.03) for k in (1,)),
            rod((0.3, 0.76, 0.56), (0.32, 0.62, 0.57), 0.028),
        )
        return [join(body, *sides), pocket, join(zips, pulls), join(handle, *straps)]

    def lower(x: Field, y: Field, z: Field) -> Linear:
        out = look.dress(x * 0.45 + 0.5, 0.85 - y * 0.42)
        base = (y < 0.3)[:, None]
        return np.where(base, look.trim_paint, out) if look.dress.pattern == "plain" else out

    cloth = Finish(lower, gloss=0.15, bump=_canvas, depth=0.010)
    pocket = Finish(
        fronted(look.dress, 0.45) if look.dress.pattern != "plain" else shaded(look.main, 0.92),
        gloss=0.15,
        bump=_canvas,
        depth=0.008,
    )
    return studio.photograph(
        "backpack",
        forms,
        [
            cloth,
            pocket,
            Finish(shaded(look.trim_paint, 0.6), gloss=0.3),
            Finish(look.trim_paint, bump=_canvas, depth=0.004),
        ],
        View(13, 22),
    )


def suitcase(look: Look, studio: Studio) -> Image.Image:
    def grooves(x: Field, y: Field, z: Field) -> Field:
        front = np.abs(z) > 0.3
        lines = (
            smooth(0.30, 0.46, np.abs((x / 0.2) % 1 - 0.5))
            if look.cut == "ribbed"
            else np.zeros_like(x)
        )
        return -np.where(front & (np.abs(x) < 0.62) & (y > 0.3) & (y < 1.95), lines, 0).astype(
            np.float32
        )

    def forms() -> list[Form]:
        case = box(0, 1.12, 0, 0.74, 1.0, 0.36, 0.16)
        seam = cut(box(0, 1.12, 0, 0.755, 1.015, 0.03, 0.03), box(0, 1.12, 0, 0.6, 0.85, 0.5, 0.1))
        wheels = [
            join(ball(0.58 * k, 0.075, 0.24 * j, 0.09, 0.6, 1, 1)) for k in (-1, 1) for j in (-1, 1)
        ]
        posts = [rod((0.28 * k, 2.0, -0.2), (0.28 * k, 2.72, -0.2), 0.03) for k in (-1, 1)]
        grip = rod((-0.3, 2.74, -0.2), (0.3, 2.74, -0.2), 0.06)
        handle = tube(
            bent([(-0.2, 2.1, 0.05), (-0.18, 2.2, 0.05), (0.18, 2.2, 0.05), (0.2, 2.1, 0.05)]),
            [0.045] * 40,
        )
        corners = [ball(0.62 * k, 0.24 + 1.76 * j, 0.25, 0.17) for k in (-1, 1) for j in (0, 1)]
        hard: list[Form] = [case, join(*wheels, grip, handle, seam), join(*posts)]
        return hard if look.cut == "ribbed" else [join(case, *corners), *hard[1:]]

    shell = Finish(fronted(look.dress, 0.45), gloss=0.75, bump=grooves, depth=0.035)
    return studio.photograph(
        f"suitcase {look.cut}",
        forms,
        [shell, Finish(look.trim_paint, gloss=0.4), SILVER],
        View(12, 26),
    )


def duffel(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        barrel = moved(
            turned(
                [
                    (-0.1, -1.2, 1),
                    (0.46, -1.2),
                    (0.56, -1.1),
                    (0.56, 1.1),
                    (0.46, 1.2),
                    (-0.1, 1.2, 1),
                ]
            ),
            0,
            0.55,
            0,
            roll=90,
        )
        barrel = melt(0.05, barrel, box(0, 0.3, 0, 1.1, 0.3, 0.5, 0.1))
        bands = [
            moved(
                both(
                    turned([(0.5, -0.06, 1), (0.59, -0.06, 1), (0.59, 0.06, 1), (0.5, 0.06, 1)]),
                    box(0, 0, 0, 1, 1, 1),
                ),
                0.5 * k,
                0.55,
                0,
                roll=90,
            )
            for k in (-1, 1)
        ]
        grips = [
            tube(
                bent(
                    [
                        (-0.5, 0.95, 0.42 * i),
                        (-0.36, 1.5, 0.2 * i),
                        (0.36, 1.5, 0.2 * i),
                        (0.5, 0.95, 0.42 * i),
                    ]
                ),
                [0.05] * 40,
            )
            for i in (-1, 1)
        ]
        zip_line = rod((-1.05, 1.115, 0), (1.05, 1.115, 0), 0.022)
        return [barrel, join(*bands, *grips), zip_line]

    return studio.photograph(
        "duffel",
        forms,
        [
            Finish(fronted(look.dress, 0.4), gloss=0.15, bump=_canvas, depth=0.010),
            Finish(look.trim_paint, gloss=0.4),
            SILVER,
        ],
        View(18, 26),
    )


def wallet(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        leafs = [
            moved(box(0, 0.1, 0, 1.0, 0.09, 0.72, 0.06), 0, 0, 0),
            moved(box(0, 0.29, 0, 1.0, 0.085, 0.72, 0.06), 0, 0, 0.02, yaw=2),
        ]
        spine = rod((-0.98, 0.19, -0.7), (0.98, 0.19, -0.7), 0.17)
        return [melt(0.03, *leafs, spine), ball(0.0, 0.37, 0.6, 0.07, 1, 0.4, 1)]

    stitch = either(
        look.trim_paint,
        lambda x, y, z: look.dress(x * 0.5 + 0.5, z * 0.5 + 0.5),
        lambda x, y, z: (
            (y > 0.3)
            & (np.abs(np.maximum(np.abs(x) - 0.28, np.abs(z - 0.02)) - 0.63) < 0.014)
            & ((x + z) % 0.1 < 0.06)
        ),
    )
    return studio.photograph(
        "wallet", forms, [Finish(stitch, gloss=0.6, bump=_leather, depth=0.006), GOLD], View(34, 30)
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "handbag": handbag,
    "tote bag": tote,
    "backpack": backpack,
    "suitcase": suitcase,
    "duffel bag": duffel,
    "wallet": wallet,
}
