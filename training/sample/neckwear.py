"""Scarves and ties."""

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.board import Board
from training.sample.look import Look, shaded
from training.sample.paths import Point, mirrored
from training.sample.tailor import (
    barrel,
)


def scarf(look: Look) -> Image.Image:
    board = Board(look.seed)
    tails: list[list[Point]] = [
        [
            (0.42, 0.30),
            (0.545, 0.30),
            (0.575, 0.55),
            (0.60, 0.86, 1),
            (0.44, 0.875, 1),
            (0.43, 0.6),
        ],
        [(0.46, 0.3), (0.58, 0.3), (0.53, 0.55), (0.475, 0.80, 1), (0.315, 0.775, 1), (0.39, 0.55)],
    ]
    for tail, lean, foot in zip(tails, (84, 100), (0.868, 0.787), strict=True):
        a, b = (tail[3][0], tail[3][1]), (tail[4][0], tail[4][1])
        for t in np.linspace(0.02, 0.98, 19):
            x, y = a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t
            sway = board.rng.uniform(-0.008, 0.008)
            board.lay(
                board.line([(x, y - 0.01), (x + sway, y + 0.05)], 0.0052),
                look.trim_paint,
                edge=0.003,
                puff=0.003,
                cast=0.2,
                reach=0.004,
            )
        del foot
        mask = board.outline(tail)
        u, v = board.turned(0.5, 0.3, lean)
        folds = 0.006 * np.sin(u * 62) + board.rumple(0.004, 7, 2.5)
        board.lay(
            mask,
            look.dress(u, v),
            height=folds + board.padded(mask, 0.05, 0.02) + 0.0008 * np.sin(v * 500),
            texture=0.06,
        )
    # the loop around the neck
    loop: list[Point] = [
        (0.31, 0.17),
        (0.40, 0.10),
        (0.5, 0.085),
        (0.60, 0.10),
        (0.69, 0.17),
        (0.70, 0.27),
        (0.62, 0.37),
        (0.5, 0.415),
        (0.38, 0.37),
        (0.30, 0.27),
    ]
    mask = board.outline(loop)
    hole = board.outline(
        [(0.40, 0.155), (0.5, 0.135), (0.60, 0.155), (0.61, 0.2), (0.5, 0.245), (0.39, 0.2)]
    )
    r = np.hypot(board.x - 0.5, (board.y - 0.17) * 1.15)
    angle = np.arctan2(board.x - 0.5, board.y - 0.17)
    folds = 0.013 * np.sin(r * 150 + 1.2 * np.sin(angle * 2)) + board.rumple(0.004, 9)
    board.lay(
        mask,
        look.dress(angle * 0.25 + 0.5, r * 1.1),
        height=folds.astype(np.float32) + board.padded(mask, 0.07, 0.05),
        texture=0.06,
        cast=0.6,
        reach=0.014,
    )
    board.lay(hole, shaded(look.main, 0.28), cast=0, puff=0, height=-board.padded(hole, 0.04, 0.03))
    return board.finished()


def tie(look: Look) -> Image.Image:
    board = Board(look.seed)
    u, v = board.turned(0.5, 0.2, 62)
    blade: list[Point] = mirrored(
        [(0.5, 0.15, 1), (0.535, 0.155, 1), (0.56, 0.5), (0.595, 0.82, 1), (0.5, 0.955, 1)]
    )
    mask = board.outline(blade)
    board.lay(
        mask,
        look.dress(u, v),
        height=barrel(board, 0.11, 0.03) + board.rumple(0.003, 5, 3),
        gloss=0.12,
        tight=10,
    )
    knot: list[Point] = mirrored(
        [(0.5, 0.045, 1), (0.565, 0.05, 1), (0.575, 0.075), (0.54, 0.165, 1), (0.5, 0.175)]
    )
    u2, v2 = board.turned(0.5, 0.2, 118)
    board.lay(
        board.outline(knot),
        look.dress(u2, v2),
        height=barrel(board, 0.08, 0.04),
        edge=0.02,
        puff=0.016,
        gloss=0.12,
        tight=10,
        cast=0.6,
    )
    board.engrave(board.line([(0.497, 0.18), (0.503, 0.26)], 0.006), 0.35, 0.006)
    return board.finished()


KINDS: dict[str, Callable[[Look], Image.Image]] = {"scarf": scarf, "tie": tie}
