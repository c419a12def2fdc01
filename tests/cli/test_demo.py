"""The demo as a visitor runs it: the real command, the built-in model, real photos."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.items import Item, Record
from lookalike.catalog.store import CollectionSpec, IndexSettings

PRODUCTS = Path(__file__).parents[2].parent / "shared" / "data" / "products"

# What is searched for, the categories that are right, and how many of the first five hits must be.
EXPECTED = [
    ("a pair of trousers", {"pants", "shorts"}, 4),
    ("bananas", {"Banana"}, 4),
    ("a carton of milk", {"Milk", "Sour Milk", "Oat Milk", "Soy Milk"}, 4),
    ("shoes", {"shoes"}, 4),
    ("a lemon", {"Lemon"}, 3),
]


def lookalike(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lookalike", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_demo_searches_the_sample_and_ends_where_there_is_no_terminal(tmp_path):
    first = lookalike("demo", "--data", str(tmp_path))
    assert first.returncode == 0, first.stderr
    tables = first.stdout.split("score")[1:]
    assert len(tables) == 3, "three searches"
    words, picture, both = (table.splitlines()[1] for table in tables)
    assert "dress" in words
    assert "red" in words.lower()
    assert "dress" in picture
    assert "dress" in both
    assert "green" in both
    assert " 0 failed" not in first.stdout
    assert "failed" not in first.stdout
    assert all((tmp_path / f"{name}.html").exists() for name in ("words", "picture", "both"))
    again = lookalike("demo", "--data", str(tmp_path))
    assert "0 added, 0 updated" in again.stdout


def test_a_demo_of_an_earlier_model_is_made_anew(tmp_path):
    spec = CollectionSpec("0123456789abcdef", "tiny of before", 8, IndexSettings())
    old = Record(Item("t-shirt-01", title="Crew-neck T-shirt"), np.eye(1, 8, dtype=np.float32)[0])
    with EmbeddedStore(tmp_path / "store") as store:
        store.create("demo", spec)
        store.upsert("demo", spec.fingerprint, [old])
    again = lookalike("demo", "--data", str(tmp_path))
    assert again.returncode == 0, again.stderr
    assert "the built-in model has changed" in again.stderr
    assert "450 added" in again.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    if not (PRODUCTS / "items.jsonl").exists():
        pytest.skip("the shared photos are not here")
    pictures, data = tmp_path_factory.mktemp("pictures"), tmp_path_factory.mktemp("data")
    items = [json.loads(line) for line in (PRODUCTS / "items.jsonl").read_text().splitlines()]
    items = [item for item in items if item["split"] == "test"]
    random.Random(1).shuffle(items)
    for item in items[:500]:
        folder = pictures / item["category"]
        folder.mkdir(exist_ok=True)
        photo = PRODUCTS / item["image"]
        (folder / photo.name).symlink_to(photo)
    result = lookalike("demo", "--pictures", str(pictures), "--data", str(data))
    assert result.returncode == 0, result.stderr
    assert "500 added" in result.stdout
    return data


@pytest.mark.parametrize(("words", "right", "least"), EXPECTED, ids=[e[0] for e in EXPECTED])
def test_the_demo_finds_what_is_asked_for_among_500_photos(demo, words, right, least):
    result = lookalike(
        "search",
        words,
        "-c",
        "demo",
        "--data",
        str(demo),
        "--model",
        "tiny",
        "--limit",
        "5",
        "--json",
    )
    assert result.returncode == 0, result.stderr
    hits = json.loads(result.stdout)["hits"]
    found = [category for hit in hits for category in hit["item"]["attributes"]["folder"]]
    assert sum(category in right for category in found) >= least, found


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path):
    result = lookalike("demo", "--pictures", str(tmp_path / "none"))
    assert result.returncode == 1
    assert "not a folder" in result.stderr
    assert "Traceback" not in result.stderr
