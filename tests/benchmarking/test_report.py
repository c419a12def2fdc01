"""The page says what the benchmarks found, and what they did not find is left as it was."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from benchmarks import report
from benchmarks.growth import report as growth
from benchmarks.rendering import Rendered

MACHINE = {"cpu": "A processor", "cores": 2, "memory_gb": 24, "load": 0.25}
ENCODER = {"threads": 2, "text_ms": 3.25, "pictures_per_second": 35.5, "texts_per_second": 412.0,
           "resident_mb": 451, "peak_mb": 558}  # fmt: skip
SEARCH = {"p50_ms": 0.75, "p99_ms": 1.5, "recall_at_10": 0.998}
ROWS: dict[str, list[dict[str, Any]]] = {
    "cores": [
        {"cores": cores, "by": by, "precision": "bf16", "picture_ms": ms, **ENCODER}
        for cores, by, ms in ((0.5, "quota", 61.25), (1.0, "affinity", 31.25))
    ],
    "batch": [
        {"tower": tower, "precision": "int8", "batch": batch, "ms": 6.25 * batch, "tokens": 8}
        for tower in ("picture", "text")
        for batch in (1, 2, 4, 8, 16, 32)
    ],
    "picture": [
        {"format": kind, "side": side, "kilobytes": 123.0, "decode_ms": 1.25, "resize_ms": 3.75,
         "whole_ms": 5.25, "fast_ms": 1.75}
        for kind in ("JPEG", "PNG", "WebP")
        for side in (224, 800)
    ],
    "catalogue": [
        {"vectors": 100_000, "quantized": True, "engine_p50_ms": 0.5, "upsert_s": 20.5,
         "build_s": 30.5, "memory_mb": 300.5, "disk_mb": 400.5, **SEARCH}
    ],
    "filters": [
        {"curve": curve, "vectors": 1000, "build_s": 12.25, "conditions": conditions, "share": share, **SEARCH}
        for curve, conditions, share in (("conditions", 0, 1.0), ("share", 1, 0.1))
    ],
}  # fmt: skip
SHOWN = {
    "cores": "61.2",
    "batch": "6.2",
    "picture": "5.2",
    "catalogue": "100,000, int8 copies",
    "filters": "0.998",
}


def page_of(*names: str) -> str:
    places = [
        f"## About {name}\n<!-- figures: {name} -->\nold\n<!-- end: {name} -->\n" for name in names
    ]
    return "# A page\n\n" + "\n".join(places) + "\nThe end.\n"


def test_figures_stand_between_their_markers_and_nothing_else_changes() -> None:
    page = page_of("one", "two")
    filled = report.filled(page, {"two": Rendered().table(["a", "b"], [["1", r"\2"]])})
    assert filled.count("old") == 1
    assert r"| 1 | \2 |" in filled
    outside = re.sub(r"<!-- figures: two -->.*<!-- end: two -->", "", filled, flags=re.S)
    assert outside == re.sub(r"<!-- figures: two -->.*<!-- end: two -->", "", page, flags=re.S)


def test_writing_twice_changes_nothing() -> None:
    found = {"one": Rendered().text("new").text("more")}
    once = report.filled(page_of("one", "two"), found)
    assert report.filled(once, found) == once


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (page_of("one").replace("<!-- end: one -->", ""), "no partner"),
        (page_of("one").replace("<!-- figures: one -->", ""), "no partner"),
        (page_of("one").replace("end: one", "end: two"), "one ends as two"),
        (page_of("one", "one"), "one name"),
        (page_of("two"), "no place for one"),
    ],
)
def test_a_page_with_broken_markers_is_refused(page: str, reason: str) -> None:
    with pytest.raises(report.MarkersBroken, match=reason):
        report.filled(page, {"one": Rendered().text("new")})


@pytest.mark.parametrize("part", growth.PARTS)
def test_a_curve_is_written_with_its_machine_and_its_plots(part: str, tmp_path: Path) -> None:
    figures, docs = tmp_path / "figures", tmp_path / "docs"
    figures.mkdir()
    docs.mkdir()
    (docs / report.PAGE).write_text(page_of(*(f"growth.{one}" for one in growth.PARTS)))
    found = {part: {"machine": MACHINE, "rows": ROWS[part]}}
    (figures / "growth.json").write_text(json.dumps(found))
    assert list(report.write(figures, docs)) == [f"growth.{part}"]
    text = (docs / report.PAGE).read_text()
    assert text.count("old") == len(growth.PARTS) - 1
    assert "A processor, 2 cores, 24 GB; load when it began: 0.2." in text
    assert SHOWN[part] in text
    shown = re.findall(r"\]\((images/[^)]+)\)", text)
    assert shown
    assert {Path(one).name for one in shown} == {one.name for one in (docs / "images").iterdir()}
    for one in shown:
        ElementTree.parse(docs / one)


def test_a_part_that_could_not_be_measured_is_left_out(tmp_path: Path) -> None:
    empty = {"cores": {"machine": MACHINE, "rows": []}}
    (tmp_path / "growth.json").write_text(json.dumps(empty))
    assert report.collect(tmp_path) == {}


def test_a_broken_page_gets_neither_text_nor_plots(tmp_path: Path) -> None:
    (tmp_path / report.PAGE).write_text("no markers\n")
    found = {"batch": {"machine": MACHINE, "rows": ROWS["batch"]}}
    (tmp_path / "growth.json").write_text(json.dumps(found))
    with pytest.raises(report.MarkersBroken):
        report.write(tmp_path, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [report.PAGE, "growth.json"]
    assert (tmp_path / report.PAGE).read_text() == "no markers\n"


def test_the_page_of_the_docs_has_a_place_for_every_section() -> None:
    page = (report.DOCS / report.PAGE).read_text()
    assert sorted(report.names_of(page)) == sorted(section.name for section in report.SECTIONS)
