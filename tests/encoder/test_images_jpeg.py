"""JPEG goes through simplejpeg, and nobody can tell."""

import io
import itertools
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from lookalike.encoder.images import ImagePreprocessor, jpeg
from lookalike.errors import ImageUnreadable
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures

SPEC = ImageSpec(height=32, width=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
NATURAL = ImagePreprocessor(SPEC)
REFERENCE = ImagePreprocessor(SPEC, "reference")

SIZES = ((1, 1), (1, 40), (7, 5), (8, 8), (17, 31), (65, 47), (227, 100))


def by_pillow(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


def check_same_pixels(data: bytes) -> None:
    header = jpeg._header(data)
    ours, theirs = jpeg._by_simplejpeg(data, header), by_pillow(data)
    assert ours is not None, "simplejpeg should take this kind"
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("sampling", ["444", "422", "420", "440", "411"])
def test_simplejpeg_gives_pillows_pixels_at_every_chroma_sampling(
    sampling: str, size: tuple[int, int]
) -> None:
    values = np.asarray(pictures.rgb(*size))
    for quality in (15, 75, 97):
        check_same_pixels(simplejpeg.encode_jpeg(values, quality, "RGB", sampling))


@pytest.mark.parametrize("size", SIZES[2:], ids=str)
def test_simplejpeg_gives_pillows_pixels_in_every_colour_and_coding(size: tuple[int, int]) -> None:
    kinds: list[dict[str, Any]] = [
        {"mode": mode, "progressive": progressive, "restart_marker_blocks": restart, **colour}
        for mode, progressive, restart in itertools.product(("L", "RGB", "CMYK"), (0, 1), (0, 5))
        for colour in ({}, {"keep_rgb": True, "subsampling": 0})
    ]
    for kind in kinds:
        picture = pictures.rgb(*size).convert(kind.pop("mode"))
        check_same_pixels(pictures.encoded(picture, "JPEG", **kind))


def test_decoded_pixels_stay_when_the_buffer_under_them_is_forgotten() -> None:
    data = pictures.encoded(pictures.rgb(300, 200), "JPEG")
    picture = NATURAL.decode(data)
    expected = by_pillow(data).tobytes()
    for _ in range(20):
        np.full((200, 300, 4), 7, np.uint8)
    assert picture.tobytes() == expected


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_that_ends_early_is_refused_wherever_it_ends(
    mode: str, options: dict[str, Any]
) -> None:
    data = pictures.encoded(pictures.rgb(64, 48).convert(mode), "JPEG", **options)
    for length in range(3, len(data), 7):
        for preprocess in (NATURAL, REFERENCE):
            with pytest.raises(ImageUnreadable, match=r"truncated|no picture"):
                preprocess(data[:length])


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_jpeg_with_missing_pixels_is_refused_even_if_it_ends_properly(
    options: dict[str, Any],
) -> None:
    data = pictures.encoded(pictures.rgb(64, 48), "JPEG", **options)
    pixels = data.index(b"\xff\xda") + 20
    assert by_pillow(data[:pixels] + b"\xff\xd9").size == (64, 48)  # Pillow would fill with grey
    for length in range(pixels, len(data) - 3, 5):
        if b"\xff" in data[length - 1 : length + 1]:
            continue  # cut between two scans, it is a complete picture, only coarser
        with pytest.raises(ImageUnreadable, match=r"truncated|damaged"):
            NATURAL(data[:length] + b"\xff\xd9")


def test_a_jpeg_whose_header_claims_more_rows_than_it_has_is_refused() -> None:
    data = bytearray(pictures.encoded(pictures.rgb(64, 48), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 7] = (96).to_bytes(2, "big")
    with pytest.raises(ImageUnreadable, match="truncated"):
        NATURAL(bytes(data))


def test_slight_damage_that_pillow_forgives_is_forgiven_with_pillows_pixels() -> None:
    data = pictures.encoded(pictures.rgb(64, 48), "JPEG", exif=pictures.exif(6))
    scan = data.index(b"\xff\xda")
    damaged = data[:scan] + b"\x00\x00\x00" + data[scan:]
    with pytest.raises(ValueError, match="extraneous bytes"):
        simplejpeg.decode_jpeg(damaged, strict=True)
    assert REFERENCE.decode(damaged).tobytes() == by_pillow(data).tobytes()
    assert NATURAL.decode(damaged).size == (48, 64)


def test_bytes_after_the_end_are_ignored() -> None:
    data = pictures.encoded(pictures.rgb(64, 48), "JPEG")
    video = np.random.default_rng(0).bytes(2000) + b"\xff\xda" * 2000
    np.testing.assert_array_equal(NATURAL(data + video), NATURAL(data))


def test_of_an_mpo_the_first_picture_is_taken() -> None:
    first, second = pictures.rgb(64, 48, seed=1), pictures.rgb(64, 48, seed=2)
    data = pictures.encoded(first, "MPO", save_all=True, append_images=[second])
    assert by_pillow(data).format == "MPO"
    assert NATURAL.decode(data).tobytes() == by_pillow(pictures.encoded(first, "JPEG")).tobytes()


def test_a_progressive_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    data = pictures.encoded(pictures.rgb(64, 48), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    few, many = (data[:-2] + scan * count + b"\xff\xd9" for count in (20, 1000))
    assert not jpeg._too_many_scans(few)
    with pytest.raises(ImageUnreadable, match="scans"):
        NATURAL(many)


def test_endless_scans_are_refused_in_a_sequential_jpeg_too() -> None:
    """Each component in a scan of its own, one of them again and again."""
    data = pictures.encoded(pictures.rgb(16, 16), "JPEG", subsampling=0)
    start = data.index(b"\xff\xda")
    scans = b"".join(
        b"\xff\xda\x00\x08\x01" + bytes([component, 0]) + b"\x00\x3f\x00" + data[start + 14 : -2]
        for component in [1, 2, 3] + [3] * 1000
    )
    with pytest.raises(ImageUnreadable, match="scans"):
        NATURAL(data[:start] + scans + b"\xff\xd9")


def test_a_second_frame_header_with_another_size_is_refused() -> None:
    data = pictures.encoded(pictures.rgb(64, 48), "JPEG")
    at = data.index(b"\xff\xc0")
    length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    large = bytearray(data[at : at + length])
    large[5:9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageUnreadable, match="damaged"):
        NATURAL(data[:at] + data[at : at + length] + bytes(large) + data[at + length :])
