"""The mode `fast`: what `natural` gives, nearly, in less than half the time."""

import logging
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoder import Encoder
from lookalike.encoder.images import ImageLimits, ImagePreprocessor, jpeg, quick
from lookalike.errors import ImageError, ImageTooLarge, ImageUnreadable
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures

SPEC = ImageSpec(height=64, width=64, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
NATURAL = ImagePreprocessor(SPEC)
FAST = ImagePreprocessor(SPEC, "fast")
SAMPLES = Path(__file__).parents[2] / "src" / "lookalike" / "sample" / "pictures"


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cykooz_resizer", None)
    quick.quick_resize.cache_clear()
    yield
    quick.quick_resize.cache_clear()


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    assert one.shape == other.shape
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize(
    "size", [(64, 64), (20, 30), (100, 90), (500, 401), (333, 1000), (2000, 90)], ids=str
)
def test_pixels_are_those_of_natural_to_within_a_few_levels(
    kind: str, size: tuple[int, int]
) -> None:
    data = pictures.encoded(pictures.rgb(*size), kind)
    off = difference(FAST(data), NATURAL(data))
    # a JPEG of 500x401 is decoded at a half, where edges come out a little softer or harder
    assert off.mean() < 1.5
    assert np.quantile(off, 0.99) <= 16


def test_grey_pictures_stay_grey() -> None:
    pixels = FAST(pictures.encoded(pictures.grey(900, 700), "JPEG"))
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize(
    ("size", "decoded"),
    [
        ((509, 700), (509, 700)),  # half of it would be less than what a person may be shown
        ((512, 700), (256, 350)),
        ((1019, 1025), (510, 513)),  # odd sides are rounded up
        ((1024, 4000), (256, 1000)),
        ((4096, 2048), (512, 256)),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_large_jpegs_are_decoded_at_a_fraction_and_never_too_small(
    mode: str, size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    picture = Image.effect_noise(size, 20).convert(mode)
    data = pictures.encoded(picture, "JPEG")
    assert FAST.decode(data).size == decoded
    # twice what the tower takes, where the tower takes much
    large = ImagePreprocessor(SPEC.model_copy(update={"height": 384, "width": 384}), "fast")
    short = min(large.decode(data).size)
    assert short == min(size) or short >= 768


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright(orientation: int) -> None:
    photo = pictures.encoded(pictures.rgb(1300, 800), "JPEG", exif=pictures.exif(orientation))
    assert difference(FAST(photo), NATURAL(photo)).mean() < 1.5
    fast, whole = FAST.decode(photo).size, NATURAL.decode(photo).size
    assert (fast[0] > fast[1]) == (whole[0] > whole[1])


def test_a_truncated_jpeg_is_refused_all_the_same() -> None:
    data = pictures.encoded(pictures.rgb(1200, 1100), "JPEG")
    for length in range(len(data) // 2, len(data) - 2, len(data) // 9):
        with pytest.raises(ImageUnreadable, match="truncated"):
            FAST(data[:length])


def test_damaged_large_jpegs_make_only_documented_errors() -> None:
    whole = pictures.encoded(pictures.rgb(640, 530), "JPEG")
    dice = np.random.default_rng(0)
    read = 0
    for _ in range(300):
        data = bytearray(whole)
        for at in dice.integers(2, len(data), dice.integers(1, 6)):
            data[at] = dice.integers(256)
        try:
            read += FAST(bytes(data)).shape == (64, 64, 3)
        except ImageError:
            continue
    assert 30 < read < 300


def test_the_limit_is_of_the_whole_picture_not_of_the_fraction() -> None:
    small = ImagePreprocessor(SPEC, "fast", ImageLimits(max_pixels=1_000_000))
    with pytest.raises(ImageTooLarge):
        small(pictures.encoded(pictures.rgb(1100, 1000), "JPEG"))


def test_vectors_are_of_one_kind_with_natural() -> None:
    """The same fingerprint, so a catalogue may mix them; and what is found does not change."""
    files = [path.read_bytes() for path in sorted(SAMPLES.glob("*.webp"))]
    photos = []
    for data in files:
        picture = NATURAL.decode(data)
        larger = picture.resize((4 * picture.width, 4 * picture.height), Image.Resampling.BICUBIC)
        photos.append(pictures.encoded(larger, "JPEG", quality=90))
    with Encoder.load("tiny", towers=["image"]) as natural:
        expected = natural.encode_images(photos)
    with Encoder.load("tiny", towers=["image"], image_mode="fast") as fast:
        assert fast.fingerprint == natural.fingerprint
        vectors = fast.encode_images(photos)
        assert fast.images is not None
        assert min(fast.images.decode(photos[0]).size) < 4 * 200, "was anything reduced?"
    assert np.min(np.sum(vectors * expected, axis=1)) > 0.98  # tiny's int8 steps are most of it
    nearest = np.argmax(vectors @ expected.T, axis=1)
    assert nearest.tolist() == list(range(len(files)))


def test_without_the_extra_pillow_resizes_and_a_warning_says_what_to_install(
    without_the_extra: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        preprocess = ImagePreprocessor(SPEC, "fast")
    assert "lookalike[fast]" in caplog.text
    data = pictures.encoded(pictures.rgb(300, 200), "PNG")
    np.testing.assert_array_equal(preprocess(data), NATURAL(data))


def test_a_resizer_that_does_not_agree_with_pillow_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resizer = pytest.importorskip("cykooz_resizer", reason="has no build for this platform")

    def wrong(self: object, source: Image.Image, target: Image.Image, options: object) -> None:
        target.paste(source.resize(target.size).transpose(Image.Transpose.ROTATE_180))

    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(resizer.Resizer, "resize_pil", wrong)
    quick.quick_resize.cache_clear()
    try:
        assert quick.quick_resize() is quick.by_pillow
        assert "does not agree" in caplog.text
    finally:
        quick.quick_resize.cache_clear()


def test_a_reduced_size_is_libjpegs_own() -> None:
    """Were it another, the file would go to Pillow, which decodes all of it: slow, but nobody would notice."""
    for width, height in ((513, 777), (1000, 515), (2049, 2051), (4097, 600)):
        data = pictures.encoded(pictures.rgb(width, height), "JPEG")
        for least, divisor in ((256, 2), (128, 4), (64, 8)):
            if math.ceil(min(width, height) / divisor) < least:
                continue
            header = jpeg._header(data)
            picture = jpeg._by_simplejpeg(data, header, divisor)
            assert picture is not None
            assert picture.size == (math.ceil(width / divisor), math.ceil(height / divisor))
