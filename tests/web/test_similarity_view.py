"""Similarity explained, in a real browser against a running service."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lookalike.sample import feed
from tests.web.conftest import NARROW, OpenPage, Served

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


def files() -> list[Path]:
    """Two of the sample's pictures."""
    return sorted((feed().parent).rglob("*.webp") or (feed().parent).rglob("*.jpg"))[:2]


def cells(page: Any, name: str) -> list[list[float]]:
    table = page.get_by_role("table", name=name)
    expect(table).to_be_visible()
    return [
        [
            float(re.sub(r"[^\d.-].*", "", text.strip(), flags=re.S))
            for text in row.locator("td").all_inner_texts()
        ]
        for row in table.locator("tbody tr").all()
    ]


def put_in(page: Any, pictures: list[Path]) -> None:
    page.locator("input[type=file]").set_input_files([str(one) for one in pictures])
    expect(page.get_by_role("table", name="Cosines")).to_be_visible()


def test_numbers_are_those_of_the_service(open_page: OpenPage, service: Served) -> None:
    page = open_page("#/similarity?l=dress&l=shoe&t=a+picture+of+a+%7B%7D")
    pictures = files()
    put_in(page, pictures)
    images = [base64.b64encode(one.read_bytes()).decode() for one in pictures]
    labels = ["dress", "shoe"]
    texts = [f"a picture of a {label}" for label in labels]
    wanted = service.api.post("/similarity", json={"texts": texts, "images": images}).json()
    shown = cells(page, "Cosines of pictures with labels")
    for at in range(2):
        for label in range(2):
            assert shown[at][label] == pytest.approx(wanted["similarity"][label][at], abs=6e-4)
    body = {"images": images, "labels": labels, "template": "a picture of a {}"}
    chances = service.api.post("/classify", json=body).json()["probabilities"]
    for row, own in zip(cells(page, "Probability of each label"), chances, strict=True):
        assert row == pytest.approx([100 * one for one in own], abs=0.51)
    best = page.get_by_role("table", name="Probability").locator(".best")
    expect(best).to_have_count(2)
    expect(best.first).to_contain_text("highest of its row")


def test_labels_and_template_are_in_the_address(open_page: OpenPage) -> None:
    page = open_page("#/similarity")
    page.get_by_label("Labels, one on each line").fill("hat\nboots\n\nscarf")
    expect(page).to_have_url(re.compile("l=hat&l=boots&l=scarf"))
    page.get_by_label("Template").fill("a drawing of a {}")
    expect(page).to_have_url(re.compile(r"t=a\+drawing"))
    expect(page.get_by_text("The model reads “a drawing of a hat”.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Labels, one on each line")).to_have_value("hat\nboots\nscarf")
    page.get_by_label("Template").fill("nothing")
    expect(page.get_by_text("It needs {} where the label goes.")).to_be_visible()
    page.get_by_label("Compare").select_option("labels with each other")
    page.get_by_label("Template").fill("a {}")
    expect(page.get_by_role("table", name="labels with each other")).to_be_visible()
    rows = cells(page, "Cosines of labels with each other")
    assert [rows[at][at] for at in range(3)] == pytest.approx([1, 1, 1], abs=2e-3)


def test_pictures_from_the_collection_stay_in_the_address(open_page: OpenPage) -> None:
    page = open_page("#/similarity?l=dress&l=shoe")
    page.get_by_role("button", name="Take one for each label").click()
    expect(page.get_by_role("table", name="Cosines")).to_be_visible()
    assert "i=" in page.url
    count = page.locator(".thumb").count()
    page.reload()
    expect(page.locator(".thumb")).to_have_count(count)
    page.get_by_role("button", name=re.compile("^Remove ")).first.click()
    expect(page.locator(".thumb")).to_have_count(count - 1)


def test_what_is_no_picture_is_said_and_the_others_are_compared(
    open_page: OpenPage, tmp_path: Path
) -> None:
    bad = tmp_path / "<b>bad.png"
    bad.write_bytes(b"not a picture")
    page = open_page("#/similarity")
    put_in(page, [bad, *files()])
    row = page.get_by_role("table", name="Cosines").get_by_role("row", name=re.compile("bad"))
    expect(row).to_contain_text("<b>bad.png")
    expect(row).to_contain_text("can't be read")
    assert page.get_by_role("table", name="Cosines").locator("tbody tr").count() == 3


def test_heat_follows_the_value(open_page: OpenPage) -> None:
    page = open_page("#/similarity")
    put_in(page, files())
    table = page.get_by_role("table", name="Cosines")
    heats = table.locator(".heat-cell").evaluate_all(
        "cells => cells.map(c => [parseFloat(c.textContent), parseFloat(c.style.getPropertyValue('--heat'))])"
    )
    assert [heat for _, heat in sorted(heats)] == sorted(heat for _, heat in heats)
    assert max(heat for _, heat in heats) == 100
    assert min(heat for _, heat in heats) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, serious: Callable[[Any], list[str]], scheme: str
) -> None:
    page = open_page("#/similarity", color_scheme=scheme, viewport=NARROW)
    put_in(page, files())
    expect(page.get_by_role("table", name="Probability of each label")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []


PAINTED = """cells => cells.map((cell) => {
  const { color, backgroundColor } = getComputedStyle(cell);
  const context = document.createElement('canvas').getContext('2d');
  return [color, backgroundColor].map((colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  });
})"""


def test_text_keeps_its_contrast_on_the_hottest_cell(open_page: OpenPage) -> None:
    """axe can't judge mixed colours, so they are measured here as they are painted."""
    page = open_page("#/similarity", color_scheme="light")
    put_in(page, files())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours = page.locator(".heat-cell").evaluate_all(PAINTED)
        assert min(contrast(*pair) for pair in colours) >= 4.5


def contrast(one: list[int], other: list[int]) -> float:
    def luminance(colour: list[int]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (part / 255 for part in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
