"""What a conversion makes, and how it refuses what it can't make right."""

import json

import numpy as np
import pytest

from lookalike.errors import (
    BundleInvalid,
    CardInvalid,
    WeightMissing,
    WeightShapeWrong,
    WeightsInvalid,
    WeightsLeftOver,
)
from lookalike.models.bundle import fingerprint, open_bundle
from lookalike.models.cards import ModelCard
from lookalike.models.convert import convert
from lookalike.models.layouts import describe
from tests.models.conftest import GOLDEN, Golden

OPENCLIP, HUGGINGFACE = "openclip-vit-quickgelu", "huggingface-quickgelu"


def test_a_bundle_reads_back_as_it_was_written(golden: Golden):
    bundle = open_bundle(golden.bundle.path)
    assert bundle.card == golden.bundle.card
    assert bundle.card.dimension == golden.image.shape[1]
    bundle.verify()


def test_one_changed_byte_is_found(golden: Golden, tmp_path):
    path = tmp_path / "copy"
    path.mkdir()
    for file in golden.bundle.path.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    data = bytearray((path / "text.onnx.data").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "text.onnx.data").write_bytes(data)
    with pytest.raises(BundleInvalid, match=r"text\.onnx\.data"):
        open_bundle(path).verify()


def test_weights_are_stored_as_float16_only_when_that_loses_nothing(tmp_path):
    halves = convert(GOLDEN / "openclip-resnet", tmp_path / "halves", name="halves")
    floats = convert(GOLDEN / OPENCLIP, tmp_path / "floats", name="floats")
    assert {g.stored for g in halves.card.graphs.values()} == {"float16"}
    assert {g.stored for g in floats.card.graphs.values()} == {"float32"}


def test_the_card_says_where_the_weights_came_from(golden: Golden):
    source = golden.bundle.card.source
    assert source.layout == golden.folder.name.split("-")[0]
    assert any(name.endswith(".safetensors") for name in source.files)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        (OPENCLIP, "visual.transformer.resblocks.1.attn.in_proj_bias"),
        (OPENCLIP, "text_projection"),
        ("openclip-resnet", "visual.layer2.0.downsample.1.running_var"),
        (HUGGINGFACE, "vision_model.encoder.layers.2.self_attn.v_proj.weight"),
        (HUGGINGFACE, "text_model.final_layer_norm.bias"),
    ],
)
def test_a_missing_weight_is_named(edit_config, tmp_path, name, weight):
    folder = edit_config(name, weights=lambda tensors: tensors.pop(weight))
    with pytest.raises(WeightMissing) as raised:
        convert(folder, tmp_path / "bundle", name="x")
    assert raised.value.name == weight
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*")), "the half-made bundle is left behind"


@pytest.mark.parametrize("name", [OPENCLIP, HUGGINGFACE])
def test_a_left_over_weight_is_named(edit_config, tmp_path, name):
    folder = edit_config(name, weights=lambda t: t.update(extra=np.zeros(3, np.float32)))
    with pytest.raises(WeightsLeftOver) as raised:
        convert(folder, tmp_path / "bundle", name="x")
    assert raised.value.names == ("extra",)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        (OPENCLIP, "visual.proj"),
        (HUGGINGFACE, "visual_projection.weight"),
        (HUGGINGFACE, "text_model.encoder.layers.0.self_attn.k_proj.weight"),
    ],
)
def test_a_weight_of_the_wrong_shape_is_named_with_both_shapes(edit_config, tmp_path, name, weight):
    def widen(tensors):
        tensors[weight] = np.pad(tensors[weight], ((0, 1), (0, 0)))

    with pytest.raises(WeightShapeWrong) as raised:
        convert(edit_config(name, weights=widen), tmp_path / "bundle", name="x")
    assert raised.value.name == weight
    assert raised.value.shape[0] == raised.value.expected[0] + 1


def test_a_damaged_weight_file_is_refused(edit_config, tmp_path):
    folder = edit_config(OPENCLIP)
    file = folder / "open_clip_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsInvalid, match="open_clip_model"):
        convert(folder, tmp_path / "bundle", name="x")


def test_a_feature_that_the_graphs_lack_is_refused_rather_than_ignored(edit_config):
    def change(document):
        document["model_cfg"]["vision_cfg"]["timm_model_name"] = "convnext_base"

    with pytest.raises(CardInvalid, match=r"vision_cfg\.timm_model_name"):
        describe(edit_config(OPENCLIP, change))


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        (OPENCLIP, ("model_cfg", "embed_dim"), "many", "embed_dim"),
        (OPENCLIP, ("model_cfg", "vision_cfg", "layers"), -1, "layers"),
        (OPENCLIP, ("model_cfg", "vision_cfg", "head_width"), 100, "heads"),
        (OPENCLIP, ("preprocess_cfg", "mean"), [1, 2], "mean"),
        (OPENCLIP, ("preprocess_cfg", "resize_mode"), "stretch", "resize"),
        (HUGGINGFACE, ("model_type",), "siglip", "siglip"),
        (HUGGINGFACE, ("vision_config", "hidden_act"), "relu", "hidden_act"),
        (HUGGINGFACE, ("text_config", "hidden_size"), 37, "hidden_size"),
    ],
)
def test_an_impossible_configuration_is_named(edit_config, name, path, value, words):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    with pytest.raises(CardInvalid, match=words):
        describe(edit_config(name, change))


def test_a_folder_in_neither_layout_says_so(tmp_path):
    with pytest.raises(CardInvalid, match=r"open_clip_config\.json"):
        describe(tmp_path)


def test_a_card_from_a_newer_version_says_to_update(golden: Golden):
    document = json.loads(golden.bundle.card.model_dump_json()) | {"format": 2}
    with pytest.raises(CardInvalid, match="update Lookalike"):
        ModelCard.parse(json.dumps(document))


def test_a_card_without_a_hash_for_a_graph_is_refused(golden: Golden):
    document = json.loads(golden.bundle.card.model_dump_json())
    del document["files"]["image.onnx"]
    with pytest.raises(CardInvalid, match=r"image\.onnx"):
        ModelCard.parse(json.dumps(document))


def test_the_fingerprint_changes_with_all_that_changes_a_vector(golden: Golden):
    card = golden.bundle.card
    whole = json.loads(card.model_dump_json())

    def changed(change):
        document = json.loads(json.dumps(whole))
        change(document)
        return fingerprint(ModelCard.parse(json.dumps(document)))

    same = fingerprint(card)
    assert changed(lambda d: d.update(name="another", notes="a note")) == same
    assert fingerprint(card, "bf16") == same
    seen = {
        same,
        fingerprint(card, mode="reference"),
        fingerprint(card, "int8"),
        changed(lambda d: d["image"].update(resize="squash", max_aspect=1.5)),
        changed(
            lambda d: d["text"].update(clean="none" if card.text.clean != "none" else "openclip")
        ),
        changed(
            lambda d: d["source"]["files"].update({next(iter(d["source"]["files"])): "0" * 64})
        ),
    }
    assert len(seen) == 6
