"""Small models of random weights for the logic; NNCF's tests are skipped where it is not installed."""

import importlib.util
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import BundleInvalid, PrecisionUnavailable, SettingInvalid
from lookalike.evaluation.material import Material, gather
from lookalike.evaluation.quantization.blocks import blocks_of
from lookalike.evaluation.quantization.report import REPORT, Report, Threshold
from lookalike.evaluation.quantization.run import Options
from lookalike.evaluation.quantization.search import Left, attempts
from lookalike.evaluation.quantization.service import quantize_model
from lookalike.evaluation.retrieval import Agreement
from lookalike.models.bundle import CARD, Bundle, fingerprint, open_bundle
from lookalike.models.convert import convert
from lookalike.models.shelf import Arrival
from lookalike.models.store import ModelStore

GOLDEN = Path(__file__).parents[1] / "golden" / "models"

needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="NNCF is not installed (make full)"
)

# A random model gives almost the same vector for everything, so neighbours mean nothing: cosine decides.
EASY = Options(Threshold(cosine=0.5, kept=0), calibrate=20, held_out=20, threads=1)
STRICT = Options(Threshold(cosine=0.999999, kept=0), calibrate=20, held_out=20, threads=1)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "small"
    return convert(GOLDEN / "openclip-vit-quickgelu", target, name="small").path


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Bundle:
    return open_bundle(Path(shutil.copytree(original, tmp_path / "small")))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for i in range(45):
        pixels = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((48, 40), Image.Resampling.BICUBIC).save(
            folder / f"{i:02}.png"
        )
    return gather(folder)


def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home", offline=True)


def found(cosine: float) -> Agreement:
    return Agreement(
        count=50, cosine_mean=cosine, cosine_worst=0, kept=1, top=10, rank_correlation=1
    )


def test_blocks_are_left_most_harmful_first_until_it_passes() -> None:
    harm = {"a": 0.01, "b": 0.03, "c": 0.02}

    def measure(left: Left) -> Agreement:
        return found(1 - sum(harm[block] for block in harm if block not in left))

    tries = list(attempts("abc", Threshold(cosine=0.985), measure, harm.__getitem__))
    assert [attempt.left for attempt in tries] == [(), ("b",), ("b", "c")]


def test_no_block_is_weighed_if_the_first_attempt_passes() -> None:
    def gain(block: str) -> float:
        raise AssertionError("it takes long")

    assert len(list(attempts("abc", Threshold(), lambda _: found(0.995), gain))) == 1


def test_if_nothing_helps_all_was_tried_and_none_passes() -> None:
    tries = list(attempts("abc", Threshold(), lambda _: found(0.5), lambda _: 0.0))
    assert [len(attempt.left) for attempt in tries] == [0, 1, 2, 3]
    assert not Threshold().passed_by(tries[-1].agreement)


def test_blocks_are_the_layers_of_the_weights_names(bundle: Bundle) -> None:
    graph = bundle.graph("text")
    assert graph is not None
    blocks = list(dict.fromkeys(blocks_of(graph).values()))
    assert blocks[0] == "transformer.resblocks.0"
    assert blocks[-1] == "text_projection"


def test_without_names_the_blocks_are_parts_in_order() -> None:
    tiny = ModelStore(Path("nowhere"), offline=True).bundle("tiny").graph("text")
    assert tiny is not None
    blocks = list(dict.fromkeys(blocks_of(tiny).values()))
    assert blocks[:2] == ["part 1", "part 2"]
    assert 2 < len(blocks) <= 12


@needs_nncf
def test_a_folder_bundle_is_switched_to_its_calibrated_graphs(
    bundle: Bundle, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *address: called.append(address))
    result = quantize_model(store(tmp_path), str(bundle.path), material, EASY)
    assert result.bundle is not None
    assert not called, "nobody is told"

    made = open_bundle(bundle.path)
    made.verify()
    assert fingerprint(made.card) == fingerprint(bundle.card)
    assert fingerprint(made.card, "int8") != fingerprint(bundle.card, "int8")
    assert {path.name for path in bundle.path.iterdir()} == {CARD, *made.card.files}
    assert not (bundle.path / "image.int8.onnx").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["small"], "nothing is left lying about"

    report = Report.read(made)
    assert report is not None
    for tower in ("image", "text"):
        told = report.towers[tower]
        assert (told.outcome, told.left) == ("quantized", ())
        assert told.agreement is not None
        assert told.agreement.cosine_mean > 0.9
        assert [cost.precision for cost in told.costs] == [
            "fp32",
            "bf16",
            "int8 before",
            "int8 calibrated",
        ]

    texts = ["a red dress", "boots"]
    cosines = []
    for precision in ("fp32", "int8"):
        with Encoder(made, wanted=Wanted(precision=precision, threads=1)) as encoder:
            cosines.append(encoder.encode_texts(texts))
            assert encoder.info.precision == precision
    assert 0.9 < np.sum(cosines[0] * cosines[1], axis=1).min() < 0.9999999, "another graph runs"


@needs_nncf
def test_below_the_threshold_blocks_are_left_and_if_none_helps_nothing_is_changed(
    bundle: Bundle, material: Material, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.path.iterdir()}
    result = quantize_model(store(tmp_path), str(bundle.path), material, STRICT)
    assert result.bundle is None
    text = result.report.towers["text"]
    assert text.outcome == "failed"
    assert [len(attempt.left) for attempt in text.attempts] == list(range(len(text.blocks) + 1))
    cosines = [attempt.agreement.cosine_mean for attempt in text.attempts]
    assert cosines[-1] > cosines[0], "floating point is nearer to the exact one"
    assert {path.name: path.read_bytes() for path in bundle.path.iterdir()} == before


@needs_nncf
def test_a_cached_model_gets_a_version_that_rollback_takes_back(
    original: Path, material: Material, tmp_path: Path
) -> None:
    name = "ViT-B-32"
    models = store(tmp_path)
    shelf = models.shelf(name)
    with shelf.exclusive():
        staged = Path(shutil.copytree(original, shelf.folder / ".new"))
        before = shelf.install(staged, Arrival("0123abc", "folder"), None)

    result = quantize_model(models, name, material, EASY)
    assert result.bundle is not None
    serving = models.bundle(name)
    assert serving.path == result.bundle.path != before.path
    assert Report.read(serving) == result.report
    serving.verify()
    open_bundle(before.path).verify()

    shelf.rollback()
    assert models.bundle(name).path == before.path


@needs_nncf
def test_in_a_copy_of_the_built_in_model_what_is_in_int8_already_stays(
    material: Material, tmp_path: Path
) -> None:
    output = tmp_path / "tiny8"
    result = quantize_model(store(tmp_path), "tiny", material, EASY, output=output)
    assert result.report.towers["image"].outcome == "kept"
    assert result.report.towers["text"].outcome == "quantized"
    made = open_bundle(output)
    made.verify()
    assert made.card.graphs["image"].int8 == made.card.graphs["image"].fp32
    assert Report.read(ModelStore(tmp_path).bundle("tiny")) is None, "the original is as it was"

    with pytest.raises(PrecisionUnavailable, match="calibrated for OpenVINO"):
        Encoder(made, wanted=Wanted(runtime="onnxruntime", precision="int8"))
    (output / REPORT).write_text("{}")
    with pytest.raises(BundleInvalid, match=REPORT):
        Report.read(made)


@needs_nncf
@pytest.mark.parametrize("dry_run", [True, False])
def test_the_built_in_model_is_never_changed_in_place(
    material: Material, tmp_path: Path, dry_run: bool
) -> None:
    few = Material(material.pictures, material.texts[:10], "a test")
    with pytest.raises(SettingInvalid, match="--texts: has 10" if dry_run else "--output"):
        quantize_model(store(tmp_path), "tiny", few, EASY, dry_run=dry_run)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timing is not what is tested."""
    monkeypatch.setattr(
        "lookalike.evaluation.quantization.run.median_seconds", lambda call, **_: call() is None
    )
