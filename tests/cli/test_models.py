import json
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
