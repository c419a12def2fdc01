"""Plots are valid, show each point where it belongs, and can be read in light and dark."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from benchmarks.plots import (
    BOTTOM,
    DARK,
    HEIGHT,
    LEFT,
    LIGHT,
    RIGHT,
    WIDTH,
    Axis,
    Bar,
    Line,
    bar_chart,
    line_chart,
    placed,
)

SVG = "{http://www.w3.org/2000/svg}"
RISING = Line("rising", ((0, 0), (5, 20), (10, 40)))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def points(svg: str) -> list[list[tuple[float, float]]]:
    lines = parsed(svg).iter(f"{SVG}polyline")
    return [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]  # type: ignore[misc]
        for line in lines
    ]


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in parsed(svg).iter(f"{SVG}text")]


def test_points_lie_where_the_axes_say() -> None:
    svg = line_chart("t", Axis("x", ticks=(0, 10)), Axis("y"), [RISING])
    ((first, middle, last),) = points(svg)
    assert first == (LEFT, HEIGHT - BOTTOM)
    assert last[0] == WIDTH - RIGHT
    assert last[1] < middle[1] < first[1]
    assert middle == pytest.approx(((first[0] + last[0]) / 2, (first[1] + last[1]) / 2), abs=0.1)


def test_equal_ratios_are_equal_distances_on_a_logarithmic_axis() -> None:
    batches = (1, 2, 4, 8, 16, 32)
    line = Line("a", tuple((batch, 10.0**number) for number, batch in enumerate(batches)))
    (places,) = points(line_chart("t", Axis("x", "log", batches), Axis("y", "log"), [line]))
    across = [b[0] - a[0] for a, b in itertools.pairwise(places)]
    up = [a[1] - b[1] for a, b in itertools.pairwise(places)]
    assert max(across) - min(across) < 0.3
    assert max(up) - min(up) < 0.3
    assert min(across) > 50
    assert min(up) > 20


def test_a_logarithmic_axis_refuses_what_it_has_no_place_for() -> None:
    with pytest.raises(ValueError, match="no place for 0"):
        line_chart("t", Axis("x", "log"), Axis("y"), [RISING])


def test_a_linear_axis_begins_at_zero() -> None:
    assert placed(Axis("x"), [70, 80], 0, 100).low == 0
    with pytest.raises(ValueError, match="no place for -1"):
        placed(Axis("x"), [-1, 1], 0, 100)


def test_an_empty_series_is_refused() -> None:
    with pytest.raises(ValueError, match="'nothing' has no points"):
        Line("nothing", ())
    with pytest.raises(ValueError, match="no parts"):
        Bar("nothing", ())
    with pytest.raises(ValueError, match="nothing to draw"):
        line_chart("t", Axis("x"), Axis("y"), [])
    with pytest.raises(ValueError, match="nothing to draw"):
        bar_chart("t", Axis("x"), [])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        Line("a", ((1, value),))
    with pytest.raises(ValueError, match="not a length"):
        Bar("a", (("part", value),))


def test_more_lines_than_can_be_told_apart_are_refused() -> None:
    lines = [Line(str(number), ((1, 1),)) for number in range(len(LIGHT) + 1)]
    with pytest.raises(ValueError, match="told apart"):
        line_chart("t", Axis("x"), Axis("y"), lines)


def test_one_point_is_enough() -> None:
    ((place,),) = points(line_chart("t", Axis("x", "log"), Axis("y"), [Line("a", ((1000, 1),))]))
    assert LEFT <= place[0] <= WIDTH - RIGHT


def test_title_units_and_names_are_written_whatever_they_are_made_of() -> None:
    svg = line_chart(
        'a < b & "c"', Axis("x & y", unit="%"), Axis("<ms>"), [Line("p<50>", ((1, 1),))]
    )
    found = texts(svg)
    assert {'a < b & "c"', "x & y", "<ms>", "p<50>"} <= set(found)
    assert any(text.endswith("%") for text in found)
    assert parsed(svg).attrib["aria-label"] == 'a < b & "c"'


@pytest.mark.parametrize("most", [3, 1_000, 1_000_000, 0.004])
def test_numbers_at_an_axis_stand_apart_and_within_the_picture(most: float) -> None:
    for axis in (Axis("x", "log"), Axis("x")):
        svg = line_chart("t", axis, Axis("y"), [Line("a", ((most / 1000, 1), (most, 2)))])
        at = [
            (float(one.attrib["x"]), len(one.text or "") * 8.0)
            for one in parsed(svg).iter(f"{SVG}text")
            if one.attrib["y"] == f"{HEIGHT - BOTTOM + 20:.1f}"
        ]
        assert len(at) >= 3
        assert at[-1][0] + at[-1][1] / 2 <= WIDTH
        for (a, wide), (b, wider) in itertools.pairwise(at):
            assert a + wide / 2 < b - wider / 2


def test_the_same_figures_give_the_same_bytes() -> None:
    def drawn() -> str:
        return line_chart("t", Axis("x"), Axis("y"), [RISING]) + bar_chart(
            "t", Axis("x"), [Bar("a", (("one", 1), ("two", 2.5)))]
        )

    assert drawn() == drawn()


def test_the_parts_of_a_bar_follow_each_other_and_are_as_long_as_they_say() -> None:
    bars = [Bar("a", (("one", 1), ("none", 0), ("two", 3))), Bar("b", (("two", 2),))]
    svg = parsed(bar_chart("t", Axis("ms"), bars))
    parts = [one for one in svg.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    x, width = ([float(one.attrib[name]) for one in parts] for name in ("x", "width"))
    assert len(parts) == 3, "what is nothing is not drawn"
    assert width[1] == pytest.approx(3 * width[0], abs=0.3)
    assert width[2] == pytest.approx(2 * width[0], abs=0.3)
    assert x[1] == pytest.approx(x[0] + width[0], abs=0.2)
    assert x[2] == x[0]
    # a part of one name has one colour
    assert parts[1].attrib["class"] == parts[2].attrib["class"] != parts[0].attrib["class"]


def luminance(colour: str) -> float:
    colour = colour.lstrip("#")
    colour = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_everything_can_be_read_in_light_and_dark() -> None:
    svg = line_chart("t", Axis("x"), Axis("y"), [RISING])
    light, dark = re.findall(r"svg\{color:(#\w+);--paper:(#\w+);", svg)
    assert luminance(light[1]) > 0.9
    assert luminance(dark[1]) < 0.05
    assert svg.index("prefers-color-scheme:dark") < svg.index(f"--paper:{dark[1]}")
    for (text, paper), colours in ((light, LIGHT), (dark, DARK)):
        assert contrast(text, paper) >= 7
        for colour in colours:  # numbers are written on them, too
            assert contrast(colour, paper) >= 4.5, colour
            assert colour in svg
