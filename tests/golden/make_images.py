"""Makes `tests/golden/images/`: picture files, and the pixels that OpenCLIP makes of them.

Run with the reference environment, from the project's root: `python -m tests.golden.make_images`. What
is there already is made again from scratch. `index.json` says which versions made it.

`reference` cases are the transform's result and nothing else. `natural` cases are what a person sees,
worked out here with other means than the package's (Pillow's `exif_transpose`, arithmetic on floats
for transparency), then put through the same transform.
"""

import hashlib
import io
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import PIL
import torch
import torchvision
from open_clip.transform import image_transform
from PIL import Image, ImageOps

from tests.encoder import pictures

FOLDER = Path(__file__).parent / "images"

Spec = dict[str, Any]
SPECS: tuple[Spec, ...] = (
    {"height": 32, "width": 32},
    {"height": 32, "width": 32, "interpolation": "bilinear"},
    {"height": 24, "width": 40},
    {"height": 24, "width": 40, "interpolation": "bilinear"},  # bicubic nevertheless
    {"height": 32, "width": 32, "resize": "longest", "fill": 77},
    {"height": 40, "width": 24, "resize": "longest", "interpolation": "bilinear"},
    {"height": 24, "width": 40, "resize": "squash"},
)
FULL_SIZE: Spec = {"height": 224, "width": 224}
KEPT = (SPECS[0], SPECS[4])
"""Of these the pixels are kept, of the others a hash of them: that is small, and tells just as well."""


def reference_files() -> Iterator[tuple[str, bytes]]:
    encoded, rgb = pictures.encoded, pictures.rgb
    yield "rgb-227x231.jpg", encoded(rgb(227, 231), "JPEG", quality=85)
    yield "rgb-231x299-444.jpg", encoded(rgb(231, 299), "JPEG", quality=90, subsampling=0)
    yield "rgb-299x227-progressive.jpg", encoded(rgb(299, 227), "JPEG", progressive=True)
    yield "rgb-turned-61x47.jpg", encoded(rgb(61, 47), "JPEG", exif=pictures.exif(6))
    yield "rgb-33x31.png", encoded(rgb(33, 31), "PNG")
    yield "rgb-65x47.webp", encoded(rgb(65, 47), "WEBP", lossless=True)
    yield "rgb-65x47.bmp", encoded(rgb(65, 47), "BMP")
    yield "rgb-65x47.tiff", encoded(rgb(65, 47), "TIFF", compression="tiff_lzw")
    yield (
        "rgb-turned-65x47.tiff",
        encoded(rgb(65, 47), "TIFF", tiffinfo={274: 8}, compression="tiff_lzw"),
    )
    yield "rgb-tall-7x600.png", encoded(rgb(7, 600), "PNG")
    yield "rgb-tall-90x901.jpg", encoded(rgb(90, 901), "JPEG")
    yield "rgb-wide-700x6.png", encoded(rgb(700, 6), "PNG")
    yield "rgb-wide-1100x95.jpg", encoded(rgb(1100, 95), "JPEG")
    yield "rgb-1x57.png", encoded(rgb(1, 57), "PNG")
    yield "rgb-57x1.png", encoded(rgb(57, 1), "PNG")
    yield "rgb-1x1.png", encoded(rgb(1, 1), "PNG")
    yield "grey-67x41.jpg", encoded(pictures.grey(67, 41), "JPEG")
    yield "grey-67x41.png", encoded(pictures.grey(67, 41), "PNG")
    yield "grey-tall-5x300.png", encoded(pictures.grey(5, 300), "PNG")
    yield "bilevel-67x41.png", encoded(pictures.grey(67, 41).convert("1"), "PNG")
    yield "palette-67x41.png", encoded(pictures.palette(67, 41), "PNG")
    yield "palette-1x30.png", encoded(pictures.palette(1, 30), "PNG")
    transparency = bytes(range(0, 256, 8))
    yield (
        "palette-alpha-67x41.png",
        encoded(pictures.palette(67, 41), "PNG", transparency=transparency),
    )
    yield "palette-key-67x41.gif", encoded(pictures.palette(67, 41), "GIF", transparency=3)
    yield "rgba-67x41.png", encoded(pictures.rgba(67, 41), "PNG")
    yield "rgba-wide-300x5.png", encoded(pictures.rgba(300, 5), "PNG")
    yield "rgba-67x41.webp", encoded(pictures.rgba(67, 41), "WEBP", lossless=True)
    yield "la-67x41.png", encoded(pictures.la(67, 41), "PNG")
    yield "la-tall-5x300.png", encoded(pictures.la(5, 300), "PNG")
    yield "grey16-67x41.png", encoded(Image.fromarray(pictures.grey16(67, 41)), "PNG")
    yield "grey16-67x41.tiff", encoded(Image.fromarray(pictures.grey16(67, 41)), "TIFF")
    grey32 = Image.fromarray(pictures.grey16(67, 41).astype(np.int32) - 30_000)
    yield "grey32-67x41.tiff", encoded(grey32, "TIFF", compression="tiff_lzw")
    float32 = Image.fromarray(pictures.grey16(67, 41).astype(np.float32) / 200)
    yield "float32-67x41.tiff", encoded(float32, "TIFF", compression="tiff_lzw")
    yield "cmyk-67x41.jpg", encoded(rgb(67, 41).convert("CMYK"), "JPEG")
    yield "cmyk-tall-9x200.jpg", encoded(rgb(9, 200).convert("CMYK"), "JPEG")
    yield "cmyk-67x41.tiff", encoded(rgb(67, 41).convert("CMYK"), "TIFF", compression="tiff_lzw")


def natural_files() -> Iterator[tuple[str, bytes, Image.Image]]:
    """Name, file, and the whole picture as a person sees it."""
    encoded = pictures.encoded
    for orientation in range(1, 9):
        tag = pictures.exif(orientation)
        for name, data in (
            (f"orientation-{orientation}.jpg", encoded(pictures.rgb(61, 47), "JPEG", exif=tag)),
            (f"orientation-{orientation}.png", encoded(pictures.grey(35, 27), "PNG", exif=tag)),
        ):
            with Image.open(io.BytesIO(data)) as picture:
                yield name, data, ImageOps.exif_transpose(picture).convert("RGB")
    for name, picture in (("rgba", pictures.rgba(67, 41)), ("la", pictures.la(67, 41))):
        yield f"{name}-67x41.png", encoded(picture, "PNG"), over_white(picture.convert("RGBA"))
    palette = encoded(pictures.palette(67, 41), "PNG", transparency=bytes(range(0, 256, 8)))
    with Image.open(io.BytesIO(palette)) as picture:
        yield "palette-alpha-67x41.png", palette, over_white(picture.convert("RGBA"))
    samples = pictures.grey16(67, 41)
    upper = Image.fromarray((samples // 256).astype(np.uint8)).convert("RGB")
    yield "grey16-67x41.png", encoded(Image.fromarray(samples), "PNG"), upper


def over_white(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(np.float64)
    share = values[..., 3:] / 255
    return Image.fromarray(np.rint(values[..., :3] * share + 255 * (1 - share)).astype(np.uint8))


def transform(spec: Spec) -> Callable[[Image.Image], np.ndarray]:
    """OpenCLIP's transform without its last two steps, which make floats of the pixels."""
    height, width = spec["height"], spec["width"]
    whole = image_transform(
        image_size=height if height == width else (height, width),
        is_train=False,
        resize_mode=spec.get("resize", "shortest"),
        interpolation=spec.get("interpolation", "bicubic"),
        fill_color=spec.get("fill", 0),
    )
    return lambda picture: np.asarray(type(whole)(whole.transforms[:-2])(picture))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    cases: list[dict[str, Any]] = []
    expected: dict[str, np.ndarray] = {}

    def add(file: str, mode: str, spec: Spec, pixels: np.ndarray) -> None:
        case = {"file": file, "mode": mode, "spec": spec}
        case["sha256"] = hashlib.sha256(pixels.tobytes()).hexdigest()
        if spec in KEPT:
            case["expected"] = f"{len(expected):03}"
            expected[case["expected"]] = pixels
        cases.append(case)

    for name, data in reference_files():
        (FOLDER / name).write_bytes(data)
        for spec in (*SPECS, FULL_SIZE):
            with Image.open(io.BytesIO(data)) as picture:
                try:
                    pixels = transform(spec)(picture)
                except ValueError as error:  # a side that is rounded to nothing has no reference
                    print(f"{name} {spec}: {error}")
                    continue
            add(name, "reference", spec, pixels)
    for name, data, seen in natural_files():
        (FOLDER / name).write_bytes(data)
        for spec in (SPECS[0], FULL_SIZE):
            add(name, "natural", spec, transform(spec)(seen))

    np.savez_compressed(FOLDER / "expected.npz", **expected)
    versions = {
        "python": platform.python_version(),
        "open_clip": open_clip.__version__,
        "torchvision": torchvision.__version__,
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "numpy": np.__version__,
    }
    made = {"by": "python -m tests.golden.make_images", "with": versions}
    lines = ",\n".join(json.dumps(case) for case in cases)
    index = f'{{"made": {json.dumps(made)},\n"cases": [\n{lines}\n]}}\n'
    (FOLDER / "index.json").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()
