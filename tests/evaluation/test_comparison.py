"""Rows made by hand for how they are shown; one small model in a real process for how they are measured."""

import itertools
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import MeasurementFailed, SettingInvalid
from lookalike.evaluation.comparison.chart import HEIGHT, WIDTH, Point, chart, points_of
from lookalike.evaluation.comparison.measure import Job
from lookalike.evaluation.comparison.page import page
from lookalike.evaluation.comparison.published import IMAGENET, imagenet
from lookalike.evaluation.comparison.quality import measure_quality
from lookalike.evaluation.comparison.row import Comparison, Failure, Quality, RecallAt, Row
from lookalike.evaluation.comparison.run import compare, measure_apart
from lookalike.evaluation.comparison.tables import columns_of, markdown, notes
from lookalike.evaluation.labelled import load
from lookalike.models.convert import convert
from lookalike.models.registry import REGISTRY
from lookalike.models.store import ModelStore

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
PRODUCTS = Path(__file__).parents[2].parent / "shared" / "data" / "products"


def row(name: str, ms: float, quality: float | None = None, **changes: object) -> Row:
    recall = RecallAt(at_1=0.1, at_5=0.5, at_10=0.7)
    measured = quality is not None and Quality(
        pictures=100,
        labels=5,
        texts=20,
        zero_shot=quality,
        text_to_image=recall,
        image_to_text=None,
    )
    return Row(
        name=name,
        precision="bf16",
        runtime="openvino",
        device="cpu",
        threads=2,
        fingerprint="0" * 16,
        bytes=300_000_000,
        parameters=151_000_000,
        dimension=512,
        load_seconds=0.81,
        image_ms_1=ms,
        image_ms_10=10 * ms,
        text_ms_1=4.0,
        text_ms_10=30.0,
        images_per_second=40.0,
        texts_per_second=300.0,
        peak_bytes=558_000_000,
        quality=measured or None,
    ).model_copy(update=changes)


def comparison(*rows: Row, failures: tuple[Failure, ...] = ()) -> Comparison:
    return Comparison(
        made="2026-01-02T03:04:05+00:00",
        processor="A <processor>",
        cores=2,
        version="0.1.0",
        data="photos",
        source_of_published="somebody's table",
        rows=rows,
        failures=failures,
    )


def test_markdown_has_a_row_for_each_model_and_only_columns_with_something_to_say() -> None:
    text = markdown(comparison(row("a|b", 20), row("c", 30)))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert "a\\|b" in lines[2]
    assert "Zero-shot" not in text
    assert "ImageNet" not in text
    assert "558" in lines[2]


def test_published_figures_are_shown_as_published_with_their_source() -> None:
    found = comparison(row("ViT-B-32", 20, imagenet_published=0.6332), row("own", 20))
    assert columns_of(found)[-1].heading == "ImageNet (published)"
    assert columns_of(found)[-1].cell(found.rows[1]) == ""
    assert "63.3%" in markdown(found)
    assert any("was not measured here: somebody's table" in note for note in notes(found))


def test_every_published_figure_is_of_a_model_that_the_registry_names() -> None:
    assert set(IMAGENET) <= set(REGISTRY)
    assert imagenet("ViT-B-32") == imagenet("ViT-B-32/openai@abc") == 0.6332
    assert imagenet("tiny") is None
    assert imagenet("hf:owner/ViT-B-32") is None


def test_a_model_that_failed_is_told_in_the_notes() -> None:
    found = comparison(row("a", 20), failures=(Failure(name="b", reason="no memory"),))
    assert notes(found)[-1] == "b could not be measured: no memory"


def test_measured_quality_comes_before_published() -> None:
    both = comparison(row("a", 20, 0.8, imagenet_published=0.6))
    points, quality = points_of(both)
    assert (points[0].quality, quality) == (0.8, "zero-shot accuracy on the data")
    points, quality = points_of(comparison(row("a", 20, imagenet_published=0.6)))
    assert (points[0].quality, quality) == (0.6, "ImageNet zero-shot accuracy, as published")


def svg(points: list[Point]) -> tuple[list[ET.Element], list[ET.Element]]:
    root = ET.fromstring(chart(points, "quality"))
    names = [text for text in root.iter("text") if text.get("class") == "name"]
    return list(root.iter("circle")), names


def test_better_models_are_higher_and_quicker_ones_further_left() -> None:
    circles, _ = svg([Point("good", 80, 0.75), Point("quick", 10, 0.6)])
    good, quick = circles  # the best is drawn first
    assert float(good.get("cy", "")) < float(quick.get("cy", ""))
    assert float(good.get("cx", "")) > float(quick.get("cx", ""))
    for circle in circles:
        assert 0 < float(circle.get("cx", "")) < WIDTH
        assert 0 < float(circle.get("cy", "")) < HEIGHT


def test_names_of_equal_models_do_not_lie_on_each_other() -> None:
    _, names = svg([Point(f"model {i}", 20, 0.5) for i in range(4)])
    lines = sorted(float(name.get("y", "")) for name in names)
    assert all(b - a >= 15 for a, b in itertools.pairwise(lines))


class _Links(HTMLParser):
    """Everything that a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in {"script", "link", "img", "iframe"} or names & {"src", "href", "srcset"}:
            self.found.append(tag)


def test_the_page_needs_nothing_from_anywhere_and_escapes_what_it_is_told() -> None:
    text = page(comparison(row("<script>alert(1)</script>", 20, 0.8)))
    links = _Links()
    links.feed(text)
    assert links.found == []
    assert "url(" not in text
    assert "http" not in text
    assert "A &lt;processor&gt;" in text
    assert text.count("<circle") == 1


def test_without_any_quality_the_page_says_why_there_is_no_chart() -> None:
    text = page(comparison(row("a", 20)))
    assert "<svg" not in text
    assert "--data" in text


def picture(path: Path, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), colour).save(path)


def test_a_folders_labels_are_its_sub_folders(tmp_path: Path) -> None:
    picture(tmp_path / "clothes" / "red_dress" / "1.png", "red")
    picture(tmp_path / "loose.png", "blue")
    labels = [example.label for example in load(tmp_path, limit=10)]
    assert labels == ["red dress", None]
    assert len(load(tmp_path, limit=1)) == 1


def test_a_feeds_labels_are_a_column_and_a_wrong_column_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", "red")
    feed = tmp_path / "feed.jsonl"
    feed.write_text(
        '{"id": "a", "image": "1.png", "kind": "dress", "description": "A red dress"}\n'
    )
    example = load(feed, "kind", limit=10)[0]
    assert (example.label, example.text) == ("dress", "A red dress")
    with pytest.raises(SettingInvalid, match="no column 'colour'"):
        load(feed, "colour", limit=10)


def test_the_built_in_model_knows_what_products_are() -> None:
    if not PRODUCTS.is_dir():
        pytest.skip("the product photos are not here")
    examples = [
        e
        for e in load(PRODUCTS / "items.jsonl", "category", limit=9_999)
        if "test" in str(e.picture)
    ]
    bundle = ModelStore(Path("nowhere"), offline=True).bundle("tiny")
    with Encoder(bundle, wanted=Wanted(threads=1)) as encoder:
        quality = measure_quality(encoder, examples[::20], 2**24)
    assert quality.pictures > 40
    assert quality.zero_shot is not None
    assert quality.zero_shot > 0.6, "chance is a few percent"
    assert quality.text_to_image is not None
    assert quality.image_to_text is not None
    assert quality.text_to_image.at_10 > quality.text_to_image.at_1 > 0.3


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("compare")
    small = convert(GOLDEN / "openclip-vit-quickgelu", folder / "small", name="small")
    random = np.random.default_rng(0)
    for label in ("one", "two"):
        for i in range(3):
            pixels = random.integers(0, 256, (30, 30, 3), dtype=np.uint8)
            path = folder / "data" / label / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (folder / "data" / "one" / "broken.png").write_bytes(b"no picture")
    return Job(
        name="small",
        folder=str(small.path),
        threads=1,
        seconds=0.01,
        data=str(folder / "data"),
        max_bytes=2**24,
        max_pixels=10**7,
    )


def test_a_model_is_measured_in_a_process_of_its_own(job: Job) -> None:
    large = bytearray(600 * 2**20)  # what this process has is not the model's
    found = measure_apart(job)
    del large
    assert found.dimension == 40
    assert found.peak_bytes is not None
    assert 50e6 < found.peak_bytes < 500e6
    assert found.image_ms_10 is not None
    assert found.image_ms_1 is not None
    assert found.image_ms_10 > found.image_ms_1 > 0
    assert found.quality is not None
    assert (found.quality.pictures, found.quality.labels) == (6, 2)
    assert found.imagenet_published is None


def test_one_model_that_fails_does_not_stop_the_others(job: Job) -> None:
    def start(one: Job) -> Row:
        if one.name == "bad":
            raise MeasurementFailed("bad", "no memory")
        return row(one.name, 20)

    bad = job.model_copy(update={"name": "bad"})
    found = compare([bad, Failure(name="missing", reason="not here"), job], start=start)
    assert [one.name for one in found.rows] == ["small"]
    assert [one.name for one in found.failures] == ["bad", "missing"]


def test_what_the_process_says_is_told(job: Job) -> None:
    with pytest.raises(MeasurementFailed, match=r"model\.json"):
        measure_apart(job.model_copy(update={"folder": str(GOLDEN)}))
