"""The encoder as its callers see it, on a small model of random weights."""

import io
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import Encoder, TextCutWarning, similarity
from lookalike.encoder.runtimes import Wanted
from lookalike.encoder.runtimes.mapping import release_mapped
from lookalike.encoder.runtimes.openvino import has_native_bf16
from lookalike.errors import (
    DeviceUnavailable,
    ImageUnreadable,
    PrecisionUnavailable,
    TowerNotLoaded,
)
from lookalike.models.bundle import Bundle
from lookalike.models.convert import convert
from lookalike.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "models"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    target = tmp_path_factory.mktemp("bundle") / "small"
    return convert(GOLDEN / "openclip-vit-quickgelu", target, name="small")


@pytest.fixture(scope="module")
def encoder(bundle):
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="fp32")) as encoder:
        yield encoder


def picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


TEXTS = ["", "a red dress", "blue", "a photo of a small wooden chair", "x " * 9] * 9


def test_vectors_are_unit_float32_in_order(encoder):
    pictures = [picture(i) for i in range(2 * encoder.batch_size + 3)]
    vectors = encoder.encode_images(pictures)
    assert vectors.shape == (len(pictures), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for i in (0, encoder.batch_size, len(pictures) - 1):
        np.testing.assert_allclose(vectors[i], encoder.encode_images([pictures[i]])[0], atol=1e-5)


def test_a_text_vector_does_not_depend_on_its_batch(encoder):
    vectors = encoder.encode_texts(TEXTS)
    for i, text in enumerate(TEXTS[:5]):
        np.testing.assert_allclose(vectors[i], encoder.encode_texts([text])[0], atol=1e-5)


def test_nothing_in_gives_nothing_out(encoder):
    assert encoder.encode_images([]).shape == (0, encoder.dimension)
    assert encoder.encode_texts([]).shape == (0, encoder.dimension)


def test_a_text_longer_than_the_context_is_cut_and_flagged(encoder):
    long = "dress " * 100
    with pytest.warns(TextCutWarning, match="1 of 2"):
        vectors = encoder.encode_texts(["dress", long])
    assert encoder.tokenize(["dress", long]).truncated.tolist() == [False, True]
    assert np.isfinite(vectors).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode_texts(["dress"])


def test_a_bad_picture_raises_and_prepare_tells_it_from_the_good(encoder):
    pictures = [picture(1), b"not a picture", picture(2)]
    with pytest.raises(ImageUnreadable):
        encoder.encode_images(pictures)
    good, bad, other = encoder.prepare_images(pictures)
    assert isinstance(bad, ImageUnreadable)
    vectors = encoder.encode_pixels(np.stack([good, other]))
    np.testing.assert_allclose(
        vectors, encoder.encode_images([pictures[0], pictures[2]]), atol=1e-6
    )


def test_many_threads_get_their_own_answers(encoder):
    pictures = [picture(i) for i in range(6)]
    alone = [encoder.encode_images([p])[0] for p in pictures]
    words = [encoder.encode_texts([t])[0] for t in TEXTS[:5]]
    start = threading.Barrier(8)

    def work(thread: int):
        start.wait()
        for i in range(12):
            k = (thread + i) % 6
            np.testing.assert_allclose(encoder.encode_images([pictures[k]])[0], alone[k], atol=1e-5)
            k %= 5
            np.testing.assert_allclose(encoder.encode_texts([TEXTS[k]])[0], words[k], atol=1e-5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_similarity_is_the_cosine_of_all_pairs(encoder):
    a, b = (
        encoder.encode_texts(["red", "blue"]),
        encoder.encode_images([picture(i) for i in range(3)]),
    )
    cosines = similarity(a, b)
    assert cosines.shape == (2, 3)
    assert cosines[1, 2] == pytest.approx(float(a[1] @ b[2]), abs=1e-6)
    assert similarity(a, a).max() <= 1


def test_a_large_batch_goes_through_a_tower_in_parts_and_comes_out_whole(
    bundle, encoder, monkeypatch
):
    """A runtime keeps what its largest batch needed."""
    sizes: list[int] = []
    image = encoder.card.image
    pixels = np.random.default_rng(0).integers(
        0, 256, (7, image.height, image.width, 3), dtype=np.uint8
    )
    ids = encoder.tokenize([f"{'word ' * n}" for n in range(7)]).ids
    whole = encoder.encode_pixels(pixels), encoder.encode_tokens(ids)
    monkeypatch.setattr("lookalike.encoder.encoder.CPU_PIXELS", 3 * image.height * image.width)
    monkeypatch.setattr("lookalike.encoder.encoder.CPU_TOKENS", 1)

    def counted(run):
        return lambda batch: (sizes.append(len(batch)), run(batch))[1]

    for tower, run in list(encoder._towers.items()):
        monkeypatch.setitem(encoder._towers, tower, counted(run))
    parts = encoder.encode_pixels(pixels), encoder.encode_tokens(ids)
    assert sizes == [3, 3, 1] + [1] * 7
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(("kept", "left"), [("image", "text"), ("text", "image")])
def test_a_tower_can_be_left_out(bundle, kept, left):
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="fp32"), towers=[kept]) as encoder:
        assert encoder.info.towers == (kept,)
        encode = {"image": lambda: encoder.encode_images([picture(1)]),
                  "text": lambda: encoder.encode_texts(["red"])}  # fmt: skip
        assert encode[kept]().shape == (1, encoder.dimension)
        with pytest.raises(TowerNotLoaded, match=left):
            encode[left]()


def test_auto_precision_is_bf16_where_the_processor_has_it(bundle):
    with Encoder(bundle, wanted=Wanted(device="cpu"), towers=["text"]) as encoder:
        assert encoder.info.precision == ("bf16" if has_native_bf16() else "fp32")
        assert encoder.info.runtime == "openvino"
        assert encoder.info.threads >= 1


def test_precisions_agree(bundle, encoder):
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="bf16")) as rounded:
        ours, exact = (e.encode_images([picture(1), picture(2)]) for e in (rounded, encoder))
        assert (ours * exact).sum(1).min() > 0.999
        assert rounded.fingerprint == encoder.fingerprint


def test_int8_vectors_are_close_but_never_mix_with_others(bundle, encoder):
    with Encoder(bundle, wanted=Wanted(device="cpu", precision="int8")) as quantized:
        ours, exact = (e.encode_texts(["a red dress", "blue"]) for e in (quantized, encoder))
        assert (ours * exact).sum(1).min() > 0.99
        assert quantized.fingerprint != encoder.fingerprint


def test_a_precision_without_a_graph_says_so(bundle, tmp_path):
    plain = convert(
        GOLDEN / "openclip-vit-quickgelu", tmp_path / "plain", name="x", precisions=("fp32",)
    )
    with pytest.raises(PrecisionUnavailable, match="no int8 graph"):
        Encoder(plain, wanted=Wanted(device="cpu", precision="int8"))
    with pytest.raises(PrecisionUnavailable, match="CUDA"):
        Encoder(bundle, wanted=Wanted(device="cpu", precision="fp16"))


def test_cuda_gives_the_same_vectors(bundle, encoder):
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(DeviceUnavailable, match=r"lookalike\[cuda\]"):
            Encoder(bundle, wanted=Wanted(device="cuda"))
        pytest.skip("no build of ONNX Runtime with CUDA here")
    with Encoder(bundle, wanted=Wanted(device="cuda", precision="fp32")) as gpu:
        np.testing.assert_allclose(gpu.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-5)


def test_the_settings_decide_what_is_not_said(bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path))
    monkeypatch.setenv("MODEL_NAME", str(bundle.path))
    monkeypatch.setenv("LOOKALIKE_PRECISION", "fp32")
    monkeypatch.setenv("LOOKALIKE_IMAGE_MODE", "reference")
    with Encoder.load(device="cpu") as encoder:
        assert (encoder.info.precision, encoder.info.image_mode) == ("fp32", "reference")
    assert Settings().home == tmp_path


def test_a_compiled_model_is_kept_when_asked_for_and_gives_the_same_vectors(bundle, tmp_path):
    settings = Settings(home=tmp_path, compile_cache=True)
    texts = ["a red dress", "blue"]
    vectors = []
    for _ in range(2):
        with Encoder.load(str(bundle.path), device="cpu", settings=settings) as encoder:
            vectors.append(encoder.encode_texts(texts))
        assert len(list((tmp_path / "compiled").glob("*.blob"))) == 2
    np.testing.assert_array_equal(*vectors)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
def test_a_mapped_file_is_released_and_still_readable(tmp_path):
    path = tmp_path / "mapped"
    path.write_bytes(bytes(range(256)) * 4096)
    mapped = np.memmap(path, mode="r")
    assert int(mapped[::4096].sum()) == 0
    assert release_mapped(path) >= mapped.nbytes
    assert mapped[4097] == 1
    assert release_mapped(tmp_path / "other") == 0
