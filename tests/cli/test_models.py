import json
import os
import re
import shutil
from pathlib import Path

import pytest

from lookalike.models.bundle import fingerprint, open_bundle
from lookalike.models.registry import REGISTRY
from lookalike.models.shelf import Arrival
from lookalike.models.store import ModelStore
from tests.cli.conftest import Command
from tests.models.hub_server import COMMIT


@pytest.fixture
def cached(small: Path, tmp_path: Path) -> str:
    """The name of a model that is in the cache (though with another one's content)."""
    name = "ViT-B-16/datacomp_xl_s13b_b90k"
    shelf = ModelStore(tmp_path / "home").shelf(name)
    with shelf.exclusive():
        staged = Path(shutil.copytree(small, shelf.folder / ".new"))
        shelf.install(staged, Arrival(COMMIT, "hub", COMMIT), None)
    return name


def test_list_has_every_named_model_and_says_which_are_here(
    lookalike: Command, cached: str
) -> None:
    run = lookalike("models", "list")
    assert run.status == 0
    rows = {line.split()[0]: line.rstrip() for line in run.out.splitlines()[1:]}
    assert set(rows) >= set(REGISTRY)
    assert [name for name in REGISTRY if not rows[name].endswith("not here")] == [cached]
    assert re.search(r" MB  laion/CLIP\S+@0123456789ab  20\d\d-\d\d-\d\d  serves$", rows[cached])


def test_list_in_a_pipe_is_not_cut(lookalike: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert "ViT-L-14/datacomp_xl_s13b_b90k" in lookalike("models", "list").out


def test_list_as_json_has_the_same_facts_for_machines(lookalike: Command, cached: str) -> None:
    models = {m["name"]: m for m in json.loads(lookalike("models", "list", "--json").out)}
    facts = models[cached]
    assert facts["bytes"] > 100_000
    assert (facts["in_use"], facts["problem"], facts["state"]) == (False, None, "serves")
    assert facts["revision"] == COMMIT
    known = {
        "name": cached,
        "architecture": "ViT-B-16",
        "tag": "datacomp_xl_s13b_b90k",
        "repository": "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
        "dimension": 512,
        "image_size": 224,
        "parameters": 150_000_000,
        "cached": True,
    }
    assert {name: facts[name] for name in known} == known


def test_show_prints_the_card_of_a_bundle(lookalike: Command, small: Path) -> None:
    run = lookalike("models", "show", small)
    assert run.status == 0
    facts = dict(line.split(None, 1) for line in run.out.splitlines())
    assert facts["name"] == "small"
    assert facts["dimension"] == "40"
    assert facts["text.context_length"] == "20"
    assert facts["folder"] == str(small)
    assert facts["fingerprint"] == fingerprint(open_bundle(small).card)


def test_show_as_json_has_the_whole_card(lookalike: Command, small: Path) -> None:
    facts = json.loads(lookalike("models", "show", small, "--json").out)
    card = open_bundle(small).card.model_dump(mode="json")
    assert {name: facts[name] for name in card} == card
    assert facts["cached"] is True
    assert facts["bytes"] == sum(file.stat().st_size for file in small.iterdir())


def test_show_of_a_model_that_is_not_here_tells_what_is_known(lookalike: Command) -> None:
    facts = json.loads(lookalike("models", "show", "ViT-B-32", "--json").out)
    assert facts["cached"] is False
    assert facts["repository"] == "timm/vit_base_patch32_clip_224.openai"
    assert facts["revision"] == "ab5b8ef490e86faa07d3523926b842c765de1de5"
    run = lookalike("models", "show", "hf:someone/some-clip@v1")
    assert run.status == 0
    assert "someone/some-clip" in run.out


def test_show_of_an_unknown_model_fails_and_names_the_known_ones(lookalike: Command) -> None:
    run = lookalike("models", "show", "nix")
    assert (run.status, run.out) == (1, "")
    assert "ViT-B-32" in run.err


# The life of a model on the command line


GOLDEN = Path(__file__).parents[1] / "golden/models"


@pytest.fixture
def mine(lookalike: Command) -> str:
    """The name of a model that was imported from a folder, golden check and all."""
    run = lookalike("models", "import", GOLDEN / "openclip-vit-gelu", "--name", "mine")
    assert run.status == 0, run.err
    assert "--model mine" in run.err
    return "mine"


def test_a_model_travels_as_a_file_and_is_verified_there(
    lookalike: Command, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.tar"
    packed = json.loads(lookalike("models", "export", mine, file, "--json").out)
    assert packed["bytes"] == file.stat().st_size
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path / "elsewhere"))
    wrong = lookalike("models", "import", file, "--sha256", "0" * 64)
    assert wrong.status == 1
    assert "help: copy it here again" in wrong.err
    assert lookalike("models", "import", file, "--sha256", packed["sha256"]).status == 0
    checked = json.loads(lookalike("models", "verify", mine, "--json").out)
    assert checked["hashes"] == "all as they were installed"
    assert checked["vectors"] == "recorded"
    assert lookalike("embed", "--model", mine, "hello").status == 0


def test_verify_fails_on_one_altered_byte_and_names_the_file(
    lookalike: Command, mine: str, tmp_path: Path
) -> None:
    path = next(tmp_path.glob("home/models/mine/import-*/image.onnx"))
    facts = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run = lookalike("models", "verify", mine)
    assert (run.status, run.out) == (1, "")
    assert "image.onnx is not the file that was installed" in run.err
    assert "Traceback" not in run.err


def test_verify_of_the_built_in_model_and_of_one_that_is_not_here(lookalike: Command) -> None:
    assert json.loads(lookalike("models", "verify", "tiny", "--json").out)["files"] == 4
    run = lookalike("models", "verify", "ViT-B-32")
    assert run.status == 1
    assert "not in the cache" in run.err


def test_another_picture_than_the_published_one_fails_the_check(
    lookalike: Command, mine: str, tmp_path: Path
) -> None:
    from lookalike.models.golden import pictures

    picture = tmp_path / "picture.bmp"
    picture.write_bytes(pictures()[0])
    run = lookalike("models", "verify", mine, "--picture", picture)
    assert run.status == 1
    assert "is published" in run.err


def test_import_rollback_prune_remove(lookalike: Command, mine: str) -> None:
    lookalike("models", "import", GOLDEN / "openclip-vit-mean", "--name", mine)
    states = [
        m["state"]
        for m in json.loads(lookalike("models", "list", "--json").out)[1:]
        if "state" in m
    ]
    assert sorted(states) == ["previous", "serves"]
    assert "again" in lookalike("models", "rollback", mine).err
    dry = json.loads(lookalike("models", "prune", "--dry-run", "--json").out)
    assert len(dry["removed"]) == 1
    assert lookalike("models", "prune").status == 0
    assert json.loads(lookalike("models", "prune", "--json").out)["removed"] == []
    refused = lookalike("models", "rollback", mine)
    assert refused.status == 1
    assert "no earlier version" in refused.err
    assert json.loads(lookalike("models", "remove", mine, "--json").out)["bytes"] > 100_000
    assert lookalike("models", "remove", mine).status == 1


def test_pull_without_network_is_an_error_with_advice(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.models import hub

    monkeypatch.setattr(hub, "endpoint", lambda: "http://127.0.0.1:9")
    monkeypatch.setattr(hub, "_UNREACHABLE", 1)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    run = lookalike("models", "pull", "ViT-B-32")
    assert run.status == 1
    assert "http://127.0.0.1:9 can't be reached" in run.err
    assert "HF_ENDPOINT" in run.err
    assert "Traceback" not in run.err


def test_offline_the_commands_that_bring_the_model_are_the_error(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    run = lookalike("embed", "--model", "ViT-B-16", "hello")
    assert run.status == 1
    for command in ("models pull ViT-B-16", "models export ViT-B-16", "models import ViT-B-16.tar"):
        assert command in run.err


def test_pull_of_the_built_in_model_is_nothing_to_do(lookalike: Command) -> None:
    assert lookalike("models", "pull", "tiny").status == 0
