"""Natural mode: a picture is shown to the model as a person sees it."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoder.images import ImagePreprocessor
from lookalike.encoder.images.exif import orientation
from lookalike.errors import ImageFormatUnsupported
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures
from tests.encoder.pictures import encoded

SPEC = ImageSpec(height=32, width=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
NATURAL = ImagePreprocessor(SPEC)
REFERENCE = ImagePreprocessor(SPEC, "reference")

TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
"""EXIF orientation to what it asks for: TIFF 6.0 and EXIF say where the stored first row and column belong."""


def seen(data: bytes) -> NDArray[np.uint8]:
    picture = NATURAL.decode(data)
    assert picture.mode == "RGB"
    return np.asarray(picture)


def over_white(picture: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(picture.convert("RGBA")).astype(np.float64)
    share = values[..., 3:] / 255
    return np.rint(values[..., :3] * share + 255 * (1 - share)).astype(np.uint8)


@pytest.mark.parametrize("turn", TURNED)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True, "exact": True}),
        ("TIFF", {"compression": "raw"}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG", {}),
        ("AVIF", {"quality": 90}),
        ("HEIF", {"quality": 90}),
    ],
    ids=lambda value: str(value),
)
def test_every_orientation_in_every_format_is_undone(
    kind: str, options: dict[str, Any], turn: int
) -> None:
    stored = pictures.rgb(40, 30)
    if kind == "TIFF":
        data = encoded(stored, kind, **options, tiffinfo={274: turn})
    elif kind == "HEIF":
        pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra [heif]")
        file = io.BytesIO()
        pillow_heif.from_pillow(stored).save(file, **options, exif=pictures.exif(turn))
        data = file.getvalue()
    else:
        data = encoded(stored, kind, **options, exif=pictures.exif(turn))
    expected = TURNED[turn](np.asarray(stored))
    values = seen(data)
    assert values.shape == expected.shape
    tolerance = 0 if kind in ("PNG", "WEBP", "TIFF") else 12
    assert np.abs(values.astype(int) - expected).mean() <= tolerance
    np.testing.assert_array_equal(NATURAL(data), NATURAL.pixels(Image.fromarray(values)))


def test_reference_mode_ignores_exif() -> None:
    data = encoded(pictures.rgb(40, 30), "JPEG", exif=pictures.exif(6))
    assert REFERENCE.decode(data).size == (40, 30)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_the_orientation_is_read_in_both_byte_orders_and_as_the_types_that_occur(
    order: str,
) -> None:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 2)
    other = struct.pack(order + "HHII", 271, 2, 4, 0)
    for kind, value in ((3, struct.pack(order + "HH", 6, 0)), (4, struct.pack(order + "I", 6))):
        entry = struct.pack(order + "HHI", 274, kind, 1) + value
        assert orientation(head + other + entry + bytes(4)) == 6
        assert orientation(b"Exif\0\0" + head + other + entry) == 6


def test_broken_exif_changes_nothing_and_fails_nothing() -> None:
    whole = pictures.exif(6)
    rng = np.random.default_rng(0)
    picture = pictures.rgb(40, 30)
    upright = seen(encoded(picture, "PNG"))
    for exif in (
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0XX*\0\x08\0\0\0",
        whole[:20],
        b"Exif\0\0II*\0" + b"\xff" * 60,
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + rng.bytes(400),
        b"Exif\0\0II*\0\x08\0\0\0\x01\0"
        + struct.pack("<HHIHH", 274, 3, 1, 9, 0),  # no such orientation
        b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 274, 3, 2**31, 6),
    ):
        assert orientation(exif) == 1
        data = encoded(picture, "PNG")
        data = data[:33] + pictures.png_chunk(b"eXIf", exif[6:]) + data[33:]
        np.testing.assert_array_equal(seen(data), upright)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_over_white(mode: str) -> None:
    picture = pictures.rgba(40, 30)
    if mode == "PA":
        palette = pictures.palette(40, 30)
        picture = Image.merge("PA", (palette, pictures.alpha(40, 30)))
        picture.putpalette(palette.getpalette())
        data = encoded(picture, "TIFF")
    else:
        picture = picture.convert(mode)
        data = encoded(picture, "PNG")
    np.testing.assert_array_equal(seen(data), over_white(picture))
    clear = np.asarray(picture.getchannel("A")) == 0
    assert clear.any()
    assert (seen(data)[clear] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_a_transparent_palette_entry_is_white(kind: str) -> None:
    picture = pictures.palette(40, 30)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {"transparency": 3}
    if kind == "WEBP":
        picture.info["transparency"] = 3
        picture = picture.convert("RGBA")
    expected = np.asarray(pictures.palette(40, 30).convert("RGB")).copy()
    expected[np.asarray(pictures.palette(40, 30)) == 3] = 255
    np.testing.assert_array_equal(seen(encoded(picture, kind, **options)), expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_in_grey_png_the_transparent_shade_is_white_and_no_other(bits: int) -> None:
    shades = np.arange(2**bits if bits < 16 else 4096, dtype=np.uint32).reshape(-1, 2)
    height = len(shades)
    if bits == 16:
        rows = shades.astype(">u2").view(np.uint8).reshape(height, -1)
    else:
        width = 2 if bits == 8 else 8 // bits
        shades = np.arange(height * width, dtype=np.uint32).reshape(height, width) % 2**bits
        rows = np.packbits(
            ((shades[..., None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8).reshape(height, -1),
            axis=1,
        )
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    key = 1 if bits < 16 else 0x0101
    data = pictures.png(shades.shape[1], height, bits, 0, raw, (b"tRNS", struct.pack(">H", key)))
    expected = (shades >> 8 if bits == 16 else shades * 255 // (2**bits - 1)).astype(np.uint8)
    expected[shades == key] = 255
    np.testing.assert_array_equal(seen(data), np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("bits", [8, 16])
def test_in_colour_png_the_transparent_colour_is_white(bits: int) -> None:
    values = np.array([[[10, 20, 30], [10, 20, 31]], [[200, 100, 0], [10, 20, 30]]], np.uint8)
    low = np.full_like(values, 77)
    stored = values if bits == 8 else np.stack([values, low], axis=-1).reshape(2, 2, 6)
    raw = b"".join(b"\0" + row.tobytes() for row in stored)
    key = struct.pack(">HHH", *(shade if bits == 8 else shade * 256 + 77 for shade in (10, 20, 30)))
    data = pictures.png(2, 2, bits, 2, raw, (b"tRNS", key))
    expected = values.copy()
    expected[0, 0] = expected[1, 1] = 255
    np.testing.assert_array_equal(seen(data), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "big-endian TIFF"])
def test_sixteen_bit_grey_keeps_its_range(kind: str) -> None:
    samples = pictures.grey16(40, 30)
    if kind == "big-endian TIFF":
        picture = Image.frombytes("I;16B", (40, 30), samples.astype(">u2").tobytes())
        data = encoded(picture, "TIFF")
        assert data.startswith(b"MM")
    else:
        data = encoded(Image.fromarray(samples), kind)
    np.testing.assert_array_equal(seen(data)[..., 0], samples // 256)


def test_sixteen_bit_grey_looks_like_the_same_picture_in_sixteen_bit_colour() -> None:
    samples = pictures.grey16(40, 30)
    wide = np.repeat(samples[..., None], 3, axis=2).astype(">u2")
    colour = pictures.png(40, 30, 16, 2, b"".join(b"\0" + row.tobytes() for row in wide))
    np.testing.assert_array_equal(
        NATURAL(encoded(Image.fromarray(samples), "PNG")), NATURAL(colour)
    )


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_samples_without_a_natural_white_are_refused(kind: type) -> None:
    data = encoded(Image.fromarray(pictures.grey16(40, 30).astype(kind)), "TIFF")
    with pytest.raises(ImageFormatUnsupported, match="32-bit"):
        NATURAL(data)


def test_cmyk_is_not_a_negative() -> None:
    picture = pictures.rgb(40, 30)
    for kind, options in (("JPEG", {"quality": 98}), ("TIFF", {})):
        values = seen(encoded(picture.convert("CMYK"), kind, **options))
        assert np.abs(values.astype(int) - np.asarray(picture)).mean() < 3


def test_other_colour_models_become_rgb() -> None:
    picture = pictures.rgb(40, 30)
    for mode, off in (("LAB", 3), ("YCbCr", 2)):
        values = seen(encoded(picture.convert(mode), "TIFF"))
        assert np.abs(values.astype(int) - np.asarray(picture)).mean() < off


def test_black_and_white_has_two_shades() -> None:
    picture = pictures.grey(40, 30).convert("1")
    for kind in ("PNG", "TIFF", "BMP"):
        values = seen(encoded(picture, kind))
        np.testing.assert_array_equal(values[..., 0], np.asarray(picture) * np.uint8(255))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_several_pictures_the_first_is_taken(kind: str) -> None:
    frames = [pictures.palette(40, 30, seed=seed).convert("RGB") for seed in range(3)]
    options = {"GIF": {}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(kind, {})
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(data)) as picture:
        assert getattr(picture, "n_frames", 1) == 3
    off = np.abs(seen(data).astype(int) - np.asarray(frames[0])).mean()
    assert off <= (12 if kind == "AVIF" else 0)
    assert NATURAL(data).shape == (32, 32, 3)


def test_what_the_first_frame_of_a_gif_leaves_unpainted_is_white() -> None:
    part = pictures.palette(20, 10)
    data = bytearray(encoded(part, "GIF"))
    data[6:10] = struct.pack("<HH", 40, 30)  # a larger canvas
    frame = data.index(b",\0\0\0\0", 13 + 3 * 32)  # after the colours
    data[frame + 1 : frame + 5] = struct.pack("<HH", 5, 15)  # the frame somewhere on it
    expected = np.full((30, 40, 3), 255, np.uint8)
    expected[15:25, 5:25] = np.asarray(part.convert("RGB"))
    np.testing.assert_array_equal(seen(bytes(data)), expected)
    assert REFERENCE.decode(bytes(data)).size == (40, 30)


def test_grey_pictures_take_the_short_way_to_the_same_pixels() -> None:
    for data in (
        encoded(pictures.grey(90, 70), "JPEG", exif=pictures.exif(5)),
        encoded(pictures.grey(900, 30), "PNG"),
    ):
        assert NATURAL.decode(data).mode == "RGB"
        np.testing.assert_array_equal(NATURAL(data), NATURAL.pixels(NATURAL.decode(data)))


def test_what_was_decoded_is_not_turned_again() -> None:
    picture = NATURAL.decode(encoded(pictures.rgb(40, 30), "PNG", exif=pictures.exif(6)))
    assert not picture.info
    assert (
        "transparency"
        in REFERENCE.decode(encoded(pictures.palette(9, 9), "GIF", transparency=1)).info
    )
