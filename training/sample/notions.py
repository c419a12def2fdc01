"""What is sewn onto garments: collars, buttons, zips, seams."""

import numpy as np
from training.sample.board import Board
from training.sample.fields import Field
from training.sample.look import Look, shaded
from training.sample.palette import Linear, colour
from training.sample.paths import Point, flipped
from training.sample.tailor import (
    Cut,
)


def both_sides(points: list[Point]) -> list[list[Point]]:
    """An outline, and its mirror image."""
    return [points, flipped(points)]


def buttons(
    board: Board, spots: list[tuple[float, float]], paint: Linear, r: float = 0.009
) -> None:
    for x, y in spots:
        board.lay(
            board.disc(x, y, r), paint, edge=0.006, puff=0.006, cast=0.5, reach=0.004, gloss=0.5
        )
        for dx in (-0.3, 0.3):
            board.engrave(board.disc(x + dx * r, y, r * 0.2), 0.7, 0.0008)


def hem_line(board: Board, mask: Field, cut: Cut, up: float = 0.022) -> None:
    y, w = cut.hem_y - up, cut.hem + 0.03
    board.engrave(
        board.line([(0.5 - w, y - cut.curved), (0.5, y), (0.5 + w, y - cut.curved)], 0.0025) * mask,
        0.3,
    )


def shoulder_seams(board: Board, cut: Cut) -> None:
    for line in both_sides(
        [
            (0.5 + cut.shoulder - 0.002, cut.shoulder_y + 0.01),
            (
                0.5 + (cut.shoulder + cut.armpit) / 2 - 0.012,
                (cut.shoulder_y + cut.armpit_y) / 2 + 0.02,
            ),
            (0.5 + cut.armpit - 0.004, cut.armpit_y - 0.01),
        ],
    ):
        board.seam(line, 0.0025, 0.2)


def knitted(board: Board, rows: float = 300.0) -> Field:
    """Fine ribs of a knitted cloth."""
    return (0.0011 * np.sin(board.x * rows) * (0.7 + 0.3 * np.sin(board.y * rows * 0.8))).astype(
        np.float32
    )


def folded_collar(
    board: Board, cut: Cut, paint: Linear, size: float = 0.075, cloth: Linear | None = None
) -> None:
    """A folded collar with two points."""
    stand: list[Point] = [
        (0.5 - cut.neck * 0.9, cut.neck_y - 0.012),
        (0.5, cut.neck_y - 0.022),
        (0.5 + cut.neck * 0.9, cut.neck_y - 0.012),
        (0.5 + cut.neck * 0.8, cut.neck_y + 0.03, 1),
        (0.5 - cut.neck * 0.8, cut.neck_y + 0.03, 1),
    ]
    board.lay(board.outline(stand), shaded(paint, 0.62), cast=0.2, puff=0.004)
    flap: list[Point] = [
        (0.5 + cut.neck * 0.88, cut.neck_y - 0.02, 1),
        (0.5 + cut.neck + 0.022, cut.neck_y + 0.03),
        (0.5 + cut.neck * 1.02, cut.drop + size * 0.72, 1),
        (0.5 + 0.004, cut.drop - 0.008, 1),
        (0.5 + cut.neck * 0.62, cut.neck_y + 0.05),
    ]
    for points in both_sides(flap):
        board.lay(
            board.outline(points),
            paint if cloth is None else cloth,
            edge=0.008,
            puff=0.008,
            cast=0.5,
            reach=0.007,
        )


def zip_up(board: Board, top: float, foot: float, metal: Linear) -> None:
    board.lay(
        board.line([(0.5, top), (0.5, foot)], 0.014),
        shaded(colour("charcoal"), 0.6),
        cast=0.3,
        edge=0.004,
        puff=0.002,
    )
    board.lay(
        board.line([(0.5, top), (0.5, foot)], 0.007, dash=0.007),
        metal,
        cast=0,
        edge=0.003,
        puff=0.003,
        gloss=0.3,
    )
    pull: list[Point] = [
        (0.494, top + 0.005, 1),
        (0.506, top + 0.005, 1),
        (0.508, top + 0.05, 1),
        (0.492, top + 0.05, 1),
    ]
    board.lay(board.outline(pull), metal, edge=0.004, puff=0.004, gloss=0.4)


def denim_front(board: Board, look: Look, top: float, half: float) -> None:
    """Fly, button and pockets with contrast stitching."""
    thread = look.trim_paint
    for points in both_sides(
        [
            (0.5 + half * 0.55, top + 0.055),
            (0.5 + half * 0.7, top + 0.11),
            (0.5 + half * 1.22, top + 0.125),
        ],
    ):
        board.seam(points, 0.003, 0.5)
        board.stitch([(x, y + 0.008) for x, y, *_ in points], thread)
    board.seam([(0.5, top + 0.05), (0.5, top + 0.24)], 0.003, 0.45)
    board.stitch([(0.525, top + 0.055), (0.525, top + 0.17), (0.503, top + 0.215)], thread)
    for x in (-0.8, -0.4, 0.4, 0.8):
        loop: list[Point] = [
            (0.5 + x * half - 0.007, top - 0.002, 1),
            (0.5 + x * half + 0.007, top - 0.002, 1),
            (0.5 + x * half + 0.007, top + 0.056, 1),
            (0.5 + x * half - 0.007, top + 0.056, 1),
        ]
        board.lay(board.outline(loop), look.main, edge=0.004, puff=0.004, cast=0.4, reach=0.004)
    buttons(board, [(0.5, top + 0.03)], colour("copper"), 0.012)
