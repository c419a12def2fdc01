import json
from pathlib import Path

from tests.cli.conftest import Command


def test_compare_shows_a_row_for_each_model_and_writes_reports(
    lookalike: Command, small: Path, tmp_path: Path
) -> None:
    files = tmp_path / "table.md", tmp_path / "page.html"
    run = lookalike(
        "models", "compare", small, "--seconds", "0.01", "--json",
        "--markdown", files[0], "--html", files[1],
    )  # fmt: skip
    assert run.status == 0
    (row,) = json.loads(run.out)["rows"]
    assert row["name"] == str(small)
    assert row["text_ms_1"] > 0
    assert str(small) in files[0].read_text()
    assert "<h1>Comparison of models</h1>" in files[1].read_text()


def test_a_model_that_nobody_knows_is_told_and_the_exit_status_says_so(lookalike: Command) -> None:
    run = lookalike("models", "compare", "ViT-B-99")
    assert run.status == 1
    assert "no model is called 'ViT-B-99'" in run.err
    assert "Traceback" not in run.err


def test_what_is_wrong_with_the_data_is_told_before_anything_is_measured(
    lookalike: Command, small: Path, tmp_path: Path
) -> None:
    run = lookalike("models", "compare", small, "--data", tmp_path)
    assert run.status == 1
    assert "has no picture" in run.err
    assert "measuring" not in run.err
