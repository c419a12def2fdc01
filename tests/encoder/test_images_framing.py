"""Resizing and cropping: sizes, offsets and padding as in the model card; long pictures at no extra cost."""

import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.encoder.images import ImageMode, ImagePreprocessor
from lookalike.encoder.images.framing import _centre, _resized
from lookalike.encoder.images.resampling import WINDOWED_MODES, resize_window
from lookalike.errors import ImageUnreadable
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures

MODES: tuple[ImageMode, ...] = ("natural", "reference")


def spec(height: int, width: int, **fields: object) -> ImageSpec:
    return ImageSpec.model_validate(
        {"height": height, "width": width, "mean": (0.5,) * 3, "std": (0.5,) * 3, **fields}
    )


@settings(max_examples=150, deadline=None)
@given(
    short=st.integers(1, 60),
    aspect=st.floats(1, 30),
    target=st.integers(5, 60),
    tall=st.booleans(),
    mode=st.sampled_from(sorted(WINDOWED_MODES)),
    resample=st.sampled_from([Image.Resampling.BICUBIC, Image.Resampling.BILINEAR]),
)
def test_resizing_a_window_gives_pillows_pixels_to_the_bit(
    short: int, aspect: float, target: int, tall: bool, mode: str, resample: Image.Resampling
) -> None:
    sides = short, max(short, int(short * aspect))
    picture = pictures.rgba(*(sides if tall else sides[::-1]))
    picture = picture.convert("RGB").convert(mode) if mode == "CMYK" else picture.convert(mode)
    size = _resized(picture.size, spec(target, target))
    window = _centre(size, (target, target))
    expected = picture.resize(size, resample).crop(window)
    assert resize_window(picture, size, window, resample).tobytes() == expected.tobytes()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "size", [(1, 60_000_000), (60_000_000, 1), (3, 2_000_000), (9_000, 60)], ids=str
)
def test_the_longest_pictures_are_resized_at_once(mode: ImageMode, size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (10, 200, 30))
    started = time.perf_counter()
    pixels = ImagePreprocessor(spec(224, 224), mode).pixels(picture)
    assert (
        time.perf_counter() - started < 5
    )  # of the first, 3 trillion pixels would have to be made
    assert pixels.shape == (224, 224, 3)
    assert (pixels == (10, 200, 30)).all()


def test_where_only_the_whole_can_be_resized_too_long_a_picture_is_refused() -> None:
    data = pictures.encoded(Image.new("P", (2, 5000)), "GIF")
    assert ImagePreprocessor(spec(224, 224))(data).shape == (224, 224, 3)
    with pytest.raises(ImageUnreadable, match="too long and thin"):
        ImagePreprocessor(spec(224, 224), "reference")(data)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("resize", ["shortest", "longest", "squash"])
def test_every_spec_gives_its_size_from_every_shape(
    resize: str, interpolation: str, mode: ImageMode
) -> None:
    for height, width in ((32, 32), (24, 40), (40, 24)):
        preprocess = ImagePreprocessor(
            spec(height, width, resize=resize, interpolation=interpolation), mode
        )
        for size in ((1, 1), (1, 90), (90, 1), (33, 32), (24, 40), (40, 24), (7, 300)):
            assert preprocess.pixels(pictures.rgb(*size)).shape == (height, width, 3)


@pytest.mark.parametrize("mode", MODES)
def test_longest_fills_what_is_left_half_on_each_side(mode: ImageMode) -> None:
    preprocess = ImagePreprocessor(spec(20, 20, resize="longest", fill=77), mode)
    pixels = preprocess.pixels(Image.new("RGB", (40, 26), (200, 0, 0)))
    assert (pixels[3:16] == (200, 0, 0)).all()
    assert (pixels[:3] == 77).all()
    assert (pixels[16:] == 77).all()


@pytest.mark.parametrize("mode", MODES)
def test_squash_keeps_the_whole_picture(mode: ImageMode) -> None:
    picture = Image.new("RGB", (100, 10))
    picture.paste((255, 255, 255), (0, 0, 50, 10))
    pixels = ImagePreprocessor(spec(16, 16, resize="squash"), mode).pixels(picture)
    assert pixels[:, :6].min() > 240
    assert pixels[:, 10:].max() < 15


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_interpolation_is_the_cards(interpolation: str, mode: ImageMode) -> None:
    picture = pictures.rgb(90, 90)
    pixels = ImagePreprocessor(spec(32, 32, interpolation=interpolation), mode).pixels(picture)
    expected = picture.resize((32, 32), Image.Resampling[interpolation.upper()])
    np.testing.assert_array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize("mode", MODES)
def test_max_aspect_crops_the_longer_side_around_the_centre_first(mode: ImageMode) -> None:
    picture = pictures.rgb(101, 20)
    for resize in ("shortest", "longest", "squash"):
        limited = ImagePreprocessor(spec(16, 16, resize=resize, max_aspect=2.5), mode)
        free = ImagePreprocessor(spec(16, 16, resize=resize), mode)
        expected = free.pixels(picture.crop((26, 0, 76, 20)))
        np.testing.assert_array_equal(limited.pixels(picture), expected)
        np.testing.assert_array_equal(
            limited.pixels(picture.crop((0, 0, 50, 20))),
            expected * 0 + free.pixels(picture.crop((0, 0, 50, 20))),
        )


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_the_right_size_is_left_alone(mode: ImageMode) -> None:
    picture = pictures.rgb(32, 32)
    pixels = ImagePreprocessor(spec(32, 32), mode).pixels(picture)
    np.testing.assert_array_equal(pixels, np.asarray(picture))


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_handed_in_is_not_changed(mode: ImageMode) -> None:
    with Image.open(
        io.BytesIO(pictures.encoded(pictures.palette(32, 32), "GIF", transparency=1))
    ) as picture:
        picture.load()
        before = picture.mode, picture.tobytes(), dict(picture.info)
        ImagePreprocessor(spec(32, 32), mode).pixels(picture)
        assert (picture.mode, picture.tobytes(), dict(picture.info)) == before
