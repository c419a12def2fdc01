"""Plots as SVG that needs nothing else: lines over an axis, and bars that show what a whole is made of.

The same figures give the same bytes, so that a plot in the repository changes only when its figures do. Colours
follow the reader's light or dark scheme, the background included, and every line has a mark of its own shape,
so that nothing is told by colour alone. Coordinates are pixels, from the left and from the top.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, BOTTOM = 72, 40, 60
"""Around the area of a line chart; above it are as many lines as title and legend need."""
LIGHT = ("#0b66a8", "#b34700", "#0a7d55", "#8a3ea0", "#7a6200", "#2a7f8c", "#b3245a", "#5a6572")
DARK = ("#62b6f5", "#ff9d5c", "#3fd69a", "#d59be8", "#e5cf63", "#6fd3e0", "#ff8fb1", "#a9b4c0")
"""One for each line or part; both tuples are as long, and that is how many can be told apart."""
_LETTER = 7.2
"""Pixels that a letter takes on average, for wrapping the legend: there is no font to ask."""
_ROW, _FONT = 20, 13
_BAR, _GAP = 34, 16
_MOST_TICKS = 8
"""Of 1, 2 and 5 on a logarithmic axis; where there would be more, powers of ten alone have room."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is measured, with its unit; how it is spread; where numbers stand (None: at round ones)."""

    title: str
    scale: Literal["linear", "log"] = "linear"
    ticks: tuple[float, ...] | None = None
    unit: str = ""
    """Put right after each number: `%`, say."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series, drawn in the order of its points. Raises ValueError without any, or where one is no number."""

    name: str
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError(f"the line {self.name!r} has no points")
        if not all(math.isfinite(value) for point in self.points for value in point):
            raise ValueError(f"the line {self.name!r} has a point that is not a number")


@dataclass(frozen=True, slots=True)
class Bar:
    """A whole and its parts, from left to right. Raises ValueError without any, or for less than nothing."""

    name: str
    parts: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError(f"the bar {self.name!r} has no parts")
        if not all(math.isfinite(value) and value >= 0 for _, value in self.parts):
            raise ValueError(f"the bar {self.name!r} has a part that is not a length")


@dataclass(frozen=True, slots=True)
class Placed:
    """An axis on the page: from `start` to `end`, which is less than `start` where numbers grow upwards."""

    axis: Axis
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies."""
        low, high = self.low, self.high
        if self.axis.scale == "log":
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        given = self.axis.ticks or (
            _decades(self.low, self.high) if self.axis.scale == "log" else _steps(self.high)
        )
        slack = 1e-9 * self.high
        there = [tick for tick in given if self.low - slack <= tick <= self.high + slack]
        if self.axis.scale == "log" and self.axis.ticks is None and len(there) > _MOST_TICKS:
            return [tick for tick in there if _is_power_of_ten(tick)]
        return there


def placed(axis: Axis, values: Iterable[float], start: float, end: float) -> Placed:
    """An axis that has room for `values`: from 0 where it is linear; where it is logarithmic, from the tick
    below the least. Raises ValueError for what it has no place for."""
    known = [*values, *(axis.ticks or ())]
    low, high = min(known), max(known)
    if axis.scale == "log":
        if low <= 0:
            raise ValueError(f"the axis {axis.title!r} is logarithmic and has no place for {low:g}")
        if axis.ticks is None:
            ladder = _decades(low / 10, high * 10)
            low = max(step for step in ladder if step <= low * (1 + 1e-9))
            high = min(step for step in ladder if step >= high * (1 - 1e-9))
        if low == high:
            low, high = low / 2, high * 2
        return Placed(axis, low, high, start, end)
    if low < 0:
        raise ValueError(f"the axis {axis.title!r} begins at 0 and has no place for {low:g}")
    high = high or 1.0
    if axis.ticks is None:
        high = max(_steps(high))
    return Placed(axis, 0.0, high, start, end)


def line_chart(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """An SVG of `lines`. Raises ValueError without any, with too many, or where an axis has no place for one
    of their points."""
    _check(lines)
    legend, top = _legend([line.name for line in lines], marks=True)
    across = placed(x, (point[0] for line in lines for point in line.points), LEFT, WIDTH - RIGHT)
    up = placed(y, (point[1] for line in lines for point in line.points), HEIGHT - BOTTOM, top + 24)
    parts = [*legend, *_grid(across, up), _text(20, top + 8, y.title, "start")]
    for number, line in enumerate(lines):
        places = [(across.at(a), up.at(b)) for a, b in line.points]
        joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        parts.append(f'<polyline class="line s{number}" points="{joined}"/>')
        parts += [
            _mark(number, a, b, f"{line.name}: {_number(one[0])}, {_number(one[1])}")
            for (a, b), one in zip(places, line.points, strict=True)
        ]
    return _document(title, HEIGHT, parts)


def bar_chart(title: str, x: Axis, bars: Sequence[Bar]) -> str:
    """An SVG of lying bars, each made of its parts; a part of the same name has the same colour in all. Raises
    ValueError without any bar, or with too many kinds of parts."""
    names = list(dict.fromkeys(name for bar in bars for name, _ in bar.parts))
    _check(names)
    legend, top = _legend(names, marks=False)
    left = 20 + max(len(bar.name) for bar in bars) * _LETTER
    height = top + 20 + len(bars) * (_BAR + _GAP) + BOTTOM - 10
    totals = [sum(value for _, value in bar.parts) for bar in bars]
    across = placed(x, totals, left, WIDTH - RIGHT)
    bottom = height - BOTTOM
    parts = [*legend, *_grid_across(across, top + 12, bottom)]
    for row, (bar, total) in enumerate(zip(bars, totals, strict=True)):
        y = top + 24 + row * (_BAR + _GAP)
        parts.append(_text(left - 10, y + _BAR / 2 + 4, bar.name, "end"))
        so_far = 0.0
        for name, value in bar.parts:
            if not value:
                continue
            begin, end = across.at(so_far), across.at(so_far + value)
            so_far += value
            told = f"{name}: {_number(value)}"
            parts.append(
                f'<rect class="part s{names.index(name)}" x="{begin:.1f}" y="{y:.1f}" '
                f'width="{end - begin:.1f}" height="{_BAR}"><title>{escape(told)}</title></rect>'
            )
            shown = _number(value)
            if end - begin > (len(shown) + 1) * _LETTER:
                parts.append(_text((begin + end) / 2, y + _BAR / 2 + 4, shown, "middle", "on"))
        parts.append(_text(across.at(total) + 6, y + _BAR / 2 + 4, _number(total), "start", "sum"))
    return _document(title, height, parts)


def _check(series: Sequence[object]) -> None:
    if not series:
        raise ValueError("there is nothing to draw")
    if len(series) > len(LIGHT):
        raise ValueError(f"{len(series)} are more than can be told apart ({len(LIGHT)})")


def _steps(high: float) -> list[float]:
    """From 0 to `high` or just beyond, in 4 to 8 round steps."""
    rough = high / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(base * power for base in (1, 2, 2.5, 5, 10) if base * power >= rough * (1 - 1e-9))
    return [step * number for number in range(math.ceil(high / step - 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten around the range."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    return [base * 10.0**power for power in powers for base in (1, 2, 5)]


def _is_power_of_ten(value: float) -> bool:
    power = math.log10(value)
    return abs(power - round(power)) < 1e-9


def _grid(across: Placed, up: Placed) -> list[str]:
    parts = _grid_across(across, up.end, up.start)
    for tick in up.ticks:
        y = up.at(tick)
        parts.append(_rule(across.start, y, across.end, y))
        parts.append(_text(across.start - 8, y + 4, _number(tick) + up.axis.unit, "end"))
    return parts


def _grid_across(across: Placed, top: float, bottom: float) -> list[str]:
    parts = []
    for tick in across.ticks:
        x = across.at(tick)
        parts.append(_rule(x, top, x, bottom))
        parts.append(_text(x, bottom + 20, _number(tick) + across.axis.unit, "middle"))
    middle = (across.start + across.end) / 2
    parts.append(_text(middle, bottom + 44, across.axis.title, "middle"))
    return parts


def _legend(names: Sequence[str], *, marks: bool) -> tuple[list[str], float]:
    """The names with their marks, wrapped, under the title; and how far down they go."""
    parts = []
    x, y = 20.0, 52.0
    for number, name in enumerate(names):
        width = 30 + len(name) * _LETTER
        if x > 20 and x + width > WIDTH - 10:
            x, y = 20.0, y + _ROW
        if marks:
            parts.append(f'<path class="line s{number}" d="M{x:.1f} {y - 4:.1f}h20"/>')
            parts.append(_mark(number, x + 10, y - 4))
        else:
            parts.append(
                f'<rect class="part s{number}" x="{x:.1f}" y="{y - 11:.1f}" width="12" height="12"/>'
            )
        parts.append(_text(x + (26 if marks else 18), y, name, "start"))
        x += width + (14 if marks else 6)
    return parts, y + 14


_SHAPES = ("M-4 -4h8v8h-8z", "M0 -5.5 5 4h-10z", "M0 -5.5 5.5 0 0 5.5-5.5 0z", "M0 5.5 5 -4h-10z")


def _mark(number: int, x: float, y: float, told: str = "") -> str:
    """A mark of the line's own shape; `told` is shown under the pointer."""
    title = f"<title>{escape(told)}</title>" if told else ""
    shape = number % (len(_SHAPES) + 1)
    if shape == 0:
        return f'<circle class="mark s{number}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">{title}</circle>'
    path = _SHAPES[shape - 1]
    return f'<path class="mark s{number}" transform="translate({x:.1f} {y:.1f})" d="{path}">{title}</path>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="rule" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    """Three digits are enough for a label, and whole numbers are shown whole."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _document(title: str, height: float, parts: Sequence[str]) -> str:
    light = "".join(f"--s{number}:{colour};" for number, colour in enumerate(LIGHT))
    dark = "".join(f"--s{number}:{colour};" for number, colour in enumerate(DARK))
    coloured = "".join(f".s{number}{{--s:var(--s{number})}}" for number in range(len(LIGHT)))
    style = (
        f"svg{{color:#1c2321;--paper:#fff;--rule:#dfe5e3;{light}}}"
        f"@media(prefers-color-scheme:dark){{svg{{color:#e4ebe9;--paper:#11181a;--rule:#334044;{dark}}}}}"
        f"{coloured}"
        "text{fill:currentColor}.title{font-weight:600;font-size:15px}.sum{font-weight:600}"
        ".paper,.on{fill:var(--paper)}.rule{stroke:var(--rule)}"
        ".line{stroke:var(--s);stroke-width:2;fill:none}.mark,.part{fill:var(--s)}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" font-family="system-ui,sans-serif" font-size="{_FONT}" role="img" '
            f'aria-label="{escape(title)}">',
            f"<style>{style}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{height:.0f}" rx="8"/>',
            _text(20, 28, title, "start", "title"),
            *parts,
            "</svg>\n",
        ]
    )
