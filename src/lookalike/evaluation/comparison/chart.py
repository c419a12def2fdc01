"""The chart of quality against latency, as an SVG that needs nothing else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from lookalike.evaluation.comparison.row import Comparison, Row

WIDTH, HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 24, 56
_LINE = 15
"""Least distance of two labels' lines."""


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    milliseconds: float
    quality: float
    """0 to 1."""


def points_of(comparison: Comparison) -> tuple[list[Point], str]:
    """What the chart shows, and what its quality is: zero-shot accuracy or recall on the data if there are
    any, else the published figures. No points if nobody knows any quality.
    """
    rows = [row for row in comparison.rows if row.image_ms_1 is not None]
    one_precision = len({row.precision for row in rows}) == 1
    measures: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
        ("zero-shot accuracy on the data", _zero_shot),
        ("recall@10, text to picture, on the data", _recall),
        ("ImageNet zero-shot accuracy, as published", lambda row: row.imagenet_published),
    )
    for name, measure in measures:
        points = [
            Point(
                row.name if one_precision else f"{row.name} {row.precision}",
                row.image_ms_1 or 0.0,
                value,
            )
            for row in rows
            if (value := measure(row)) is not None
        ]
        if points:
            return points, name
    return [], ""


def _zero_shot(row: Row) -> float | None:
    return row.quality.zero_shot if row.quality else None


def _recall(row: Row) -> float | None:
    found = row.quality.text_to_image if row.quality else None
    return found.at_10 if found else None


def chart(points: Sequence[Point], quality: str) -> str:
    """An SVG: latency of one picture on a logarithmic axis, quality upwards; up and left is better."""
    low_x, high_x = _decade(points)
    low_y, high_y = _span([point.quality for point in points])

    def x(milliseconds: float) -> float:
        share = math.log(milliseconds / low_x) / math.log(high_x / low_x)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (value - low_y) / (high_y - low_y)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="chart-title">',
        f'<title id="chart-title">{escape(quality)} against milliseconds for one picture</title>',
    ]
    for tick in _ticks_x(low_x, high_x):
        parts.append(_rule(x(tick), _TOP, x(tick), HEIGHT - _BOTTOM))
        parts.append(_text(x(tick), HEIGHT - _BOTTOM + 18, f"{tick:g}", "middle"))
    for value in _ticks_y(low_y, high_y):
        parts.append(_rule(_LEFT, y(value), WIDTH - _RIGHT, y(value)))
        parts.append(_text(_LEFT - 8, y(value) + 4, f"{value:.0%}", "end"))
    parts.append(_text((_LEFT + WIDTH) / 2, HEIGHT - 12, "milliseconds for one picture", "middle"))
    parts.append(_text(_LEFT, _TOP - 8, quality, "start"))
    taken: list[float] = []
    for point in sorted(points, key=lambda point: -point.quality):
        across, up = x(point.milliseconds), y(point.quality)
        line = _free(up + 4, taken)
        taken.append(line)
        ends = across > (_LEFT + WIDTH) / 2
        label = across - 10 if ends else across + 10
        parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="5"/>')
        parts.append(_text(label, line, point.name, "end" if ends else "start", "name"))
    return "\n".join([*parts, "</svg>"])


def _decade(points: Sequence[Point]) -> tuple[float, float]:
    values = [point.milliseconds for point in points]
    return min(values) / 1.5, max(values) * 1.5


def _span(values: Sequence[float]) -> tuple[float, float]:
    """A range of whole tens of percent around the values, within 0 and 1."""
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    if high - low < 0.05:
        low, high = max(0.0, low - 0.1), min(1.0, high + 0.1)
    return low, high


def _ticks_x(low: float, high: float) -> list[float]:
    steps = [base * 10.0**power for power in range(-2, 6) for base in (1, 2, 5)]
    return [step for step in steps if low <= step <= high]


def _ticks_y(low: float, high: float) -> list[float]:
    step = 0.05 if high - low < 0.35 else 0.1
    return [low + i * step for i in range(round((high - low) / step) + 1)]


def _free(line: float, taken: Sequence[float]) -> float:
    """The nearest line below that no label is on."""
    while any(abs(line - other) < _LINE for other in taken):
        line += 1
    return line


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "axis") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
