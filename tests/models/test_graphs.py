"""The graphs give the vectors of the reference implementations, on both runtimes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.encoder.runtimes import Wanted, load_tower, plan
from lookalike.models.cards import TowerName
from tests.models.conftest import Golden

RUNTIMES = ("openvino", "onnxruntime")


def run(golden: Golden, tower: TowerName, batch, precision="fp32", runtime="openvino"):
    wanted = Wanted(device="cpu", precision=precision, threads=1, runtime=runtime)
    decided = plan(wanted, golden.bundle, (tower,))
    return load_tower(decided, golden.bundle, tower, batch[:1])(batch)


def assert_equal_vectors(ours, theirs, largest=1e-5, cosine=0.999999):
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= largest
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() >= cosine


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_image_vectors_equal_the_reference(golden: Golden, runtime: str):
    assert_equal_vectors(run(golden, "image", golden.pixels, runtime=runtime), golden.image)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_text_vectors_equal_the_reference(golden: Golden, runtime: str):
    assert_equal_vectors(run(golden, "text", golden.ids, runtime=runtime), golden.text)


def test_bf16_graphs_round_and_no_more(golden: Golden):
    for tower, batch, theirs in (
        ("image", golden.pixels, golden.image),
        ("text", golden.ids, golden.text),
    ):
        ours = run(golden, tower, batch, precision="bf16")
        assert_equal_vectors(ours, theirs, largest=0.03, cosine=0.999)


def test_fp16_graphs_round_and_no_more(golden: Golden):
    # where they are used, on CUDA, is not here: ONNX Runtime runs them on the CPU too
    for tower, batch, theirs in (
        ("image", golden.pixels, golden.image),
        ("text", golden.ids, golden.text),
    ):
        ours = run(golden, tower, batch, precision="fp16", runtime="onnxruntime")
        assert_equal_vectors(ours, theirs, largest=0.005, cosine=0.9999)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_int8_graphs_stay_close_without_calibration(golden: Golden, runtime: str):
    for tower, batch, theirs in (
        ("image", golden.pixels, golden.image),
        ("text", golden.ids, golden.text),
    ):
        ours = run(golden, tower, batch, precision="int8", runtime=runtime)
        # rows of 32 to 64 numbers: those of real models average their errors over ten times as many
        assert_equal_vectors(ours, theirs, largest=0.1, cosine=0.995)


def test_vectors_have_length_one(golden: Golden):
    for tower, batch in (("image", golden.pixels), ("text", golden.ids)):
        for precision in ("fp32", "bf16", "int8"):
            lengths = np.linalg.norm(run(golden, tower, batch, precision), axis=1)
            assert np.abs(lengths - 1).max() < 1e-5


@pytest.fixture(scope="session")
def text_tower(golden: Golden):
    assert golden.bundle.card.text is not None
    if golden.bundle.card.text.padding != "trim":
        pytest.skip("this tower is not causal: its card says that padding must stay")
    wanted = Wanted(device="cpu", precision="fp32", threads=1)
    decided = plan(wanted, golden.bundle, ("text",))
    return load_tower(decided, golden.bundle, "text", golden.ids[:1]), golden.bundle.card.text


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 20), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_cutting_the_padding_changes_no_vector(text_tower, lengths, seed):
    tower, spec = text_tower
    rng = np.random.default_rng(seed)
    rows = np.full((len(lengths), spec.context_length), spec.pad_id, np.int64)
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = rng.integers(1, spec.vocab_size - 2, length)
        row[0], row[length - 1] = spec.start_id, spec.end_id
    whole = tower(rows)
    cut = tower(rows[:, : max(lengths)])
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    for row, length, vector in zip(rows, lengths, whole, strict=True):
        alone = tower(row[None, :length])[0]
        np.testing.assert_allclose(alone, vector, atol=1e-5)
