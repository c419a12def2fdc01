import json
import shutil
from pathlib import Path

from lookalike.evaluation.quantization.report import REPORT, Report, Threshold, TowerReport
from lookalike.evaluation.retrieval import Agreement
from lookalike.models.bundle import CARD, open_bundle, sha256
from tests.cli.conftest import Command


def test_a_folder_with_too_few_pictures_says_how_many_are_needed(
    lookalike: Command, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    run = lookalike("models", "quantize", small, "--calibration", tmp_path / "photos")
    assert run.status == 1
    assert "at least 40 are needed" in run.err or "lookalike[quantize]" in run.err
    assert "Traceback" not in run.err


def test_the_built_in_model_needs_an_output(lookalike: Command, tmp_path: Path) -> None:
    run = lookalike("models", "quantize", "tiny", "--calibration", tmp_path)
    assert run.status == 1
    assert "--output" in run.err or "lookalike[quantize]" in run.err


def test_show_tells_what_quantizing_came_to(
    lookalike: Command, small: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "small"))
    agreement = Agreement(
        count=200, cosine_mean=0.9961, cosine_worst=0.98, kept=0.97, top=10, rank_correlation=0.99
    )
    tower = TowerReport(
        outcome="quantized", left=("block 3",), calibrated_on=300, agreement=agreement
    )
    report = Report(
        made="2026-01-02T03:04:05+00:00",
        versions={"nncf": "3.4.0"},
        threads=2,
        threshold=Threshold(),
        texts_from=None,
        towers={"image": tower},
    )
    report.write(folder)
    card = open_bundle(folder).card
    files = {**card.files, REPORT: sha256(folder / REPORT)}
    card.model_copy(update={"files": files}).write(folder / CARD)

    shown = lookalike("models", "show", folder).out
    assert "calibrated on 300 inputs; in floating point: block 3" in shown
    assert "cosine 0.9961 (worst 0.9800), top 10 kept 97.0%" in shown
    facts = json.loads(lookalike("models", "show", folder, "--json").out)
    assert facts["quantization"] == report.model_dump(mode="json")
    assert facts["fingerprint_int8"] != facts["fingerprint"]
