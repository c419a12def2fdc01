"""Shoes, seen from the side and a little from the front: soles, uppers, openings, laces."""

# ruff: noqa: ARG001, ARG005, E731
# forms and paints all take (x, y, z) whether they need each or not, and the short ones are lambdas

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.fields import Field, bumps
from training.sample.forms import (
    Form,
    ball,
    bent,
    both,
    box,
    cut,
    hull,
    join,
    melt,
    moved,
    ring,
    rod,
    tube,
)
from training.sample.look import Look, either, shaded
from training.sample.palette import Linear, colour
from training.sample.paths import Point
from training.sample.studio import Finish, Paint, Studio, View

_PRINT: list[Point] = [
    (-1.5, 0),
    (-1.38, 0.28),
    (-0.9, 0.37),
    (-0.2, 0.34),
    (0.45, 0.46),
    (0.95, 0.47),
    (1.35, 0.3),
    (1.5, 0),
]


def _footprint(grow: float = 0.0) -> list[Point]:
    """The outline of a sole (x, z)."""
    half = [(x * (1 + grow * 0.7), z + (grow if z else 0)) for x, z in _PRINT]
    return [*half, *((x, -z) for x, z in reversed(half[1:-1]))]


def _leaning(form: Form, inwards: float, above: float = 0.3) -> Form:
    """Narrower with height, as uppers are."""
    return lambda x, y, z: form(x, y, z * (1 + inwards * np.maximum(y - above, 0))) * 0.85


def _pair(forms: list[Form], apart: float = 1.2) -> list[Form]:
    """The other shoe stands behind, a little ahead."""
    return [join(f, moved(f, 0.45, 0, -apart, yaw=-6)) for f in forms]


def _laces(start: tuple[float, float], end: tuple[float, float], count: int, wide: float) -> Form:
    rows: list[Form] = []
    for t in np.linspace(0, 1, count):
        x, y = start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t
        rows.append(
            tube(
                [
                    (x - 0.02, y - 0.10, -wide),
                    (x, y, -wide * 0.45),
                    (x, y + 0.01, 0),
                    (x, y, wide * 0.45),
                    (x - 0.02, y - 0.10, wide),
                ],
                [0.035] * 5,
            )
        )
    return join(*rows)


def _bow(x: float, y: float) -> Form:
    loops = [
        tube(
            bent(
                [
                    (x, y, 0),
                    (x + 0.14, y + 0.10, 0.16 * i),
                    (x + 0.2, y - 0.02, 0.28 * i),
                    (x, y, 0.02 * i),
                ],
                4,
            ),
            [0.03] * 20,
        )
        for i in (-1, 1)
    ]
    return join(ball(x, y, 0, 0.05), *loops)


_LOW: list[Point] = [
    (-1.38, 0.12, 1),
    (-1.46, 0.45),
    (-1.40, 0.85),
    (-1.36, 1.12),
    (-1.22, 1.16),
    (-0.9, 0.92),
    (-0.55, 1.02),
    (-0.36, 1.26),
    (-0.24, 1.26),
    (0.1, 0.98),
    (0.6, 0.7),
    (1.05, 0.55),
    (1.36, 0.4),
    (1.47, 0.12, 1),
]
_HIGH: list[Point] = [
    (-1.38, 0.12, 1),
    (-1.44, 0.5),
    (-1.34, 1.1),
    (-1.36, 1.78),
    (-1.22, 1.82),
    (-0.75, 1.78),
    (-0.40, 1.95),
    (-0.30, 1.9),
    (-0.12, 1.3),
    (0.3, 0.86),
    (0.8, 0.6),
    (1.2, 0.5),
    (1.42, 0.36),
    (1.47, 0.12, 1),
]


def sneaker(look: Look, studio: Studio) -> Image.Image:
    high, runner = look.cut == "high", look.cut == "runner"
    side = _HIGH if high else _LOW

    def forms() -> list[Form]:
        upper = _leaning(hull(side, _footprint(-0.02), 0.16), 0.28 if not high else 0.2)
        mouth = ball(-0.86, 1.72 if high else 1.1, 0, 0.42, 0.92, 1.7 if high else 0.9, 0.58)
        upper = cut(upper, mouth)
        if runner:
            sole_side: list[Point] = [
                (-1.62, 0.34),
                (-1.5, 0.04),
                (-0.9, 0.0),
                (-0.2, 0.05),
                (0.5, 0.0),
                (1.1, 0.02),
                (1.62, 0.26),
                (1.58, 0.34),
                (1.1, 0.25),
                (0.3, 0.24),
                (-0.6, 0.36),
                (-1.3, 0.46),
            ]
        else:
            sole_side = [
                (-1.52, 0.02, 1),
                (-1.56, 0.28),
                (-1.5, 0.3),
                (0.9, 0.28),
                (1.5, 0.33),
                (1.56, 0.3),
                (1.5, 0.02, 1),
            ]
        sole = hull(sole_side, _footprint(0.06), 0.05)
        top = (-0.32, 1.72) if high else (-0.16, 1.2)
        laces = join(
            _laces((0.42, 0.83) if not high else (0.32, 0.9), top, 7 if high else 5, 0.24),
            _bow(top[0] - 0.03, top[1] + 0.05),
        )
        inside = both(
            _leaning(hull(side, _footprint(-0.06), 0.16), 0.28),
            ball(-0.86, 0.5, 0, 0.5, 0.9, 1.0, 0.5),
        )
        return [upper, sole, laces, inside]

    main, second, trim = look.main, look.second, look.trim_paint

    def panels(x: Field, y: Field, z: Field) -> Linear:
        out = (
            look.dress(x * 0.4 + 0.5, 0.8 - y * 0.4)
            if look.dress.pattern != "plain"
            else np.broadcast_to(main, (*x.shape, 3))
        )
        if high:
            toe = (x - 1.5) ** 2 / 0.42**2 + (y - 0.1) ** 2 / 0.55**2 < 1
            disc = np.hypot(x + 0.95, y - 1.3) < 0.2
            out = np.where(toe[:, None], colour("white"), out)
            out = np.where(disc[:, None], colour("white"), out)
            return np.where((disc & (np.hypot(x + 0.95, y - 1.3) < 0.14))[:, None], second, out)
        toe = x > 1.02 - 0.35 * (y - 0.3)
        heel = x < -1.12 + 0.2 * (y - 0.3)
        throat = (np.abs(z) < 0.30) & (y > 1.16 - 0.62 * (x + 0.2)) & (x > -0.42) & (x < 0.6)
        bars = (
            ((x * 0.9 + y * 0.75 + 0.1) % 0.42 < 0.17)
            & (np.abs(x + 0.22) < 0.55)
            & (y < 0.98 - 0.3 * x)
            & (y > 0.36)
        )
        if runner:
            wave = np.abs(y - 0.52 - 0.22 * np.sin(x * 2.2 + 0.6)) < 0.085 * (1.2 - x * 0.3)
            bars = wave & (x > -1.1) & (x < 0.85)
        out = np.where((toe | heel)[:, None], out * 0.82, out)
        out = np.where(bars[:, None], second, out)
        return np.where(throat[:, None], main * 0.75, out).astype(np.float32)

    mesh = lambda x, y, z: bumps(x * 48, y * 48, z * 48)
    rubber: Paint | Linear = trim
    if not runner:
        rubber = either(second, trim, lambda x, y, z: np.abs(y - 0.2) < 0.022)
    finishes = [
        Finish(panels, gloss=0.25, bump=mesh, depth=0.0015),
        Finish(rubber, gloss=0.3),
        Finish(colour("white") if look.dress.colours[0] != "white" else second, gloss=0.1),
        Finish(shaded(main, 0.45)),
    ]
    return studio.photograph(f"sneaker {look.cut}", forms, finishes, View(17, 22, fill=0.88))


def boot(look: Look, studio: Studio) -> Image.Image:
    tall = 3.3 if look.cut == "tall" else (2.0 if look.cut == "work" else 1.75)

    def forms() -> list[Form]:
        side: list[Point] = [
            (-1.32, 0.2, 1),
            (-1.42, 0.5),
            (-1.32, 1.0),
            (-1.38, tall - 0.3),
            (-1.42, tall, 1),
            (-0.32, tall + 0.06, 1),
            (-0.34, tall - 0.4),
            (-0.3, 1.3),
            (0.05, 0.98),
            (0.6, 0.76),
            (1.1, 0.62),
            (1.4, 0.42),
            (1.46, 0.2, 1),
        ]
        upper = _leaning(hull(side, _footprint(-0.02), 0.18), 0.10)
        shaft = ball(-0.87, tall + 0.1, 0, 0.5, 0.98, 0.7, 0.66)
        upper = cut(upper, shaft)
        sole_side: list[Point] = [
            (-1.5, 0.24, 1),
            (-1.48, 0.0, 1),
            (-0.72, 0.0, 1),
            (-0.66, 0.12, 1),
            (-0.2, 0.14),
            (0.2, 0.03),
            (1.1, 0.02),
            (1.56, 0.2),
            (1.55, 0.26, 1),
        ]
        if look.cut == "tall":
            sole_side = [
                (-1.46, 0.26, 1),
                (-1.40, 0.0, 1),
                (-0.9, 0.0, 1),
                (-0.8, 0.2, 1),
                (-0.2, 0.2),
                (0.4, 0.1),
                (1.1, 0.1),
                (1.52, 0.2),
                (1.52, 0.26, 1),
            ]
        sole = hull(sole_side, _footprint(0.02), 0.03)
        extra: Form = tube(
            [
                (-1.42, tall, 0),
                (-1.5, tall + 0.16, 0),
                (-1.36, tall + 0.2, 0),
                (-1.3, tall - 0.05, 0),
            ],
            [0.04] * 4,
        )
        if look.cut == "work":
            extra = join(_laces((0.22, 1.0), (-0.28, tall - 0.15), 7, 0.26), _bow(-0.3, tall - 0.1))
        return [upper, sole, extra]

    main = look.main

    def panels(x: Field, y: Field, z: Field) -> Linear:
        out = look.dress(x * 0.4 + 0.5, 0.8 - y * 0.35)
        if look.cut == "chelsea":
            gusset = np.abs(x + 0.82) < 0.17 + 0.12 * (y - 0.7)
            out = np.where((gusset & (y > 0.85))[:, None], main * 0.45, out)
        elif look.cut == "work":
            seam = np.abs(np.hypot(x - 1.55, (y - 0.1) * 1.1) - 0.62) < 0.014
            out = np.where((seam | (np.abs(y - tall + 0.2) < 0.012))[:, None], look.trim_paint, out)
            out = np.where((y > tall - 0.2)[:, None], out * 0.6, out)
        return out.astype(np.float32)

    creases = lambda x, y, z: bumps(x * 3.4, y * 4.2, z * 3, 2.0)
    suede = look.trim == "tan"
    finishes = [
        Finish(panels, gloss=0.25 if suede else 0.8, bump=creases, depth=0.014),
        Finish(
            colour("chocolate") * 0.7 if look.cut != "work" else look.trim_paint * 0.9, gloss=0.3
        ),
        Finish(shaded(main, 0.6) if look.cut != "work" else colour("mustard"), gloss=0.2),
    ]
    return studio.photograph(f"boot {look.cut}", forms, finishes, View(13, 22, fill=0.86))


def loafer(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        side: list[Point] = [
            (-1.36, 0.14, 1),
            (-1.44, 0.4),
            (-1.34, 0.78),
            (-1.26, 0.82),
            (-0.9, 0.66),
            (-0.3, 0.62),
            (-0.02, 0.86),
            (0.12, 0.86),
            (0.6, 0.7),
            (1.1, 0.56),
            (1.38, 0.4),
            (1.46, 0.14, 1),
        ]
        upper = cut(
            _leaning(hull(side, _footprint(-0.02), 0.15), 0.25),
            ball(-0.68, 0.95, 0, 0.64, 1.1, 0.86, 0.5),
        )
        sole_side: list[Point] = [
            (-1.46, 0.16, 1),
            (-1.44, 0.0, 1),
            (-0.72, 0.0, 1),
            (-0.66, 0.09, 1),
            (0, 0.09),
            (0.4, 0.03),
            (1.2, 0.02),
            (1.52, 0.12),
            (1.5, 0.17, 1),
        ]
        strap = both(
            _leaning(hull(side, _footprint(0.0), 0.15), 0.25),
            box(0.32, 0.8, 0, 0.12, 0.3, 0.6, 0.02),
        )
        strap_out: Form = lambda x, y, z: strap(x, y, z) - 0.015
        return [upper, hull(sole_side, _footprint(0.02), 0.02), strap_out]

    apron = lambda x, y, z: np.abs(np.hypot((x - 0.25) / 0.9, z / 0.3) - 1) < 0.035
    paint = either(
        shaded(look.main, 0.5), look.main, lambda x, y, z: apron(x, y, z) & (x > 0.3) & (y > 0.4)
    )
    return studio.photograph(
        "loafer",
        forms,
        [
            Finish(paint, gloss=0.85),
            Finish(colour("chocolate") * 0.6, gloss=0.4),
            Finish(look.trim_paint, gloss=0.7),
        ],
        View(24, 24, fill=0.88),
    )


_PUMP_TOP: list[Point] = [
    (-1.46, 0),
    (-1.36, 0.24),
    (-0.9, 0.3),
    (-0.3, 0.27),
    (0.4, 0.4),
    (0.9, 0.4),
    (1.3, 0.2),
    (1.56, 0),
]


def heel(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        side: list[Point] = [
            (1.56, 0.05),
            (1.3, 0.26),
            (0.9, 0.42),
            (0.62, 0.5),
            (0.2, 0.5),
            (-0.4, 0.84),
            (-1.0, 1.22),
            (-1.36, 1.5),
            (-1.46, 1.46),
            (-1.47, 1.2),
            (-1.3, 1.0),
            (-0.9, 0.84),
            (-0.3, 0.4),
            (0.2, 0.1),
            (0.7, 0.0),
            (1.3, 0.0),
        ]
        top = [*_PUMP_TOP, *((x, -z) for x, z in reversed(_PUMP_TOP[1:-1]))]
        whole = hull(side, top, 0.1)
        inner: Form = lambda x, y, z: np.maximum(
            whole(x - 0.05, y - 0.09, z * 1.16), x - 0.62 + z * z * 2
        )
        upper = cut(whole, inner)
        if look.cut == "stiletto":
            post = melt(
                0.14,
                rod((-1.25, 1.08, 0), (-1.28, 0.6, 0), 0.2, 0.09),
                rod((-1.28, 0.6, 0), (-1.22, 0.02, 0), 0.075, 0.05),
            )
        else:
            post = moved(box(0, 0, 0, 0.2, 0.5, 0.2, 0.05), -1.2, 0.5, 0)
        parts: list[Form] = [upper, post]
        if look.cut == "strap":
            parts.append(
                join(
                    ring(-1.12, 1.62, 0, 0.33, 0.035),
                    rod((-1.38, 1.4, 0.1), (-1.38, 1.62, 0.18), 0.035),
                    rod((-1.38, 1.4, -0.1), (-1.38, 1.62, -0.18), 0.035),
                )
            )
        return parts

    paint = look.dress if look.dress.pattern != "plain" else None
    skin = (lambda x, y, z: look.dress(x * 0.4, y * 0.4)) if paint else look.main
    finishes = [Finish(skin, gloss=1), Finish(look.main, gloss=1), Finish(look.main, gloss=1)]
    return studio.photograph(f"heel {look.cut}", forms, finishes, View(18, 22, fill=0.84))


def sandal(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        sole = hull(
            [
                (-1.5, 0.02, 1),
                (-1.52, 0.26),
                (-0.6, 0.24),
                (0.2, 0.17),
                (1.5, 0.2),
                (1.54, 0.14),
                (1.48, 0.02, 1),
            ],
            _footprint(0.05),
            0.05,
        )
        if look.cut == "flip-flop":
            straps = [
                tube(
                    bent(
                        [
                            (0.95, 0.16, 0),
                            (0.72, 0.42, 0.06 * i),
                            (0.2, 0.48, 0.36 * i),
                            (-0.35, 0.18, 0.40 * i),
                        ]
                    ),
                    [0.05, 0.05, 0.055, 0.06, 0.065] + [0.065] * 30,
                )
                for i in (-1, 1)
            ]
            return [sole, join(*straps)]
        bands: list[Form] = []
        for x, lift, wide, half in ((0.92, 0.40, 0.47, 0.15), (0.35, 0.50, 0.44, 0.15)):
            arch: Form = lambda a, b, c, w=wide, h=lift: (
                np.abs(np.sqrt((c / w) ** 2 + (np.maximum(b, 0) / (h + 0.12)) ** 2) - 1)
                * min(w, h)
                * 0.8
                - 0.028
            )
            bands.append(both(arch, box(x, 0.5, 0, half, 0.6, 0.8, 0.02)))
        ankle: Form = lambda x, y, z: np.maximum(
            np.abs(np.hypot((x + 1.0) / 0.46, z / 0.34) - 1) * 0.3 - 0.022,
            np.abs(y - 0.85 - 0.12 * (x + 1)) - 0.08,
        )
        risers = [
            moved(box(0, 0, 0, 0.07, 0.34, 0.022, 0.02), -1.1, 0.52, 0.335 * i) for i in (-1, 1)
        ]
        buckle = moved(ring(0, 0, 0, 0.09, 0.022, "z"), -0.95, 0.86, 0.36)
        return [sole, join(*bands, ankle, *risers), buckle]

    cork = lambda x, y, z: (
        np.broadcast_to(colour("tan"), (*x.shape, 3))
        * (0.9 + 0.3 * bumps(x * 22, y * 22, z * 22))[:, None]
    )
    sole_paint: Paint | Linear = either(
        look.trim_paint, cork, lambda x, y, z: (y < 0.07) | (y > 0.20)
    )
    strap: Paint | Linear = lambda x, y, z: look.dress(x * 0.4 + 0.5, z * 0.4 + y * 0.3)
    if look.cut == "flip-flop":
        sole_paint, strap = look.main, look.trim_paint
    return studio.photograph(
        f"sandal {look.cut}",
        forms,
        [
            Finish(sole_paint, gloss=0.1),
            Finish(strap, gloss=0.45),
            Finish(colour("gold"), metal=True),
        ],
        View(30, 26, fill=0.86),
    )


def slipper(look: Look, studio: Studio) -> Image.Image:
    def forms() -> list[Form]:
        side: list[Point] = [
            (-1.4, 0.1, 1),
            (-1.46, 0.4),
            (-1.3, 0.56),
            (-0.8, 0.5),
            (-0.1, 0.62),
            (0.15, 0.88),
            (0.6, 0.82),
            (1.1, 0.66),
            (1.4, 0.44),
            (1.46, 0.1, 1),
        ]
        upper = cut(
            _leaning(hull(side, _footprint(0.03), 0.2), 0.2),
            ball(-0.62, 0.85, 0, 0.72, 1.05, 0.8, 0.52),
        )
        cuff = tube(
            bent(
                [
                    (0.0, 0.82, 0.0),
                    (-0.1, 0.72, 0.34),
                    (-0.8, 0.58, 0.40),
                    (-1.32, 0.6, 0.1),
                    (-1.32, 0.6, -0.1),
                    (-0.8, 0.58, -0.40),
                    (-0.1, 0.72, -0.34),
                    (0.0, 0.82, 0.0),
                ],
                4,
            ),
            [0.1] * 60,
        )
        return [
            upper,
            rough_cuff(cuff),
            hull(
                [(-1.5, 0.0, 1), (-1.52, 0.14), (1.5, 0.14), (1.5, 0.0, 1)], _footprint(0.08), 0.04
            ),
        ]

    def rough_cuff(form: Form) -> Form:
        return lambda x, y, z: (form(x, y, z) - 0.035 * bumps(x * 14, y * 14, z * 14)) * 0.8

    wool = lambda x, y, z: bumps(x * 40, y * 40, z * 40)
    cloth = lambda x, y, z: look.dress(x * 0.4 + 0.5, 0.8 - y * 0.4 + z * 0.2)
    return studio.photograph(
        "slipper",
        forms,
        [
            Finish(cloth, bump=wool, depth=0.004),
            Finish(look.trim_paint, bump=wool, depth=0.01),
            Finish(colour("charcoal")),
        ],
        View(28, 26),
    )


KINDS: dict[str, Callable[[Look, Studio], Image.Image]] = {
    "sneaker": sneaker,
    "boot": boot,
    "loafer": loafer,
    "heel": heel,
    "sandal": sandal,
    "slipper": slipper,
}
