import json
from pathlib import Path

import pytest
from PIL import Image

from lookalike.errors import SettingInvalid
from lookalike.evaluation.material import gather, split


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)


def test_texts_of_a_feed_are_its_titles_and_descriptions(tmp_path: Path) -> None:
    rows = [{"id": i, "title": f"Title {i % 70}", "description": f"Words {i}"} for i in range(80)]
    feed = tmp_path / "feed.jsonl"
    feed.write_text("\n".join(map(json.dumps, rows)))
    material = gather(feed)
    assert len(material.texts) == 150
    assert material.texts_from == "titles and descriptions of the feed"


def test_texts_of_a_folder_are_its_sub_folders_names_and_the_sample_catalogue(
    tmp_path: Path,
) -> None:
    picture(tmp_path / "red_dress" / "1.png")
    material = gather(tmp_path)
    assert "a photo of a red dress" in material.texts
    assert len(material.texts) > 500
    assert material.texts_from == "names of the folders, and the sample catalogue"
    assert len(material.pictures) == 1


def test_a_file_of_texts_is_used_alone(tmp_path: Path) -> None:
    picture(tmp_path / "shop" / "1.png")
    texts = tmp_path / "texts.txt"
    texts.write_text("one\n\n  two \none\n")
    assert gather(tmp_path, texts).texts == ("one", "two")


def test_a_file_of_texts_that_is_missing_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    with pytest.raises(SettingInvalid, match=r"none\.txt"):
        gather(tmp_path, tmp_path / "none.txt")


@pytest.mark.parametrize("count", [40, 100, 450, 5000])
def test_what_is_held_out_is_never_calibrated_with(count: int) -> None:
    calibration, held_out = split(count, 300, 200)
    assert not set(calibration) & set(held_out)
    assert len(calibration) >= count // 2 or len(calibration) == 300
    assert len(held_out) == min(200, max(count - 300, count // 3))
    assert (calibration, held_out) == split(count, 300, 200)
