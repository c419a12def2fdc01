"""The sample catalogue is a feed that anyone could have, its texts are true, and its script makes it again."""

import io
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image
from training.sample.__main__ import encoded
from training.sample.catalogue import draw, items
from training.sample.palette import COLOURS
from training.sample.studio import Studio

from lookalike.sample import feed

SHELVES = {"clothing", "accessories", "shoes", "bags", "home", "food"}


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in feed().read_text(encoding="utf-8").splitlines()]


def test_every_line_is_a_whole_item(lines):
    for item in lines:
        assert item["department"] in SHELVES
        for field in ("id", "image", "title", "description", "category", "colour"):
            assert isinstance(item[field], str), (item["id"], field)
            assert item[field] == item[field].strip() != "", (item["id"], field)
        assert 0 < item["price"] < 1000
        assert 1 <= item["rating"] <= 5
        assert {"pattern", "material"} <= item.keys() or item["department"] == "food"


def test_ids_and_pictures_are_unique(lines):
    assert len({item["id"] for item in lines}) == len(lines)
    assert len({item["image"] for item in lines}) == len(lines)


def test_the_shop_is_large_and_varied(lines):
    assert len(lines) >= 400
    assert len({item["category"] for item in lines}) >= 30
    assert len({item["colour"] for item in lines}) >= 10
    assert len({item.get("pattern") for item in lines}) >= 8
    # words that repeat too often would make a search by words look poor
    assert max(Counter(item["description"] for item in lines).values()) <= 2
    assert max(Counter(item["title"] for item in lines).values()) <= 3


def test_every_picture_exists_and_opens(lines):
    for item in lines:
        with Image.open(feed().parent / item["image"]) as picture:
            picture.load()
            assert (picture.format, picture.size, picture.mode) == ("WEBP", (256, 256), "RGB")


def test_no_picture_lies_there_unlisted(lines):
    found = {f"pictures/{path.name}" for path in (feed().parent / "pictures").iterdir()}
    assert found == {item["image"] for item in lines}


def test_no_two_pictures_are_the_same(lines):
    assert len({(feed().parent / item["image"]).read_bytes() for item in lines}) == len(lines)


def test_the_whole_takes_three_megabytes_at_most():
    assert (
        sum(path.stat().st_size for path in feed().parent.rglob("*.*") if path.suffix != ".pyc")
        <= 3_000_000
    )


def test_texts_name_the_colour_the_pattern_and_the_material(lines):
    names: dict[str, set[str]] = {}
    for shade in COLOURS.values():
        names.setdefault(shade.family, {shade.family}).add(shade.name)
    for item in lines:
        text = f"{item['title']} {item['description']}".lower()
        assert any(name in text for name in names[item["colour"]]), (
            item["id"],
            item["colour"],
            text,
        )
        if item["department"] != "food":
            assert item["material"].lower() in text, item["id"]
            assert item["pattern"] == "plain" or item["pattern"] in text, item["id"]


def test_the_colour_that_is_named_is_in_the_picture(lines):
    """A rough check that pictures and words were not mixed up: reds are red, blues are blue, and so on."""
    hues = {"red": (335, 35), "blue": (165, 255), "green": (60, 190), "yellow": (25, 70)}
    wrong = []
    for item in lines:
        if item["colour"] not in hues or item.get("pattern", "plain") != "plain":
            continue
        with Image.open(feed().parent / item["image"]) as picture:
            hsv = np.asarray(picture.convert("HSV"), float)
        strong = hsv[(hsv[..., 1] > 50) & (hsv[..., 2] > 25)]
        if len(strong) < 300:
            continue
        angle = np.deg2rad(strong[:, 0] * 360 / 255)
        low, high = hues[item["colour"]]
        degrees = np.rad2deg(angle)
        inside = (
            (degrees > low) | (degrees < high) if low > high else (degrees > low) & (degrees < high)
        )
        if inside.mean() < 0.2:  # a frame or a pale icing may be all that has it
            wrong.append((item["id"], round(float(inside.mean()), 2)))
    assert not wrong


def test_the_script_writes_the_committed_feed(lines):
    assert [item.facts for item in items()] == lines


def test_drawing_twice_gives_the_same_pixels():
    item = next(item for item in items() if item.id == "t-shirt-02")
    assert draw(item, Studio()).tobytes() == draw(item, Studio()).tobytes()


@pytest.mark.parametrize("name", ["t-shirt-02", "mug-03", "apple-01"])
def test_the_script_draws_the_committed_picture(name):
    item = next(item for item in items() if item.id == name)
    again = draw(item, Studio())
    with Image.open(feed().parent / item.facts["image"]) as committed:
        old = np.asarray(committed.convert("RGB"), float)
    new = np.asarray(Image.open(io.BytesIO(encoded(again))).convert("RGB"), float)
    # other processors and WebP versions round a little differently; another drawing differs by far more
    assert np.abs(old - new).mean() < 1.0
