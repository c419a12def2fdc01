"""The tailor: the pieces that tops are made of, with their folds, bands and seams."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from training.sample.board import Board
from training.sample.fields import Field
from training.sample.look import Look, shaded
from training.sample.palette import Linear, colour
from training.sample.paths import Point, flipped, mirrored
from training.sample.patterns import Dress


def barrel(board: Board, half: float, depth: float = 0.07, middle: float = 0.5) -> Field:
    """The roundness of a body: high in the middle, falling off to both sides."""
    t = np.clip(np.abs(board.x - middle) / half, 0, 0.985)
    return (depth * np.sqrt(1 - t * t)).astype(np.float32)


def torso_folds(board: Board, waist: float, hem: float, strength: float = 1.0) -> Field:
    """The folds that a top has: from the arms to the chest, from the sides to the belly."""
    rng = board.rng
    total = board.rumple(0.0035 * strength, 4, 1.5)
    for side in (-1, 1):
        for _ in range(3):
            y = rng.uniform(0.3, 0.44)
            a = (0.5 + side * rng.uniform(0.2, 0.25), y)
            b = (0.5 + side * rng.uniform(0.02, 0.1), y + rng.uniform(0.06, 0.2))
            total += board.crease(a, b, side * 0.012, rng.uniform(0.008, 0.016), 0.0060 * strength)
        for _ in range(3):
            y = rng.uniform(waist - 0.1, hem - 0.08)
            a = (0.5 + side * rng.uniform(0.17, 0.24), y)
            b = (0.5 + side * rng.uniform(-0.02, 0.1), y + rng.uniform(-0.03, 0.1))
            total += board.crease(a, b, side * 0.012, rng.uniform(0.008, 0.018), 0.0060 * strength)
    return total


def _sleeve_folds(
    board: Board, a: tuple[float, float], b: tuple[float, float], count: int, strength: float = 1.0
) -> Field:
    """Short folds across a sleeve that runs from a to b, bunched at the elbow."""
    rng = board.rng
    total = board.rumple(0.002 * strength, 8, 1.0)
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = float(np.hypot(dx, dy))
    nx, ny = -dy / length, dx / length
    for _ in range(count):
        t = np.clip(rng.normal(0.5, 0.24), 0.08, 0.95)
        cx, cy = a[0] + dx * t, a[1] + dy * t
        w, skew = rng.uniform(0.03, 0.07), rng.uniform(-0.05, 0.05)
        p = (cx - nx * w + dx * skew, cy - ny * w + dy * skew)
        q = (cx + nx * w - dx * skew, cy + ny * w - dy * skew)
        total += board.crease(
            p, q, rng.uniform(-0.01, 0.01), rng.uniform(0.006, 0.012), 0.0058 * strength
        )
    return total


@dataclass(frozen=True)
class Cut:
    """The measures of a top: half widths and heights in picture sides."""

    neck: float = 0.085
    neck_y: float = 0.115
    drop: float = 0.195  # the lowest point of the neckline
    vee: bool = False
    shoulder: float = 0.235
    shoulder_y: float = 0.165
    armpit: float = 0.225
    armpit_y: float = 0.36
    waist: float = 0.212
    waist_y: float = 0.62
    hem: float = 0.225
    hem_y: float = 0.90
    sleeve: float = 0.0  # length of the sleeves: 0 none, 0.2 short, 0.6 long
    spread: float = 62.0  # degrees below the horizontal
    cuff: float = 0.05  # half width at the end
    curved: float = 0.0  # how far the hem swings up at the sides


def body_outline(cut: Cut) -> list[Point]:
    half: list[Point] = [
        (0.5, cut.drop, 1 if cut.vee else 0),
        (
            0.5 + cut.neck * (0.5 if cut.vee else 0.72),
            cut.drop - (cut.drop - cut.neck_y) * (0.5 if cut.vee else 0.3),
        ),
        (0.5 + cut.neck, cut.neck_y, 1),
        (0.5 + cut.shoulder - 0.022, cut.shoulder_y - 0.012),
        (0.5 + cut.shoulder - 0.002, cut.shoulder_y + 0.012),
        (0.5 + (cut.shoulder + cut.armpit) / 2 - 0.012, (cut.shoulder_y + cut.armpit_y) / 2 + 0.02),
        (0.5 + cut.armpit, cut.armpit_y, 1),
        (0.5 + cut.waist, cut.waist_y),
        (0.5 + cut.hem, cut.hem_y - cut.curved, 1),
        (0.5 + cut.hem * 0.5, cut.hem_y - cut.curved * 0.25 + 0.003),
        (0.5, cut.hem_y + 0.004),
    ]
    return mirrored(half)


def _sleeve(cut: Cut) -> tuple[list[Point], tuple[float, float], tuple[float, float]]:
    """The right sleeve's outline, and the ends of its axis."""
    a = np.deg2rad(cut.spread)
    d = np.array([np.cos(a), np.sin(a)])
    n = np.array([-d[1], d[0]])  # to the body's side
    top = np.array([0.5 + cut.shoulder - 0.015, cut.shoulder_y - 0.006])
    start = np.array([0.5 + cut.shoulder - 0.05, cut.shoulder_y - 0.019])
    under = np.array([0.5 + cut.armpit - 0.02, cut.armpit_y + 0.012])
    end = top + d * cut.sleeve + n * cut.cuff
    mid = (top + under) / 2
    elbow = top + d * cut.sleeve * 0.5
    inner = (under + end + n * cut.cuff) / 2
    outline: list[Point] = [
        (*start, 1),
        (*(top + d * 0.012 - n * 0.002),),
        (*(top + d * 0.06 - n * 0.012),),
        (*(elbow - n * 0.012),),
        (*(end - n * cut.cuff), 1),
        (*(end + n * cut.cuff), 1),
        (*(inner + n * 0.006),),
        (*under, 1),
        (*(mid + n * 0.03),),
    ]
    return outline, (float(mid[0]), float(mid[1])), (float(end[0]), float(end[1]))


def lay_sleeves(
    board: Board,
    look: Look,
    cut: Cut,
    cloth: Dress | None = None,
    ribbed: float = 0.0,
    quilted: bool = False,
) -> None:
    outline, a, b = _sleeve(cut)
    for side in (0, 1):
        points = flipped(outline) if side else outline
        p = (1 - a[0], a[1]) if side else a
        q = (1 - b[0], b[1]) if side else b
        angle = cut.spread if not side else 180 - cut.spread
        folds = _sleeve_folds(board, p, q, round(4 + cut.sleeve * 16), 0.6 + cut.sleeve)
        u, v = board.turned(p[0], p[1], angle)
        if quilted:
            folds = folds * 0.5 + 0.012 * np.sqrt(np.abs(np.sin(v * np.pi / 0.075)) + 0.01)
        mask = board.outline(points)
        dress = cloth or look.dress
        board.lay(
            mask,
            dress(u + folds * 0.8, v + 0.33 + folds * 0.8),
            height=folds + board.padded(mask, 0.06, 0.03),
            cast=0.3,
        )
        if ribbed:
            _rib_end(board, look, cut, side, mask, ribbed)
        else:
            _cuff_line(board, cut, side)


def _end_points(cut: Cut, back: float) -> list[Point]:
    a = np.deg2rad(cut.spread)
    d, n = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
    top = np.array([0.5 + cut.shoulder - 0.015, cut.shoulder_y - 0.006])
    end = top + d * (cut.sleeve - back) + n * cut.cuff
    p, q = end - n * (cut.cuff + 0.012), end + n * (cut.cuff + 0.012)
    return [(float(p[0]), float(p[1])), (float(q[0]), float(q[1]))]


def _cuff_line(board: Board, cut: Cut, side: int) -> None:
    points = _end_points(cut, 0.022)
    board.engrave(board.line(flipped(points) if side else points, 0.0025), 0.25)


def _rib_end(board: Board, look: Look, cut: Cut, side: int, mask: Field, length: float) -> None:
    """A knitted cuff."""
    p, q = _end_points(cut, 0)
    r, s = _end_points(cut, length)
    points: list[Point] = [(*p[:2], 1), (*q[:2], 1), (*s[:2], 1), (*r[:2], 1)]
    if side:
        points = flipped(points)
    band = board.outline(points) * mask
    u, _ = board.turned(points[0][0], points[0][1], cut.spread if not side else 180 - cut.spread)
    board.lay(
        band, look.trim_paint, height=0.0016 * np.sin(u * 520), cast=0.25, edge=0.008, puff=0.006
    )


def band(
    board: Board, points: Sequence[Point], width: float, paint: Linear, ribs: bool = True
) -> None:
    """A knitted band along a line: collar or hem."""
    mask = board.line(points, width)
    height = 0.0012 * np.sin(board.x * 560) if ribs else 0.0
    board.lay(mask, paint, height=height, edge=0.008, puff=0.006, cast=0.35, reach=0.006)


def back_of_neck(board: Board, cut: Cut, paint: Linear) -> None:
    """The inside of the back, seen through the neckline, with a label."""
    half: list[Point] = [
        (0.5, cut.neck_y + 0.012),
        (0.5 + cut.neck * 0.6, cut.neck_y + 0.008),
        (0.5 + cut.neck, cut.neck_y - 0.008, 1),
        (0.5 + cut.neck + 0.02, cut.neck_y + 0.02, 1),
        (0.5 + 0.05, cut.drop + 0.02),
        (0.5, cut.drop + 0.03),
    ]
    mask = board.outline(mirrored(half))
    board.lay(mask, shaded(paint, 0.55), cast=0, puff=0.002)
    label = board.outline(
        [
            (0.478, cut.neck_y + 0.02, 1),
            (0.522, cut.neck_y + 0.02, 1),
            (0.522, cut.neck_y + 0.04, 1),
            (0.478, cut.neck_y + 0.04, 1),
        ]
    )
    board.lay(
        label, shaded(colour("light grey"), 0.75), cast=0.2, puff=0.001, edge=0.003, reach=0.003
    )


def neckline(cut: Cut, out: float = 0.0) -> list[Point]:
    if cut.vee:
        return [
            (0.5 - cut.neck - out, cut.neck_y),
            (0.5 - cut.neck * 0.5, (cut.neck_y + cut.drop) / 2),
            (0.5, cut.drop + out, 1),
            (0.5 + cut.neck * 0.5, (cut.neck_y + cut.drop) / 2),
            (0.5 + cut.neck + out, cut.neck_y),
        ]
    return [
        (0.5 - cut.neck - out, cut.neck_y),
        (0.5 - cut.neck * 0.72, cut.drop - (cut.drop - cut.neck_y) * 0.3 + out),
        (0.5, cut.drop + out),
        (0.5 + cut.neck * 0.72, cut.drop - (cut.drop - cut.neck_y) * 0.3 + out),
        (0.5 + cut.neck + out, cut.neck_y),
    ]


def lay_body(
    board: Board, look: Look, cut: Cut, strength: float = 1.0, dress: Dress | None = None
) -> Field:
    folds = torso_folds(board, cut.waist_y, cut.hem_y, strength)
    mask = board.outline(body_outline(cut))
    cloth = (dress or look.dress)(board.x + folds * 0.8, board.y + folds * 0.8)
    board.lay(mask, cloth, height=folds + barrel(board, cut.armpit + 0.02), cast=0.5, reach=0.012)
    return mask
