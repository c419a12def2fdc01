"""Jackets and coats."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image
from training.sample.board import Board
from training.sample.fields import blur, smooth
from training.sample.look import Look, shaded
from training.sample.notions import (
    both_sides,
    buttons,
    folded_collar,
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


def jacket(look: Look) -> Image.Image:
    board = Board(look.seed)
    cut = Cut(
        sleeve=0.6,
        cuff=0.056,
        spread=69,
        shoulder=0.24,
        drop=0.19,
        neck=0.085,
        hem=0.222,
        hem_y=0.86,
        waist=0.222,
    )
    if look.cut == "puffer":
        cut = replace(cut, hem=0.24, waist=0.24, armpit=0.24, cuff=0.06)
        rows = 0.014 * np.sqrt(np.abs(np.sin(board.y * np.pi / 0.085)) + 0.01)
        lay_sleeves(board, look, cut, quilted=True)
        mask = board.outline(body_outline(cut))
        pinch = board.rumple(0.004, 14, 0.7)
        collar: list[Point] = mirrored(
            [(0.5, 0.085), (0.58, 0.075), (0.605, 0.1), (0.6, 0.19), (0.5, 0.215)]
        )
        board.lay(
            mask,
            look.dress(board.x, board.y),
            height=rows + pinch + barrel(board, 0.27),
            gloss=0.10,
            tight=14,
        )
        board.lay(
            board.outline(collar),
            look.main,
            height=barrel(board, 0.13, 0.05)
            + 0.012 * np.sqrt(np.abs(np.sin(board.y * np.pi / 0.06))),
            edge=0.03,
            puff=0.02,
            gloss=0.08,
            tight=14,
        )
        board.lay(
            board.outline(mirrored([(0.5, 0.082), (0.565, 0.082), (0.58, 0.096), (0.5, 0.125)])),
            shaded(look.main, 0.4),
            cast=0,
            puff=0,
        )
        zip_up(board, 0.13, cut.hem_y, colour("silver"))
        return board.finished()
    if look.cut == "bomber":
        back_of_neck(board, cut, look.main)
        lay_sleeves(board, look, cut, ribbed=0.06)
        mask = lay_body(board, look, cut, 1.4)
        hem = (mask * (board.y > cut.hem_y - 0.06)).astype(np.float32)
        board.lay(
            hem,
            look.trim_paint,
            height=0.0018 * np.sin(board.x * 420) + barrel(board, 0.25),
            cast=0.3,
            edge=0.01,
        )
        band(board, neckline(cut, 0.006), 0.036, look.trim_paint)
        shoulder_seams(board, cut)
        for points in both_sides([(0.6, 0.6), (0.645, 0.73)]):
            board.seam(points, 0.005, 0.6)
        zip_up(board, cut.drop + 0.01, cut.hem_y, colour("silver"))
        return board.finished()
    # denim, with its seams, flaps and metal buttons
    thread = look.trim_paint
    back_of_neck(board, replace(cut, neck_y=cut.neck_y - 0.01), look.main)
    lay_sleeves(board, look, cut)
    mask = lay_body(board, look, cut, 1.2)
    wear = blur(np.abs(np.gradient(blur(mask, 3))[1]), 8) * 3 + 0.25 * smooth(
        0.2, 0.9, board.grain * 0.2 + board.rumple(1.0, 5, 2)
    )
    board.brighten((wear * mask).astype(np.float32), 0.05)
    for y in (0.335, cut.hem_y - 0.05):
        board.seam([(0.5 - 0.225, y), (0.5, y + 0.004), (0.5 + 0.225, y)], 0.0025, 0.45)
        board.stitch([(0.5 - 0.22, y + 0.008), (0.5, y + 0.012), (0.5 + 0.22, y + 0.008)], thread)
    for points in both_sides([(0.59, 0.34), (0.565, 0.81)]):
        board.seam(points, 0.0025, 0.4)
        board.stitch([(x + 0.006, y) for x, y, *_ in points], thread)
    for points in both_sides(
        [(0.56, 0.34, 1), (0.665, 0.34, 1), (0.665, 0.39, 1), (0.612, 0.415, 1), (0.56, 0.39, 1)],
    ):
        board.lay(
            board.outline(points),
            look.dress(board.x, board.y),
            height=barrel(board, 0.25),
            edge=0.005,
            puff=0.004,
            cast=0.5,
            reach=0.005,
        )
        board.stitch([*points, points[0]], thread)
    board.seam([(0.518, 0.2), (0.518, cut.hem_y)], 0.003, 0.5)
    board.stitch([(0.482, 0.22), (0.482, cut.hem_y)], thread)
    folded_collar(board, cut, look.main, 0.1)
    buttons(board, [(0.5, 0.27 + 0.105 * k) for k in range(6)], colour("copper"), 0.01)
    buttons(board, [(0.612, 0.4), (0.388, 0.4)], colour("copper"), 0.008)
    return board.finished()


def coat(look: Look) -> Image.Image:
    board = Board(look.seed)
    double = look.cut == "trench"
    cut = Cut(
        sleeve=0.56,
        cuff=0.05,
        spread=73,
        neck=0.075,
        neck_y=0.07,
        drop=0.36,
        vee=True,
        shoulder=0.195,
        shoulder_y=0.11,
        armpit=0.185,
        armpit_y=0.29,
        waist=0.175,
        waist_y=0.48,
        hem=0.225,
        hem_y=0.955,
    )
    back_of_neck(board, replace(cut, drop=0.3), look.main)
    shirt_front: list[Point] = mirrored(
        [(0.5, 0.1, 1), (0.555, 0.085, 1), (0.54, 0.2), (0.5, 0.38, 1)]
    )
    board.lay(board.outline(shirt_front), shaded(look.main, 0.42), cast=0, puff=0.003)
    lay_sleeves(board, look, cut)
    folds = torso_folds(board, cut.waist_y, 0.7, 0.6)
    for x in (0.36, 0.43, 0.58, 0.65):
        folds = folds + board.crease((0.5 + (x - 0.5) * 0.7, 0.56), (x, 1.0), 0.005, 0.02, 0.012)
    mask = board.outline(body_outline(cut))
    board.lay(
        mask,
        look.dress(board.x + folds, board.y + folds),
        height=folds + barrel(board, 0.25),
        texture=0.05,
    )
    board.seam(
        [(0.535 if double else 0.515, 0.35), (0.535 if double else 0.515, 0.95)], 0.004, 0.55
    )
    lapel: list[Point] = [
        (0.575, 0.075, 1),
        (0.602, 0.1),
        (0.615, 0.165, 1),
        (0.585, 0.175, 1),
        (0.61, 0.195, 1),
        (0.575, 0.29),
        (0.51, 0.37, 1),
        (0.535, 0.22),
        (0.556, 0.12),
    ]
    for points in both_sides(lapel):
        board.lay(
            board.outline(points),
            look.dress(board.x * 0.8 + board.y * 0.6, board.y * 0.8 - board.x * 0.6),
            edge=0.008,
            puff=0.007,
            cast=0.55,
            reach=0.008,
        )
    for points in both_sides([(0.57, 0.6), (0.64, 0.585 if not double else 0.64)]):
        board.lay(
            board.line(points, 0.022),
            look.dress(board.x, board.y),
            edge=0.004,
            puff=0.004,
            cast=0.5,
            reach=0.005,
        )
    ys = [0.42, 0.55, 0.68] if not double else [0.39, 0.6, 0.71]
    spots = [(0.5, y) for y in ys] if not double else [(x, y) for y in ys for x in (0.455, 0.545)]
    buttons(board, spots, look.trim_paint, 0.012)
    if double:
        belt = (
            (np.abs(board.y - 0.49 - 0.01 * np.cos((board.x - 0.5) * 8)) < 0.018) * mask
        ).astype(np.float32)
        board.lay(
            belt,
            shaded(look.main, 0.97),
            height=barrel(board, 0.2),
            edge=0.006,
            puff=0.006,
            cast=0.5,
            reach=0.006,
        )
        buckle = board.outline(
            [(0.47, 0.468, 1), (0.53, 0.468, 1), (0.53, 0.518, 1), (0.47, 0.518, 1)]
        ) - board.outline([(0.48, 0.478, 1), (0.52, 0.478, 1), (0.52, 0.508, 1), (0.48, 0.508, 1)])
        board.lay(
            np.clip(buckle, 0, 1), colour("brown"), edge=0.004, puff=0.005, cast=0.4, reach=0.004
        )
    return board.finished()


KINDS: dict[str, Callable[[Look], Image.Image]] = {"jacket": jacket, "coat": coat}
