"""Dresses, skirts and trousers."""

from collections.abc import Callable

import numpy as np
from PIL import Image
from training.sample.board import Board
from training.sample.fields import smooth
from training.sample.look import Look, shaded
from training.sample.notions import (
    both_sides,
    buttons,
    denim_front,
)
from training.sample.palette import colour
from training.sample.paths import Point, mirrored
from training.sample.tailor import (
    Cut,
    back_of_neck,
    band,
    barrel,
    lay_sleeves,
    torso_folds,
)


def dress(look: Look) -> Image.Image:
    board = Board(look.seed)
    maxi = look.cut == "maxi"
    top, waist, foot = 0.06, (0.34 if maxi else 0.42), (0.965 if maxi else 0.94)
    flare = {"a-line": 0.27, "maxi": 0.235, "shift": 0.175, "sleeved": 0.26}[look.cut]
    cinch = 0.155 if look.cut == "shift" else 0.122
    straps = look.cut in {"maxi"}
    neck_y = top + (0.09 if straps else 0.0)
    cut = Cut(
        sleeve=0.13,
        cuff=0.06,
        spread=52,
        neck=0.08,
        neck_y=top,
        drop=0.15,
        shoulder=0.165,
        shoulder_y=top + 0.035,
        armpit=0.155,
        armpit_y=0.23,
    )
    if straps:
        for points in both_sides([(0.592, 0.17), (0.575, 0.085), (0.53, 0.045), (0.5, 0.04)]):
            board.lay(board.line(points, 0.014), look.main, edge=0.006, puff=0.006)
    else:
        back_of_neck(board, cut, look.main)
    if look.cut == "sleeved":
        lay_sleeves(board, look, cut)
    half: list[Point] = [(0.5, 0.16 if not straps else 0.18)]
    if straps:
        half += [(0.56, 0.165), (0.6, 0.155, 1), (0.622, 0.2)]
    else:
        half += [
            (0.5 + 0.055, 0.135),
            (0.5 + 0.08, neck_y, 1),
            *(
                [(0.645, top + 0.026), (0.662, top + 0.055)]
                if look.cut == "sleeved"
                else [(0.63, top + 0.03, 1)]
            ),
            (0.5 + (0.15 if look.cut == "sleeved" else 0.128), 0.16),
            (0.5 + 0.152, 0.235, 1),
        ]
    half += [
        (0.5 + cinch, waist),
        (0.5 + (cinch + flare) / 2 + 0.012, waist + (foot - waist) * 0.42),
        (0.5 + flare, foot - 0.02, 1),
        (0.5 + flare * 0.5, foot + 0.004),
        (0.5, foot + 0.008),
    ]
    mask = board.outline(mirrored(half))
    folds = torso_folds(board, 0.3, 0.4, 0.25)
    skirt = smooth(waist - 0.02, waist + 0.22, board.y)
    # the skirt's folds fan out from the waist
    fan = (board.x - 0.5) / (
        cinch + (flare - cinch) * np.clip((board.y - waist) / (foot - waist), 0, 1)
    )
    rng = board.rng
    phase = rng.uniform(0, 6)
    waves = (
        np.sin(fan * 9 + phase)
        + 0.6 * np.sin(fan * 17 + phase * 2)
        + 0.35 * np.sin(fan * 29 + phase)
    )
    amount = 0.004 if look.cut == "shift" else 0.011
    height = folds + amount * skirt * waves + barrel(board, 0.28, 0.07)
    cloth = look.dress(0.5 + (board.x - 0.5) + 0.004 * waves * skirt, board.y)
    board.lay(mask, cloth, height=height, texture=0.02)
    if look.cut != "shift":
        tie = ((np.abs(board.y - waist) < 0.014) * mask).astype(np.float32)
        board.lay(
            tie,
            look.trim_paint,
            height=barrel(board, 0.14),
            edge=0.006,
            puff=0.006,
            cast=0.45,
            reach=0.006,
        )
    if not straps:
        band(
            board,
            [
                (0.5 - 0.083, neck_y),
                (0.5 - 0.055, 0.137),
                (0.5, 0.164),
                (0.5 + 0.055, 0.137),
                (0.5 + 0.083, neck_y),
            ],
            0.010,
            look.trim_paint,
            ribs=False,
        )
    return board.finished()


def skirt(look: Look) -> Image.Image:
    board = Board(look.seed)
    top = 0.14
    foot = {"a-line": 0.80, "pleated": 0.84, "mini": 0.68, "pencil": 0.86}[look.cut]
    flare = {"a-line": 0.33, "pleated": 0.34, "mini": 0.235, "pencil": 0.165}[look.cut]
    waist = 0.165
    hip = {"a-line": 0.25, "pleated": 0.245, "mini": 0.215, "pencil": 0.21}[look.cut]
    half: list[Point] = [
        (0.5, top + 0.012),
        (0.5 + waist, top, 1),
        (0.5 + hip, top + (foot - top) * 0.4),
        (0.5 + flare, foot - 0.025, 1),
        (0.5 + flare * 0.5, foot + 0.006),
        (0.5, foot + 0.012),
    ]
    mask = board.outline(mirrored(half))
    t = np.clip((board.y - top) / (foot - top), 0, 1)
    fan = (board.x - 0.5) / (waist + (flare - waist) * t**0.8)
    phase = board.rng.uniform(0, 6)
    if look.cut == "pleated":
        saw = (fan * 9) % 1
        height = 0.010 * (saw - 0.5) * smooth(0.02, 0.2, t) + barrel(board, 0.36)
        u = 0.5 + (board.x - 0.5) + 0.012 * saw
    else:
        waves = np.sin(fan * 8 + phase) + 0.6 * np.sin(fan * 15 + phase * 2)
        amount = {"a-line": 0.013, "mini": 0.003, "pencil": 0.002}[look.cut]
        height = amount * smooth(0.1, 0.8, t) * waves + board.rumple(0.003, 5) + barrel(board, 0.36)
        u = board.x + 0.004 * waves * t
    board.lay(mask, look.dress(u, board.y), height=height)
    if look.cut == "pleated":
        edge = np.abs(((fan * 9) % 1) - 0.985) < 0.02
        board.engrave((edge * mask * smooth(0.05, 0.15, t)).astype(np.float32), 0.5, 0.0015)
    belt = mask * (board.y < top + 0.05 + 0.01 * np.cos((board.x - 0.5) * 8)).astype(np.float32)
    board.lay(
        belt,
        look.dress(board.x, board.y * 0) if look.dress.pattern == "plain" else look.trim_paint,
        height=barrel(board, 0.2),
        edge=0.008,
        puff=0.006,
        cast=0.4,
        reach=0.006,
    )
    if look.cut == "mini":
        denim_front(board, look, top, 0.17)
    return board.finished()


def trousers(look: Look) -> Image.Image:
    board = Board(look.seed)
    top = 0.045
    foot = 0.955 if look.cut != "shorts" else 0.6
    wide, narrow = {
        "slim": (0.185, 0.082),
        "wide": (0.19, 0.15),
        "straight": (0.185, 0.11),
        "shorts": (0.192, 0.135),
        "jeans": (0.185, 0.1),
        "joggers": (0.19, 0.085),
    }[look.cut]
    if look.cut == "shorts":
        top = 0.16
        foot = 0.74
    crotch = top + 0.30
    waist = 0.142
    leg = 0.5 + 0.028 if look.cut != "shorts" else 0.5 + 0.018
    half: list[Point] = [
        (0.5, top + 0.010),
        (0.5 + waist, top, 1),
        (0.5 + wide, crotch - 0.07),
        (
            0.5 + wide * 0.94 + (0.012 if narrow > 0.14 else 0),
            crotch + 0.16 if foot > 0.9 else crotch + 0.08,
        ),
        (leg + narrow * 1.32 + 0.0, foot - 0.006, 1),
        (leg + narrow * 0.1, foot + 0.004, 1),
        (0.5 + 0.012, crotch + 0.12),
        (0.5, crotch, 1),
    ]
    outline = mirrored(half)
    mask = board.outline(outline)
    seat = board.outline(
        mirrored(
            [
                (0.5, top + 0.002),
                (0.5 + waist - 0.03, top - 0.004),
                (0.5 + waist - 0.04, top + 0.03),
                (0.5, top + 0.04),
            ]
        )
    )
    board.lay(seat, shaded(look.main, 0.45), cast=0, puff=0)
    height = board.rumple(0.004, 5, 2.2)
    rng = board.rng
    for side in (-1, 1):
        middle = 0.5 + side * (0.10 if foot > 0.9 else 0.105)
        t = np.clip(np.abs(board.x - middle) / 0.115, 0, 0.98)
        inside = (side * (board.x - 0.5) > 0) & (board.y > top)
        height = height + np.where(
            inside, 0.05 * smooth(top + 0.1, crotch, board.y) * np.sqrt(1 - t * t), 0
        )
        for _ in range(4):
            y = crotch + rng.uniform(-0.04, 0.05)
            height = height + board.crease(
                (0.5 + side * 0.01, y),
                (0.5 + side * rng.uniform(0.1, 0.16), y - rng.uniform(-0.02, 0.1)),
                side * 0.01,
                rng.uniform(0.007, 0.012),
                0.006,
            )
        for _ in range(6 if foot > 0.9 else 2):
            y = (
                rng.choice([crotch + 0.27, foot - 0.06]) + rng.normal(0, 0.035)
                if foot > 0.9
                else foot - 0.1
            )
            a, b = (middle + side * 0.09, y), (middle - side * 0.06, y + rng.uniform(-0.03, 0.04))
            height = height + board.crease(a, b, 0.006, rng.uniform(0.007, 0.013), 0.006)
    body = height.astype(np.float32) + 0.4 * barrel(board, 0.2) * (
        1 - smooth(top + 0.1, crotch, board.y)
    )
    board.lay(mask, look.dress(board.x + height * 0.5, board.y), height=body)
    if look.cut in {"jeans"} or look.trim == "mustard":
        fade = np.zeros_like(board.x)
        for side in (-1, 1):
            fade = fade + np.exp(-(((board.x - 0.5 - side * 0.1) / 0.045) ** 2)) * np.exp(
                -(((board.y - crotch - 0.12) / 0.22) ** 2)
            )
        board.brighten((fade * mask).astype(np.float32), 0.09)
    board.engrave(board.line([(0.5, crotch - 0.0), (0.503, crotch + 0.05)], 0.004), 0.4)
    belt = (mask * (board.y < top + 0.042)).astype(np.float32)
    if look.cut == "joggers":
        board.lay(
            belt,
            look.main,
            height=0.002 * np.sin(board.x * 380) + barrel(board, 0.17),
            edge=0.01,
            puff=0.01,
            cast=0.4,
        )
        for points in both_sides([(0.51, top + 0.03), (0.522, top + 0.1), (0.516, top + 0.15)]):
            board.lay(
                board.line(points, 0.008),
                colour("white"),
                edge=0.004,
                puff=0.004,
                cast=0.5,
                reach=0.004,
            )
        cuffs = (mask * (board.y > foot - 0.05)).astype(np.float32)
        board.lay(
            cuffs,
            look.trim_paint,
            height=0.002 * np.sin(board.x * 420),
            edge=0.012,
            puff=0.012,
            cast=0.4,
        )
        for points in both_sides([(0.6, top + 0.07), (0.655, top + 0.19)]):
            board.seam(points, 0.003, 0.5)
        return board.finished()
    board.lay(
        belt,
        look.dress(board.x, board.y * 0 + 0.1),
        height=barrel(board, 0.17),
        edge=0.006,
        puff=0.005,
        cast=0.35,
        reach=0.005,
    )
    if look.trim == "mustard":
        denim_front(board, look, top, waist)
    else:
        board.seam([(0.5, top + 0.042), (0.5, crotch - 0.02)], 0.003, 0.4)
        for points in both_sides([(0.585, top + 0.05), (0.64, top + 0.17)]):
            board.seam(points, 0.003, 0.45)
        buttons(board, [(0.5, top + 0.022)], look.trim_paint, 0.009)
        if look.cut == "straight":
            for points in both_sides([(0.575, crotch - 0.05), (0.60, 0.65), (0.605, foot)]):
                board.brighten(board.line(points, 0.004) * mask, 0.035, 0.002)
    board.engrave((mask * (np.abs(board.y - foot + 0.03) < 0.0014)).astype(np.float32), 0.35)
    return board.finished()


KINDS: dict[str, Callable[[Look], Image.Image]] = {
    "dress": dress,
    "skirt": skirt,
    "trousers": trousers,
}
