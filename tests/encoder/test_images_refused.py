"""What is refused, with which error, and before anything is decoded."""

import io
import struct
import sys
from typing import Any

import numpy as np
import pytest
from PIL import AvifImagePlugin, Image

from lookalike.encoder.images import ImageLimits, ImageMode, ImagePreprocessor, bmp
from lookalike.errors import (
    ImageError,
    ImageFormatUnsupported,
    ImageTooLarge,
    ImageTooManyBytes,
    ImageTooSmall,
    ImageUnreadable,
)
from lookalike.models.cards import ImageSpec
from tests.encoder import pictures
from tests.encoder.pictures import encoded

SPEC = ImageSpec(height=32, width=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
MODES: tuple[ImageMode, ...] = ("natural", "reference")
READ = ImagePreprocessor(SPEC)


def heic(picture: Image.Image) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra [heif]")
    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file)
    return file.getvalue()


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "LZW TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate TIFF": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "BigTIFF": ("TIFF", {"big_tiff": True}),
    "AVIF": ("AVIF", {}),
    "HEIC": ("HEIC", {}),
}


def a_file(kind: str, width: int = 64, height: int = 48) -> bytes:
    picture, (name, options) = pictures.rgb(width, height), KINDS[kind]
    return heic(picture) if name == "HEIC" else encoded(picture, name, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_read_and_its_limits_hold(kind: str) -> None:
    data = a_file(kind)
    assert READ.decode(data).size == (64, 48)
    with pytest.raises(ImageTooLarge) as large:
        ImagePreprocessor(SPEC, limits=ImageLimits(max_pixels=64 * 48 - 1))(data)
    assert (large.value.pixels, large.value.limit) == (64 * 48, 64 * 48 - 1)
    with pytest.raises(ImageTooManyBytes) as long:
        ImagePreprocessor(SPEC, limits=ImageLimits(max_bytes=len(data) - 1))(data)
    assert (long.value.size, long.value.limit) == (len(data), len(data) - 1)
    with pytest.raises(ImageTooSmall) as small:
        ImagePreprocessor(SPEC, limits=ImageLimits(min_side=49))(data)
    assert (small.value.width, small.value.height, small.value.limit) == (64, 48, 49)
    exact = ImageLimits(max_pixels=64 * 48, max_bytes=len(data), min_side=48)
    assert ImagePreprocessor(SPEC, limits=exact)(data).shape == (32, 32, 3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_before_its_pixels_do_is_refused(kind: str, mode: ImageMode) -> None:
    data = a_file(kind)
    preprocess = ImagePreprocessor(SPEC, mode)
    # PNG has 20 bytes after its pixels, GIF 2; without those, the picture is still whole
    spare = {"PNG": 24, "GIF": 3}.get(kind, 1)
    lengths = [*range(1, min(len(data), 64)), *range(64, len(data) - spare, 61), len(data) - spare]
    for length in lengths:
        with pytest.raises(ImageUnreadable):
            preprocess(data[:length])
    with pytest.raises(ImageUnreadable, match="truncated"):
        preprocess(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\0", "not a picture"),
        (b"hello, world", "not a picture"),
        (b"<!DOCTYPE html><html>404</html>", "not a picture"),
        (b"\0" * 1000, "not a picture"),
        (b"BMW is not a BMP, whatever it begins with", "not a picture"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"GIF89a", "truncated"),
        (b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b";", "no picture"),
        (b"RIFF\x04\0\0\0WEBP", "truncated"),
        (b"II*\0", "truncated"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "damaged"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_is_no_picture_is_told_so_in_plain_words(data: bytes, reason: str) -> None:
    with pytest.raises(ImageUnreadable, match=reason) as refused:
        READ(data)
    assert not isinstance(refused.value, ImageFormatUnsupported)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "a video"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (encoded(pictures.rgb(9, 9), "JPEG2000"), "JPEG 2000"),
        (encoded(pictures.rgb(16, 16), "ICO"), "ICO"),
        (encoded(pictures.rgb(9, 9), "PPM"), "PNM"),
        (encoded(pictures.rgb(9, 9), "DDS"), "DDS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_formats_are_named(data: bytes, name: str) -> None:
    with pytest.raises(ImageFormatUnsupported) as refused:
        READ(data)
    assert (refused.value.format, refused.value.extra) == (name, None)


@pytest.mark.parametrize("kind", ["TGA", "PCX", "SGI", "IM", "XBM", "MSP"])
def test_formats_that_pillow_would_read_are_out_of_reach(kind: str) -> None:
    mode = "1" if kind in ("XBM", "MSP") else "RGB"
    data = encoded(pictures.rgb(9, 9).convert(mode), kind)
    with pytest.raises(ImageUnreadable, match="known format"):
        READ(data)


def test_without_its_library_heic_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_file("HEIC")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageFormatUnsupported, match=r"pip install 'lookalike\[heif\]'") as refused:
        READ(data)
    assert (refused.value.format, refused.value.extra) == ("HEIC", "heif")


def test_with_a_pillow_that_lacks_it_avif_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_file("AVIF")
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    with pytest.raises(ImageFormatUnsupported) as refused:
        READ(data)
    assert (refused.value.format, refused.value.extra) == ("AVIF", None)


@pytest.mark.parametrize("compression", [6, 34925, 50000, 50001, 12345])
def test_tiff_compressions_beyond_the_usual_are_refused(compression: int) -> None:
    data = patched_tiff(encoded(pictures.rgb(9, 9), "TIFF"), {259: compression})
    with pytest.raises(ImageFormatUnsupported, match="compression"):
        READ(data)


def patched_tiff(data: bytes, values: dict[int, int]) -> bytes:
    """The little-endian TIFF with other values for some tags of its first directory."""
    file = bytearray(data)
    (at,) = struct.unpack_from("<I", file, 4)
    (entries,) = struct.unpack_from("<H", file, at)
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        (tag,) = struct.unpack_from("<H", file, entry)
        if tag in values:
            struct.pack_into("<HII", file, entry + 2, 4, 1, values.pop(tag))
    assert not values
    return bytes(file)


def bare_tiff(tags: dict[int, int]) -> bytes:
    """A TIFF of these tags and no pixels."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


# Headers that lie


def test_a_png_that_claims_more_rows_than_it_has_is_refused() -> None:
    for colours, picture in ((2, pictures.rgb(20, 30)), (0, pictures.grey(20, 30))):
        values = np.asarray(picture).reshape(30, -1)
        rows = b"".join(b"\0" + row.tobytes() for row in values)
        assert READ.decode(pictures.png(20, 30, 8, colours, rows)).size == (20, 30)
        with pytest.raises(ImageUnreadable, match="truncated"):
            READ(pictures.png(20, 31, 8, colours, rows))


def test_a_png_that_ends_in_black_is_not_mistaken_for_one_that_lacks_rows() -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"):
        data = encoded(Image.new(mode, (21, 13)), "PNG")
        assert READ.decode(data).size == (21, 13)


def test_an_interlaced_png_is_read_and_one_that_lacks_a_pass_refused() -> None:
    values = np.arange(5 * 5, dtype=np.uint8).reshape(5, 5) * 9 + 1
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = [
        b"".join(b"\0" + row.tobytes() for row in values[top::down, left::across])
        for left, top, across, down in passes
    ]
    whole = interlaced(pictures.png(5, 5, 8, 0, b"".join(rows)))
    np.testing.assert_array_equal(np.asarray(READ.decode(whole))[..., 0], values)
    with pytest.raises(ImageUnreadable, match="truncated"):
        READ(interlaced(pictures.png(5, 5, 8, 0, b"".join(rows[:-1]))))


def interlaced(png: bytes) -> bytes:
    header = png[16:28] + b"\1"
    return png[:8] + pictures.png_chunk(b"IHDR", header) + png[33:]


def test_a_png_with_a_second_header_is_refused() -> None:
    data = encoded(pictures.rgb(20, 30), "PNG")
    large = struct.pack(">II", 60_000, 60_000) + data[24:29]
    with pytest.raises(ImageUnreadable, match="damaged"):
        READ(data[:33] + pictures.png_chunk(b"IHDR", large) + data[33:])


def test_a_tiff_whose_strips_do_not_cover_it_is_refused() -> None:
    data = encoded(pictures.rgb(64, 48), "TIFF")
    for values in ({257: 480}, {278: 10}):
        with pytest.raises(ImageUnreadable, match="truncated"):
            READ(patched_tiff(data, values))


def test_a_gif_frame_larger_than_its_canvas_counts_with_its_own_size() -> None:
    data = bytearray(encoded(pictures.palette(20, 10), "GIF"))
    frame = data.index(b",\0\0\0\0", 13 + 3 * 32)
    struct.pack_into("<HHHH", data, frame + 1, 65_000, 65_000, 20, 10)
    with pytest.raises(ImageTooLarge) as refused:
        READ(bytes(data))
    assert refused.value.pixels == 65_020 * 65_010


def test_a_webp_canvas_counts_before_it_is_made() -> None:
    data = bytearray(
        encoded(
            pictures.rgba(20, 10), "WEBP", save_all=True, append_images=[pictures.rgba(20, 10, 1)]
        )
    )
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xff\xff\x3f\xff\x03\0"
    with pytest.raises(ImageTooLarge):
        READ(bytes(data))


def test_run_length_encoded_bmps_have_a_lower_limit() -> None:
    header = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, 3000, 3000, 1, 8, 1, 0, 0, 0, 256, 0)
    with pytest.raises(ImageTooLarge) as refused:
        READ(header + info + bytes(range(256)) * 4)
    assert refused.value.limit == bmp.MAX_RUN_LENGTH_PIXELS


def test_a_tile_larger_than_the_picture_by_far_is_refused() -> None:
    tiles = {322: 40_000, 323: 40_000, 324: 8, 325: 8}
    with pytest.raises(ImageUnreadable, match="larger than its picture"):
        READ(bare_tiff({256: 64, 257: 48, 258: 8, 259: 8, 262: 1, **tiles}))


def test_a_tiff_that_is_both_striped_and_tiled_is_refused() -> None:
    # for Pillow it would be striped, for libtiff, which unpacks it, tiled
    strips = {273: 8, 279: 8}
    tiles = {322: 40_000, 323: 40_000, 324: 8, 325: 8}
    with pytest.raises(ImageUnreadable, match="damaged"):
        READ(bare_tiff({256: 64, 257: 48, 258: 8, 259: 8, 262: 1, **strips, **tiles}))


def test_files_in_absurdly_many_pieces_are_refused() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(pictures.grey(9, 9)))
    many = pictures.png(9, 9, 8, 0, rows, *([(b"IDAT", b"")] * 100_001))
    strips = encoded(pictures.grey(9, 9), "TIFF")
    at = strips.index(struct.pack("<HH", 273, 4)) + 4
    strips = strips[:at] + struct.pack("<I", 1_000_000) + strips[at + 4 :]
    for data in (many, strips):
        with pytest.raises(ImageUnreadable, match="pieces"):
            READ(data)


def test_junk_between_the_blocks_of_a_gif_is_forgiven_up_to_a_point() -> None:
    data = encoded(pictures.palette(20, 10), "GIF")
    frame = data.index(b",\0\0\0\0", 13 + 3 * 32)
    assert READ.decode(data[:frame] + b"\0\0" + data[frame:]).size == (20, 10)
    with pytest.raises(ImageUnreadable, match="damaged"):
        READ(data[:frame] + b"\0" * 2000 + data[frame:])


def test_the_limit_holds_even_if_a_decoder_sees_another_size_than_the_header_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(pictures.rgb(64, 48), "WEBP")
    monkeypatch.setattr("lookalike.encoder.images.webp._size", lambda _: (4, 4))
    with pytest.raises(ImageTooLarge) as refused:
        ImagePreprocessor(SPEC, limits=ImageLimits(max_pixels=1000))(data)
    assert refused.value.pixels == 64 * 48


def test_pillows_own_settings_are_neither_needed_nor_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [a_file(kind) for kind in KINDS]
    before = [READ(data).tobytes() for data in files]
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert [READ(data).tobytes() for data in files] == before
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for data in files:
        try:
            READ(data)
        except ImageError as error:
            assert "Pillow" in str(error)  # noqa: PT017 (some formats are refused, some not)
