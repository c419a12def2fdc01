"""Models that come as folders and files, and what becomes of versions once they are here."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import (
    BundleInvalid,
    CardInvalid,
    ExtraMissing,
    FileAltered,
    ImportInvalid,
    LockInvalid,
    ModelInUse,
    ModelNotInstalled,
    ModelUnknown,
)
from lookalike.models import importing, store, torchscript
from lookalike.models.bundle import CARD, open_bundle
from lookalike.models.importing import import_model
from lookalike.models.inventory import installed
from lookalike.models.store import ModelStore
from lookalike.models.vocabulary import tokenizer_from_merges
from tests.models.conftest import GOLDEN
from tests.vocabulary import MERGES

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _fp32_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "precisions", lambda: ("fp32",))
    monkeypatch.setattr(importing, "precisions", lambda: ("fp32",))


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home", offline=True)


@pytest.mark.parametrize("layout", ["openclip-vit-gelu", "huggingface-quickgelu"])
def test_a_folder_in_either_layout_serves_under_the_name_it_is_given(models, layout):
    import_model(models, GOLDEN / layout, name="mine")
    bundle = models.bundle("mine")
    assert bundle.card.name == "mine"
    golden = np.load(GOLDEN / layout / "golden.npz")
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="fp32", threads=1)) as encoder:
        assert np.allclose(encoder.encode_pixels(golden["pixels"]), golden["image"], atol=1e-5)


def test_a_weights_file_brings_what_lies_beside_it(models):
    path = GOLDEN / "openclip-vit-gelu/open_clip_model.safetensors"
    assert import_model(models, path, name="mine").name == "mine"


def test_an_import_can_serve_in_the_place_of_a_known_name(models):
    import_model(models, GOLDEN / "openclip-vit-gelu", name="RN50")
    assert models.bundle("RN50").card.name == "RN50"


def test_the_same_files_are_the_same_version(models):
    first = import_model(models, GOLDEN / "openclip-vit-gelu", name="mine")
    again = import_model(models, GOLDEN / "openclip-vit-gelu", name="mine")
    other = import_model(models, GOLDEN / "openclip-vit-mean", name="mine")
    assert first.version == again.version != other.version


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("weights.safetensors", "configuration"),
        ("model.bin", "pickle"),
        ("model.tar.gz", "compressed"),
        ("notes.txt", "neither"),
    ],
)
def test_a_file_that_is_no_model_is_told_apart(models, tmp_path, name, says):
    path = tmp_path / name
    path.write_bytes(b"something else")
    with pytest.raises(ImportInvalid, match=says):
        import_model(models, path, name="mine")


def test_a_folder_without_a_name_and_a_path_without_a_file(models, tmp_path):
    with pytest.raises(ImportInvalid, match="--name"):
        import_model(models, GOLDEN / "openclip-vit-gelu")
    with pytest.raises(ImportInvalid, match="no such"):
        import_model(models, tmp_path / "none")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "tiny", "hf:a"])
def test_a_name_can_not_be_a_path_or_the_built_in_models(models, name):
    with pytest.raises(ImportInvalid):
        import_model(models, GOLDEN / "openclip-vit-gelu", name=name)
    assert not list(models.home.rglob("*.onnx"))


def test_an_unknown_name_that_nothing_was_imported_under(models):
    with pytest.raises(ModelUnknown):
        models.bundle("mine")


def test_an_imported_model_has_nothing_to_be_updated_from(models):
    import_model(models, GOLDEN / "openclip-vit-gelu", name="mine")
    with pytest.raises(ModelNotInstalled, match="another import"):
        ModelStore(models.home).update("mine")
    assert not ModelStore(models.home).pull("mine").downloaded


# OpenAI's files


def test_a_pt_file_that_openai_has_not_published_is_never_loaded(models, tmp_path):
    path = tmp_path / "ViT-B-32.pt"
    path.write_bytes(b"PK\x03\x04 whatever this is")
    with pytest.raises(ImportInvalid, match="none of those that OpenAI has published"):
        import_model(models, path)


def test_without_pytorch_the_extra_is_named(tmp_path, monkeypatch):
    path = tmp_path / "ViT-B-32.pt"
    path.write_bytes(b"x")
    published = {hashlib.sha256(b"x").hexdigest(): "ViT-B-32"}
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ExtraMissing, match=r"lookalike\[torch\]"):
        torchscript.extract(path, tmp_path, published)


def test_the_published_hash_of_vit_b_32_is_openais():
    assert torchscript.PUBLISHED[
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
    ] == ("ViT-B-32")


def test_a_pt_file_needs_a_tokenizer_and_says_where_to_put_it(models, tmp_path, monkeypatch):
    path = tmp_path / "ViT-B-32.pt"
    path.write_bytes(b"x")
    monkeypatch.setattr(torchscript, "known_as", lambda _: "ViT-B-32")
    with pytest.raises(ImportInvalid, match=r"bpe_simple_vocab_16e6\.txt\.gz"):
        import_model(models, path)


def test_another_vocabulary_than_openais_is_refused(tmp_path):
    """That the ids of OpenAI's own are right, tests/encoder/test_tokenizer.py shows."""
    if not MERGES.exists():
        pytest.skip("CLIP's vocabulary is not installed; `make test` installs it")
    other = tmp_path / MERGES.name
    other.write_bytes(MERGES.read_bytes() + b"\0")
    with pytest.raises(ImportInvalid, match="sha256"):
        tokenizer_from_merges(other)


EXTRACT = """
import hashlib, json, sys
from pathlib import Path
import torch
from safetensors.torch import load_file
sys.path.insert(0, sys.argv[1])
from lookalike.models import torchscript
source, folder = Path(sys.argv[2]), Path(sys.argv[3])

class Node(torch.nn.Module):
    pass

root = Node()
for key, value in load_file(source).items():
    *path, leaf = key.split(".")
    node = root
    for part in path:
        if not hasattr(node, part):
            node.add_module(part, Node())
        node = getattr(node, part)
    node.register_buffer(leaf, value)
for key, value in {"input_resolution": 56, "context_length": 77, "vocab_size": 49408}.items():
    root.register_buffer(key, torch.tensor(value))
file = folder / "small.pt"
torch.jit.script(root).save(str(file))
published = {hashlib.sha256(file.read_bytes()).hexdigest(): "ViT-B-32"}
print(torchscript.extract(file, folder, published))
"""


def test_a_torchscript_file_becomes_the_same_model(tmp_path, models):
    """Where there is a Python with PyTorch: LOOKALIKE_REFERENCE_PYTHON, or what `make golden` installs."""
    python = os.environ.get("LOOKALIKE_REFERENCE_PYTHON") or str(
        ROOT / ".venv-reference/bin/python"
    )
    if not Path(python).exists():
        pytest.skip("there is no Python with PyTorch; see LOOKALIKE_REFERENCE_PYTHON")
    source = GOLDEN / "openclip-vit-quickgelu"
    done = subprocess.run(
        [python, "-c", EXTRACT, str(ROOT / "src"), str(source / "open_clip_model.safetensors"),
         str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "ViT-B-32", done.stderr
    found = json.loads((tmp_path / "open_clip_config.json").read_text())["model_cfg"]
    config = json.loads((source / "open_clip_config.json").read_text())["model_cfg"]
    for part in ("vision_cfg", "text_cfg"):
        shared = found[part].keys() & config[part].keys() - {
            "heads",
            "image_size",
        }  # this one's is odd
        assert {key: found[part][key] for key in shared} == {k: config[part][k] for k in shared}
    from safetensors.numpy import load_file

    before = load_file(source / "open_clip_model.safetensors")
    after = load_file(tmp_path / "open_clip_model.safetensors")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_the_configuration_is_read_from_the_weights_shapes():
    layers = {f"transformer.resblocks.{i}.ln_1.weight": (512,) for i in range(12)}
    vision = {f"visual.transformer.resblocks.{i}.ln_1.weight": (768,) for i in range(12)}
    text = {
        "ln_final.weight": (512,),
        "positional_embedding": (77, 512),
        "token_embedding.weight": (49408, 512),
        "text_projection": (512, 512),
    }
    vit = torchscript.configuration(
        {
            **layers,
            **vision,
            **text,
            "visual.proj": (768, 512),
            "visual.conv1.weight": (768, 3, 32, 32),
            "visual.positional_embedding": (50, 768),
        }
    )["model_cfg"]
    assert vit["vision_cfg"] == {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
    assert vit["text_cfg"] == {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 512,
        "heads": 8,
        "layers": 12,
    }
    blocks = {
        f"visual.layer{stage}.{i}.conv1.weight": (64 * stage, 64, 1, 1)
        for stage, count in enumerate((3, 4, 6, 3), start=1)
        for i in range(count)
    }
    resnet = torchscript.configuration(
        {**layers, **text, **blocks, "visual.attnpool.positional_embedding": (50, 2048)}
    )["model_cfg"]["vision_cfg"]
    assert resnet == {
        "image_size": 224,
        "layers": [3, 4, 6, 3],
        "width": 64,
        "patch_size": None,
    }


# Versions


@pytest.fixture
def two(models: ModelStore) -> list[str]:
    """Two versions of a model, the second of which serves."""
    layouts = ("openclip-vit-gelu", "openclip-vit-mean")
    return [import_model(models, GOLDEN / layout, name="mine").version for layout in layouts]


def test_rollback_returns_to_the_version_before(models, two):
    shelf = models.shelf("mine")
    assert models.find("mine").path.name == two[1]
    assert shelf.rollback() == two[0]
    assert models.find("mine").path.name == two[0]
    with pytest.raises(ModelNotInstalled, match="no earlier version"):
        shelf.rollback()
    assert models.find("mine").path.name == two[0]


def test_rollback_to_a_damaged_version_changes_nothing(models, two):
    shelf = models.shelf("mine")
    path = shelf.path(two[0]) / "text.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(FileAltered, match=r"text\.onnx"):
        shelf.rollback()
    assert models.find("mine").path.name == two[1]


def test_prune_keeps_what_serves_and_what_is_in_use(models, two):
    shelf = models.shelf("mine")
    shelf.rollback()
    used = models.find("mine")
    import_model(models, GOLDEN / "openclip-vit-gelu", name="other")
    import_model(models, GOLDEN / "openclip-vit-mean", name="mine")
    assert shelf.superseded() == []
    del used
    assert shelf.superseded() == [two[0]]
    assert shelf.prune() > 100_000
    assert [(entry.name, entry.version) for entry in installed(models) if entry.name == "mine"] == [
        ("mine", two[1])
    ]


def test_prune_leaves_work_that_may_go_on_and_removes_what_was_given_up(models, two):
    shelf = models.shelf("mine")
    for name in (".new-x", ".incoming", ".quantize.now", ".quantize.old"):
        (shelf.folder / name).mkdir(exist_ok=True)
    os.utime(shelf.folder / ".quantize.old", (1, 1))
    assert shelf.superseded() == [".incoming", ".new-x", ".quantize.old", two[0]]


HOLD = """
import sys
from pathlib import Path
from lookalike.models.store import ModelStore
bundle = ModelStore(Path(sys.argv[1]), offline=True).find("mine")
print("here", flush=True)
sys.stdin.read()
"""


def test_a_model_that_another_process_uses_is_not_removed(models, two):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(models.home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "here\n"
        assert [entry.in_use for entry in installed(models)] == [True, False]
        with pytest.raises(ModelInUse, match="in use by a running process"):
            models.shelf("mine").remove()
        assert models.find("mine") is not None
    finally:
        process.kill()
        process.wait()
    assert not any(entry.in_use for entry in installed(models)), "a killed process uses nothing"
    models.shelf("mine").remove()
    assert models.find("mine") is None


# Bundles that are not what they should be


def copied(models: ModelStore, tmp_path: Path) -> Path:
    bundle = import_model(models, GOLDEN / "openclip-vit-gelu", name="mine").bundle
    return Path(shutil.copytree(bundle.path, tmp_path / "copy"))


def test_a_bundle_that_misses_a_tower_names_it(models, tmp_path):
    folder = copied(models, tmp_path)
    (folder / "text.onnx").unlink()
    with pytest.raises(BundleInvalid, match=r"text\.onnx is missing"):
        models.find(str(folder))
    with pytest.raises(BundleInvalid, match=r"text\.onnx is missing"):
        import_model(models, folder, name="other")
    installed_path = models.find("mine").path
    (installed_path / "text.onnx").unlink()
    with pytest.raises(FileAltered, match=r"text\.onnx.*missing"):
        models.find("mine")


def test_a_card_of_a_newer_version_says_what_to_do(models, tmp_path):
    folder = copied(models, tmp_path)
    card = json.loads((folder / CARD).read_text()) | {"format": 99}
    (folder / CARD).write_text(json.dumps(card))
    for use in (models.find, lambda path: import_model(models, Path(path), name="other")):
        with pytest.raises(CardInvalid, match="update Lookalike"):
            use(str(folder))


def test_a_lock_of_a_newer_version_or_a_broken_one_is_said(models, tmp_path):
    copied(models, tmp_path)
    path = models.shelf("mine").folder / "lock.json"
    text = path.read_text()
    path.write_text(text.replace('"format": 1', '"format": 9', 1))
    with pytest.raises(LockInvalid, match="update Lookalike"):
        models.find("mine")
    path.write_text(text[:100])
    with pytest.raises(LockInvalid, match=r"lock\.json"):
        models.find("mine")


def test_a_derived_bundle_takes_the_place_of_its_origin_and_can_be_taken_back(models, tmp_path):
    folder = copied(models, tmp_path)
    card = open_bundle(folder).card
    card.model_copy(update={"notes": "now in int8"}).write(folder / CARD)
    before = models.find("mine").path.name
    bundle = models.adopt("mine", folder, derived="int8")
    assert bundle.path.name.startswith(f"{before}+int8-")
    assert models.find("mine").card.notes == "now in int8"
    del bundle
    assert models.shelf("mine").rollback() == before
