"""Resizing and cropping a picture to what the image tower takes, with OpenCLIP's geometry.

Pillow does the work, as in OpenCLIP, whose sizes and offsets (and torchvision's, under it) are followed
down to how they are rounded. Only in the mode `fast` another library resizes.
"""

from PIL import Image, ImageOps

from lookalike.encoder.images.quick import Resize, by_pillow
from lookalike.encoder.images.resampling import WINDOWED_MODES, resize_window
from lookalike.encoder.images.unopened import Box
from lookalike.errors import ImageUnreadable
from lookalike.models.cards import ImageSpec

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

_WINDOW_FROM = 2
"""From this many times the needed pixels on, `resize_window` is used: about where it becomes faster."""
_MAX_RESIZED = 64_000_000
"""Pixels that a picture of another mode may have after resizing, before it is cropped."""


def frame(picture: Image.Image, spec: ImageSpec, resize: Resize = by_pillow) -> Image.Image:
    """The part of `picture` that the tower sees, `spec.width` x `spec.height` pixels, in the picture's mode.

    Raises ImageUnreadable for a picture too long and thin to be resized in its mode.
    """
    picture = _limit_aspect(picture, spec.max_aspect)
    size = _resized(picture.size, spec)
    target = spec.width, spec.height
    resample = _FILTERS[spec.interpolation]
    if spec.resize == "shortest" and spec.height != spec.width:
        resample = Image.Resampling.BICUBIC  # OpenCLIP doesn't pass its setting on in this case
    window = _centre(size, target)
    if size[0] * size[1] > _WINDOW_FROM * target[0] * target[1]:
        if picture.mode in WINDOWED_MODES:
            return resize_window(picture, size, window, resample)
        if size[0] * size[1] > _MAX_RESIZED:
            raise ImageUnreadable(f"it is too long and thin ({picture.width}x{picture.height})")
    if picture.size != size:
        picture = resize(picture, size, resample)
    if size[0] < target[0] or size[1] < target[1]:
        picture = _pad(picture, target, spec.fill if spec.resize == "longest" else 0)
        window = _centre(picture.size, target)
    return picture if picture.size == target else picture.crop(window)


def _limit_aspect(picture: Image.Image, most: float | None) -> Image.Image:
    if most is None:
        return picture
    width, height = picture.size
    longest = int(min(width, height) * most)
    target = min(width, longest), min(height, longest)
    return picture if target == picture.size else picture.crop(_centre(picture.size, target))


def _resized(size: tuple[int, int], spec: ImageSpec) -> tuple[int, int]:
    """Width and height after resizing, before cropping or padding."""
    width, height = size
    if spec.resize == "squash":
        return spec.width, spec.height
    if spec.resize == "shortest" and spec.width == spec.height:
        # torchvision's Resize
        short, long = min(size), max(size)
        longer = int(spec.width * long / short)
        return (spec.width, longer) if width <= height else (longer, spec.width)
    # OpenCLIP's ResizeKeepRatio, which rounds; where it would round to nothing, a pixel is kept
    ratios = width / spec.width, height / spec.height
    ratio = min(ratios) if spec.resize == "shortest" else max(ratios)
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def _centre(size: tuple[int, int], target: tuple[int, int]) -> Box:
    """The box of `target` size around the centre; Python's round, to even, as in torchvision."""
    left, top = (round((of - to) / 2.0) for of, to in zip(size, target, strict=True))
    return left, top, left + target[0], top + target[1]


def _pad(picture: Image.Image, target: tuple[int, int], fill: int) -> Image.Image:
    """At least `target` in size: what is missing is filled, half of it (rounded down) left and above."""
    across, down = (max(0, to - of) for of, to in zip(picture.size, target, strict=True))
    border = across // 2, down // 2, (across + 1) // 2, (down + 1) // 2
    bands = len(picture.getbands())
    return ImageOps.expand(picture, border, fill if bands == 1 else (fill,) * bands)
