"""Shirts and knitwear, as a shop photographs them: on an invisible figure, from the front, on white."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image
from training.sample.board import Board
from training.sample.look import Look, shaded
from training.sample.notions import (
    both_sides,
    buttons,
    folded_collar,
    hem_line,
    knitted,
    shoulder_seams,
    zip_up,
)
from training.sample.palette import colour
from training.sample.paths import Point, mirrored
from training.sample.tailor import (
    Cut,
    back_of_neck,
    band,
    barrel,
    body_outline,
    lay_body,
    lay_sleeves,
    neckline,
    torso_folds,
)


def t_shirt(look: Look) -> Image.Image:
    board = Board(look.seed)
    cut = {
        "crew": Cut(sleeve=0.215, cuff=0.084, spread=52),
        "v-neck": Cut(sleeve=0.2, cuff=0.082, spread=54, vee=True, drop=0.25, neck=0.08),
        "long": Cut(sleeve=0.62, cuff=0.037, spread=70, shoulder=0.222),
        "fitted": Cut(
            sleeve=0.15,
            cuff=0.074,
            spread=48,
            waist=0.178,
            hem=0.205,
            armpit=0.2,
            shoulder=0.212,
            hem_y=0.87,
        ),
    }[look.cut]
    back_of_neck(board, cut, look.main)
    lay_sleeves(board, look, cut)
    mask = lay_body(board, look, cut)
    hem_line(board, mask, cut)
    band(board, neckline(cut, 0.004), 0.02, look.trim_paint, ribs=False)
    return board.finished()


def shirt(look: Look) -> Image.Image:
    board = Board(look.seed)
    short = look.cut == "short"
    cut = Cut(
        sleeve=0.24 if short else 0.62,
        cuff=0.08 if short else 0.042,
        spread=55 if short else 71,
        shoulder=0.225,
        drop=0.185,
        neck=0.075,
        hem_y=0.92,
        curved=0.035,
    )
    back_of_neck(board, replace(cut, neck_y=cut.neck_y - 0.01), look.main)
    lay_sleeves(board, look, cut)
    mask = lay_body(board, look, cut)
    x, y = board.x, board.y
    placket = ((np.abs(x - 0.5) < 0.021) & (y > cut.drop)).astype(np.float32) * mask
    board.engrave(np.abs(np.diff(placket, axis=1, prepend=0)), 0.3, 0.0016)
    board.lay(
        placket,
        look.dress(x + 0.013, y + 0.02),
        height=barrel(board, 0.24),
        edge=0.004,
        puff=0.003,
        cast=0.25,
        reach=0.004,
    )
    if not short:
        pocket: list[Point] = [
            (0.575, 0.34, 1),
            (0.675, 0.34, 1),
            (0.675, 0.425, 1),
            (0.625, 0.45, 1),
            (0.575, 0.425, 1),
        ]
        board.lay(
            board.outline(pocket),
            look.dress(x + 0.02, y + 0.02),
            height=barrel(board, 0.24),
            edge=0.005,
            puff=0.003,
            cast=0.3,
            reach=0.004,
        )
    paint = look.dress(x * 0.8 + y * 0.6, y * 0.8 - x * 0.6)
    folded_collar(board, cut, shaded(look.main, 1.0), cloth=paint)
    buttons(board, [(0.5, 0.26 + 0.1 * k) for k in range(7)], look.trim_paint, 0.008)
    return board.finished()


def polo(look: Look) -> Image.Image:
    board = Board(look.seed)
    cut = Cut(sleeve=0.205, cuff=0.08, spread=53, neck=0.08, drop=0.19)
    back_of_neck(board, replace(cut, neck_y=cut.neck_y - 0.01), look.main)
    lay_sleeves(board, look, cut, ribbed=0.025)
    mask = lay_body(board, look, cut)
    hem_line(board, mask, cut)
    placket: list[Point] = [(0.478, 0.18, 1), (0.522, 0.18, 1), (0.522, 0.33, 1), (0.478, 0.33, 1)]
    board.lay(
        board.outline(placket),
        shaded(look.main, 0.97),
        height=barrel(board, 0.24),
        edge=0.004,
        puff=0.003,
        cast=0.3,
        reach=0.004,
    )
    folded_collar(board, cut, look.trim_paint)
    buttons(board, [(0.5, 0.235), (0.5, 0.29)], colour("white"), 0.007)
    return board.finished()


def jumper(look: Look) -> Image.Image:
    board = Board(look.seed)
    roll = look.cut == "roll-neck"
    cut = Cut(
        sleeve=0.6,
        cuff=0.05,
        spread=69,
        shoulder=0.235,
        drop=0.18,
        neck=0.085,
        hem=0.215,
        hem_y=0.87,
    )
    if look.cut == "v-neck":
        cut = replace(cut, vee=True, drop=0.26)
    if not roll:
        back_of_neck(board, cut, look.main)
    lay_sleeves(board, look, cut, ribbed=0.06)
    folds = torso_folds(board, cut.waist_y, cut.hem_y, 0.8)
    mask = board.outline(body_outline(cut))
    knit = knitted(board)
    if look.cut == "cable":
        # ropes that cross over, up and down the front
        for at in (0.38, 0.5, 0.62):
            wave = 0.016 * np.sin((board.y) * 70)
            for sign in (-1, 1):
                knit = knit + 0.007 * np.exp(-(((board.x - at - sign * wave) / 0.0085) ** 2))
            knit = knit - 0.004 * np.exp(-(((np.abs(board.x - at) - 0.036) / 0.006) ** 2))
    board.lay(
        mask,
        look.dress(board.x + folds, board.y + folds),
        height=folds + knit + barrel(board, cut.armpit + 0.02),
        cast=0.5,
        texture=0.05,
    )
    hem = mask * (board.y > cut.hem_y - 0.06)
    board.lay(
        hem.astype(np.float32),
        look.trim_paint,
        height=0.0018 * np.sin(board.x * 420) + barrel(board, 0.25),
        cast=0.3,
        edge=0.01,
    )
    shoulder_seams(board, cut)
    if roll:
        neck: list[Point] = [
            (0.5 - 0.092, 0.075),
            (0.5, 0.062),
            (0.592, 0.075),
            (0.6, 0.13),
            (0.592, 0.185),
            (0.5, 0.205),
            (0.408, 0.185),
            (0.4, 0.13),
        ]
        board.lay(
            board.outline(neck),
            look.trim_paint,
            height=0.002 * np.sin(board.x * 420) + barrel(board, 0.12, 0.05),
            edge=0.02,
            puff=0.02,
        )
        board.lay(
            board.outline([(0.425, 0.08), (0.5, 0.07), (0.575, 0.08), (0.5, 0.094)]),
            shaded(look.main, 0.35),
            cast=0,
            puff=0,
        )
    else:
        band(board, neckline(cut, 0.008), 0.03, look.trim_paint)
    return board.finished()


def cardigan(look: Look) -> Image.Image:
    board = Board(look.seed)
    cut = Cut(
        sleeve=0.6,
        cuff=0.05,
        spread=69,
        shoulder=0.23,
        drop=0.42,
        neck=0.085,
        vee=True,
        hem=0.22,
        hem_y=0.88,
    )
    back_of_neck(board, replace(cut, drop=0.36), look.main)
    lay_sleeves(board, look, cut, ribbed=0.06)
    folds = torso_folds(board, cut.waist_y, cut.hem_y, 0.8)
    mask = board.outline(body_outline(cut))
    board.lay(
        mask,
        look.dress(board.x + folds, board.y + folds),
        height=folds + knitted(board) + barrel(board, cut.armpit + 0.02),
        texture=0.05,
    )
    hem = (mask * (board.y > cut.hem_y - 0.06)).astype(np.float32)
    board.lay(
        hem,
        look.trim_paint,
        height=0.0018 * np.sin(board.x * 420) + barrel(board, 0.25),
        cast=0.3,
        edge=0.01,
    )
    shoulder_seams(board, cut)
    edge: list[Point] = [
        (0.5 - cut.neck - 0.01, cut.neck_y),
        (0.45, 0.28),
        (0.496, cut.drop + 0.02),
        (0.496, 0.6),
        (0.496, cut.hem_y),
    ]
    for points in both_sides(edge):
        band(board, points, 0.032, look.trim_paint)
    buttons(board, [(0.504, 0.47 + 0.085 * k) for k in range(5)], colour("brown"), 0.011)
    return board.finished()


def hoodie(look: Look) -> Image.Image:
    board = Board(look.seed)
    cut = Cut(
        sleeve=0.6,
        cuff=0.052,
        spread=68,
        shoulder=0.24,
        drop=0.215,
        neck=0.11,
        neck_y=0.15,
        shoulder_y=0.195,
        armpit_y=0.38,
        hem=0.215,
        hem_y=0.89,
    )
    hood: list[Point] = mirrored(
        [(0.5, 0.035), (0.575, 0.045), (0.645, 0.10), (0.655, 0.17), (0.61, 0.215), (0.5, 0.23)]
    )
    board.lay(
        board.outline(hood),
        look.main,
        height=board.padded(board.outline(hood), 0.08, 0.05) + board.rumple(0.004, 8),
    )
    opening: list[Point] = mirrored(
        [(0.5, 0.075), (0.56, 0.085), (0.603, 0.135), (0.59, 0.19), (0.5, 0.24)]
    )
    board.lay(
        board.outline(opening),
        shaded(look.main, 0.5),
        cast=0,
        height=-board.padded(board.outline(opening), 0.06, 0.05),
    )
    lay_sleeves(board, look, cut, ribbed=0.06)
    mask = lay_body(board, look, cut, 1.1)
    hem = (mask * (board.y > cut.hem_y - 0.055)).astype(np.float32)
    board.lay(
        hem,
        look.trim_paint,
        height=0.0018 * np.sin(board.x * 420) + barrel(board, 0.25),
        cast=0.3,
        edge=0.01,
    )
    shoulder_seams(board, cut)
    for points in both_sides(
        [
            (0.5, 0.262),
            (0.56, 0.238),
            (0.605, 0.185),
            (0.618, 0.13),
            (0.6, 0.09),
            (0.55, 0.062),
            (0.5, 0.056),
        ],
    ):
        board.lay(
            board.line(points, 0.03), look.main, edge=0.014, puff=0.014, cast=0.4, reach=0.006
        )
    pouch: list[Point] = mirrored(
        [(0.5, 0.6, 1), (0.585, 0.6, 1), (0.655, 0.71), (0.66, 0.8, 1), (0.5, 0.8, 1)]
    )
    cloth = look.dress(board.x, board.y)
    board.lay(
        board.outline(pouch),
        cloth,
        height=barrel(board, 0.25) + board.rumple(0.002, 6),
        edge=0.01,
        puff=0.008,
        cast=0.45,
        reach=0.006,
    )
    for points in both_sides([(0.587, 0.612), (0.645, 0.705), (0.65, 0.79)]):
        board.stitch(points, shaded(look.main, 0.5))
    if look.cut == "zip":
        zip_up(board, 0.25, cut.hem_y, colour("silver"))
    for k, points in enumerate(both_sides([(0.535, 0.25), (0.545, 0.33), (0.538, 0.42 + 0.02)])):
        board.lay(
            board.line(points, 0.008),
            colour("white") if look.trim != "white" else shaded(colour("grey"), 1),
            edge=0.004,
            puff=0.004,
            cast=0.5,
            reach=0.005,
        )
        del k
    return board.finished()


KINDS: dict[str, Callable[[Look], Image.Image]] = {
    "t-shirt": t_shirt,
    "shirt": shirt,
    "polo shirt": polo,
    "jumper": jumper,
    "cardigan": cardigan,
    "hoodie": hoodie,
}
