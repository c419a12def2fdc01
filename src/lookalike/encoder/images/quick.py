"""Resizing with the processor's vector instructions, for the mode `fast`.

cykooz-resizer (the extra `[fast]`, of Rust's fast_image_resize) has Pillow's filters with weights of fewer
bits: some 7% of the samples come out one level higher or lower, very few more than that. It takes a tenth of
Pillow's time. Where it isn't installed (it has no build for Linux on ARM), Pillow resizes.
"""

import logging
from collections.abc import Callable
from functools import cache

from PIL import Image

log = logging.getLogger(__name__)

Resize = Callable[[Image.Image, tuple[int, int], Image.Resampling], Image.Image]
"""Takes a picture, width and height, and the filter; the result has the picture's mode."""

_MODES = frozenset({"L", "RGB"})
"""What a picture as a person sees it may have."""

_MOST_LEVELS = 8
"""That a sample may differ from Pillow's in the check below."""


def by_pillow(picture: Image.Image, size: tuple[int, int], kernel: Image.Resampling) -> Image.Image:
    return picture.resize(size, kernel)


@cache
def quick_resize() -> Resize:
    """The quickest way to resize that is installed. Safe to call from many threads at once."""
    try:
        from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer
    except ImportError:
        log.warning(
            "mode fast resizes with Pillow, several times slower: install pip install 'lookalike[fast]'"
        )
        return by_pillow
    filters = {
        # both by Keys, with a = -0.5
        Image.Resampling.BICUBIC: FilterType.catmull_rom,
        Image.Resampling.BILINEAR: FilterType.bilinear,
    }
    options = {
        ours: ResizeOptions(resize_alg=ResizeAlg.convolution(theirs), use_alpha=False)
        for ours, theirs in filters.items()
    }

    def resize(
        picture: Image.Image, size: tuple[int, int], kernel: Image.Resampling
    ) -> Image.Image:
        if picture.mode not in _MODES:
            return by_pillow(picture, size, kernel)
        resized = Image.new(picture.mode, size)
        # one for each call: it keeps memory for its next picture, and there are many threads
        Resizer().resize_pil(picture, resized, options[kernel])
        return resized

    return resize if _agrees(resize) else by_pillow


def _agrees(resize: Resize) -> bool:
    """Does it give what Pillow gives? It reads Pillow's pictures where Pillow keeps them in memory, which
    another release might change.
    """
    ramp = Image.linear_gradient("L")
    turned = ramp.transpose(Image.Transpose.ROTATE_90)
    for picture in (
        ramp,
        Image.merge("RGB", (ramp, turned, ramp.point(lambda level: 255 - level))),
    ):
        ours, pillows = (
            by(picture, (90, 70), Image.Resampling.BICUBIC) for by in (resize, by_pillow)
        )
        levels = zip(ours.tobytes(), pillows.tobytes(), strict=True)
        if max(abs(one - other) for one, other in levels) > _MOST_LEVELS:
            log.warning(
                "cykooz-resizer does not agree with this release of Pillow, and is not used"
            )
            return False
    return True
