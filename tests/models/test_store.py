"""Finding models: by name, in the cache, at the hub. The hub is a local server; its client is the real one."""

import os
import subprocess
import sys

import pytest

from lookalike.errors import CardInvalid, ModelNotCached, ModelUnknown
from lookalike.models.registry import REGISTRY, find
from lookalike.models.store import ModelStore
from tests.models.conftest import GOLDEN, Golden
from tests.models.hub_server import COMMIT, HubServer

LOAD = (
    "import sys; from lookalike import Encoder; e = Encoder.load(sys.argv[1], device='cpu');"
    "print(e.card.source.revision, e.encode_texts(['a red dress']).shape)"
)


def load(name: str, home, **environment: str) -> subprocess.CompletedProcess[str]:
    # a process of its own: the hub's client reads its environment when it is imported
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "LOOKALIKE_"))}
    return subprocess.run(
        [sys.executable, "-c", LOAD, name],
        env=inherited
        | {"LOOKALIKE_HOME": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_XET": "1"}
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_registry_has_the_promised_names():
    for architecture in ("ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336", "RN50"):
        assert f"{architecture}/openai" in REGISTRY
        assert find(architecture).repository == REGISTRY[f"{architecture}/openai"].repository
    assert find("ViT-B-32").revision == "ab5b8ef490e86faa07d3523926b842c765de1de5"
    assert find("ViT-B-32/laion2b_s34b_b79k").repository.startswith("laion/")
    assert find("hf:patrickjohncyh/fashion-clip@main").revision == "main"


@pytest.mark.parametrize(
    "name",
    ["", "ViT-B-33", "ViT-B-32/nothing", "hf:", "hf:a", "hf:a/b/c", "hf:../x", "hf:a/b@", "@x"],
)
def test_an_unknown_name_says_which_are_known(tmp_path, name):
    with pytest.raises(ModelUnknown, match="ViT-B-32"):
        ModelStore(tmp_path).bundle(name)


def test_a_bundles_folder_is_a_model_name(golden: Golden, tmp_path):
    assert ModelStore(tmp_path).bundle(str(golden.bundle.path)).card == golden.bundle.card


def test_a_folder_with_a_broken_card_is_named(tmp_path):
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(CardInvalid, match="not JSON"):
        ModelStore(tmp_path).bundle(str(tmp_path))


@pytest.mark.parametrize("layout", ["openclip-vit-gelu", "huggingface-quickgelu"])
def test_a_repository_is_fetched_once_and_then_needs_no_hub(tmp_path, layout):
    with HubServer({"acme/small": GOLDEN / layout}) as hub:
        first = load("hf:acme/small", tmp_path, HF_ENDPOINT=hub.url)
        assert first.returncode == 0, first.stderr
        assert COMMIT in first.stdout
        assert not any("golden.npz" in path for path in hub.requests), "fetched more than it needs"
        asked = len(hub.requests)
        second = load("hf:acme/small", tmp_path, HF_ENDPOINT=hub.url)
        assert second.stdout == first.stdout
        assert len(hub.requests) == asked, "the second start asked the hub"
    third = load("hf:acme/small", tmp_path, HF_ENDPOINT=hub.url, LOOKALIKE_OFFLINE="1")
    assert third.stdout == first.stdout


@pytest.mark.parametrize("variable", ["LOOKALIKE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_a_missing_model_is_an_error_that_says_what_to_do(tmp_path, variable):
    result = load("hf:acme/small", tmp_path, HF_ENDPOINT="http://127.0.0.1:9", **{variable: "1"})
    assert "ModelNotCached" in result.stderr
    assert "machine with internet" in result.stderr


def test_a_repository_that_is_not_there_is_a_clear_error_and_leaves_nothing(tmp_path):
    with HubServer({}) as hub:
        result = load("hf:acme/none", tmp_path, HF_ENDPOINT=hub.url)
    assert "HubRefused" in result.stderr
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".onnx", ".safetensors"}]


def test_a_model_that_is_not_here_offline_is_a_clear_error(tmp_path):
    with pytest.raises(ModelNotCached, match="offline"):
        ModelStore(tmp_path, offline=True).bundle("ViT-B-32")
