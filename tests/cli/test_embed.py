import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lookalike import Encoder
from lookalike.cli import console
from lookalike.cli.inputs import lines, pictures, read_picture
from lookalike.cli.outputs import written
from lookalike.errors import ImageTooManyBytes, ImageUnreadable
from tests.cli.conftest import GOLDEN, Command, Run

PNG, JPEG = GOLDEN / "images/rgb-33x31.png", GOLDEN / "images/rgb-227x231.jpg"


def records(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good pictures on two levels, one bad one, and what is no picture or hidden."""
    folder = tmp_path / "photos"
    (folder / "below" / ".hidden").mkdir(parents=True)
    shutil.copy(PNG, folder / "b.PNG")
    shutil.copy(JPEG, folder / "below/c.jpg")
    shutil.copy(PNG, folder / ".d.png")
    shutil.copy(PNG, folder / "below/.hidden/e.png")
    (folder / "a.jpg").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("neither")
    return folder


def test_texts_are_printed_as_json_lines_in_order(lookalike: Command, small: Path) -> None:
    texts = [f"a red dress, number {i}" for i in range(20)]
    run = lookalike("embed", *texts, "--model", small, "--precision", "fp32")
    assert (run.status, run.err) == (0, "")
    found = records(run)
    assert [record["text"] for record in found] == texts
    with Encoder.load(str(small), precision="fp32") as encoder:
        expected = encoder.encode_texts(texts)
    np.testing.assert_allclose([record["embedding"] for record in found], expected, atol=1e-5)


def test_bad_picture_is_reported_and_the_others_are_embedded(
    lookalike: Command, small: Path, folder: Path
) -> None:
    run = lookalike(
        "embed", "words", "--images", folder, "-i", PNG, "-m", small, "--precision", "fp32"
    )
    assert run.status == 1
    words, *found = records(run)
    assert words["text"] == "words"
    assert [record["image"] for record in found] == [
        str(path) for path in (folder / "a.jpg", folder / "b.PNG", folder / "below/c.jpg", PNG)
    ]
    assert found[0]["error"]["code"] == "image_unreadable"
    assert "embedding" not in found[0]
    with Encoder.load(str(small), precision="fp32") as encoder:
        expected = encoder.encode_images([p.read_bytes() for p in (PNG, JPEG, PNG)])
    np.testing.assert_allclose([record["embedding"] for record in found[1:]], expected, atol=1e-5)
    assert run.err.splitlines() == [
        f"{folder / 'a.jpg'}: picture can't be read: it is not a picture in a known format",
        "could not be embedded: 1 of 5",
    ]


def test_lines_of_standard_input_are_texts(
    lookalike: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = io.TextIOWrapper(io.BytesIO("\ufeffeins\r\n\nGrün\n".encode() + b"caf\xe9"))
    monkeypatch.setattr(sys, "stdin", source)
    run = lookalike("embed", "zero", "--stdin", "-m", small)
    assert [record["text"] for record in records(run)] == ["zero", "eins", "", "Grün", "caf\ufffd"]


def test_text_longer_than_the_context_is_marked(lookalike: Command, small: Path) -> None:
    run = lookalike("embed", "short", "long " * 20, "-m", small)
    assert run.status == 0
    assert [record.get("truncated", False) for record in records(run)] == [False, True]
    assert "not seen: 1" in run.err


def test_npz_holds_rows_in_order_and_nan_for_failures(
    lookalike: Command, small: Path, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.npz"
    run = lookalike("embed", "words " * 50, "--images", folder, "-m", small, "-o", output)
    assert (run.status, run.out) == (1, "")
    with np.load(output, allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found["embeddings"].shape == (4, 40)
    assert found["embeddings"].dtype == np.float32
    assert np.isnan(found["embeddings"]).any(axis=1).tolist() == [False, True, False, False]
    assert found["kinds"].tolist() == ["text", "image", "image", "image"]
    assert found["inputs"].tolist()[1:] == [
        str(folder / n) for n in ("a.jpg", "b.PNG", "below/c.jpg")
    ]
    assert len(found["inputs"][0]) == 200
    assert [bool(error) for error in found["errors"]] == [False, True, False, False]
    assert found["truncated"].tolist() == [True, False, False, False]
    with Encoder.load(str(small)) as encoder:
        assert (found["model"], found["fingerprint"]) == ("small", encoder.fingerprint)


def test_jsonl_file_is_the_same_as_standard_output(
    lookalike: Command, small: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    assert lookalike("embed", "one", "two", "-m", small, "-o", output).out == ""
    assert output.read_text() == lookalike("embed", "one", "two", "-m", small).out


def test_file_that_was_not_finished_leaves_the_old_one_and_no_other(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old")

    def stop_half_way() -> None:
        with written(output) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert output.read_text() == "old"


@pytest.mark.parametrize("name", ["out.txt", "out", "nowhere/out.npz"])
def test_output_that_cannot_be_is_refused_before_the_model_loads(
    lookalike: Command, tmp_path: Path, name: str
) -> None:
    run = lookalike("embed", "x", "-m", "nix", "-o", tmp_path / name)
    assert run.status == 2
    assert "--output" in run.err


def test_pictures_that_a_shell_spread_after_the_option_are_not_taken_for_texts(
    lookalike: Command, small: Path
) -> None:
    run = lookalike("embed", "-m", small, "--images", PNG, JPEG)
    assert run.status == 2
    assert "put --images before each" in run.err


def test_only_the_tower_that_is_needed_is_loaded(
    lookalike: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    load = Encoder.load.__func__

    def spy(cls: type[Encoder], name: str, **options: Any) -> Encoder:
        asked.append(options["towers"])
        return load(cls, name, **options)

    monkeypatch.setattr(Encoder, "load", classmethod(spy))
    assert lookalike("embed", "x", "-m", small).status == 0
    assert lookalike("embed", "-i", PNG, "-m", small).status == 0
    assert lookalike("embed", "x", "-i", PNG, "-m", small).status == 0
    assert asked == [["text"], ["image"], ["text", "image"]]


def test_argument_that_is_not_utf8_can_be_embedded(lookalike: Command, small: Path) -> None:
    assert records(lookalike("embed", "caf\udce9", "-m", small))[0]["text"] == "caf\ufffd"


def test_folder_without_pictures_is_an_error_that_names_it(
    lookalike: Command, tmp_path: Path
) -> None:
    run = lookalike("embed", "-i", tmp_path)
    assert run.status == 1
    assert f"there is no picture in {tmp_path}" in run.err


def test_picture_that_vanished_or_is_too_long_is_told_apart(tmp_path: Path) -> None:
    assert isinstance(read_picture(tmp_path / "gone.jpg", 10), ImageUnreadable)
    assert isinstance(read_picture(PNG, 10), ImageTooManyBytes)
    assert read_picture(PNG, PNG.stat().st_size) == PNG.read_bytes()


def test_links_in_a_circle_are_not_followed(folder: Path) -> None:
    (folder / "below/again").symlink_to(folder)
    assert [path.name for path in pictures([folder])] == ["a.jpg", "b.PNG", "c.jpg"]


def test_lines_are_read_as_they_come() -> None:
    class Endless(io.RawIOBase):
        def __iter__(self) -> Any:
            yield b"first\n"
            raise AssertionError("read ahead")

    assert next(lines(Endless())) == "first"  # type: ignore[arg-type]


# The bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    shown = io.StringIO()
    monkeypatch.setattr(console, "stderr", Console(file=shown, force_terminal=True, width=80))
    return shown


def test_progress_is_shown_on_a_terminal(terminal: io.StringIO) -> None:
    with console.progress("embedding", 3) as advance:
        advance(3)
    assert "3/3" in terminal.getvalue()


def test_progress_is_hidden_where_results_go_to_the_same_terminal(terminal: io.StringIO) -> None:
    with console.progress("embedding", 3, hidden=True) as advance:
        advance(3)
    assert terminal.getvalue() == ""


def test_progress_is_hidden_in_a_pipe(lookalike: Command, small: Path, tmp_path: Path) -> None:
    assert lookalike("embed", "x", "-m", small, "-o", tmp_path / "x.npz").err == ""
