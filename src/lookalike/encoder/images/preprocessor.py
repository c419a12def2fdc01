"""From bytes to pixels, and from whatever goes wrong on the way to our own errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoder.images import files
from lookalike.encoder.images.appearance import as_seen
from lookalike.encoder.images.framing import frame
from lookalike.encoder.images.quick import by_pillow, quick_resize
from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import (
    ImageError,
    ImageTooLarge,
    ImageTooManyBytes,
    ImageTooSmall,
    ImageUnreadable,
)
from lookalike.models.cards import ImageSpec

ImageMode = Literal["natural", "reference", "fast"]
"""`natural`: as a person sees the picture. `reference`: as OpenCLIP does, to the bit: without EXIF, resized
in the file's own mode (palettes by the nearest pixel, for example) and made RGB, dropping alpha, at the end.
`fast`: as `natural`, in less than half the time: large JPEGs are decoded at a fraction of their size, and
`quick` resizes. Vectors stay comparable to those of `natural` (docs/encoder.md has the cosines)."""

_SPARE = 2
"""In the mode `fast`, how many times the tower's pixels a reduced JPEG must have along each side: at 2 the
cosine to `natural` is above 0.9999, at 1 only above 0.999."""

_LEAST_REDUCED = 256
"""Pixels that a reduced JPEG keeps along its shorter side: a decoded picture may be shown to people too."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before anything is decoded.

    While it is decoded, a picture takes up to 16 bytes a pixel (WebP; 4 to 10 for JPEG, 4 to 9 for PNG, 9 for
    AVIF), so that one with `max_pixels` may need 1 GB for a moment. Lower it where that is too much.
    """

    max_pixels: int = 64_000_000
    max_bytes: int = 20 * 2**20
    """Length of the file."""
    min_side: int = 1
    """Pixels that each side must have."""

    def check_bytes(self, data: bytes) -> None:
        if len(data) > self.max_bytes:
            raise ImageTooManyBytes(len(data), self.max_bytes)

    def check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise ImageTooLarge(width * height, self.max_pixels)
        if min(width, height) < self.min_side:
            raise ImageTooSmall(width, height, self.min_side)


class ImagePreprocessor:
    """Makes of picture files what an image tower takes, one at a time.

    Reads JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF, and HEIC where pillow-heif is installed; of files with
    several pictures the first. The format is told by the content. Safe to call from many threads at once,
    and worth it: decoding and resizing release the interpreter lock. Takes no colour profiles into account.

    Nothing else than these ever comes out, whatever the bytes are: ImageUnreadable, ImageFormatUnsupported (one
    of those), ImageTooLarge, ImageTooManyBytes, ImageTooSmall.
    """

    def __init__(
        self,
        spec: ImageSpec,
        mode: ImageMode = "natural",
        limits: ImageLimits = ImageLimits(),
    ) -> None:
        self.spec, self.mode, self.limits = spec, mode, limits
        self._resize = quick_resize() if mode == "fast" else by_pillow

    def __call__(self, data: bytes) -> NDArray[np.uint8]:
        """The same as `pixels(decode(data))`, and for grey pictures faster."""
        return self.pixels(self._decoded(data))

    def decode(self, data: bytes) -> Image.Image:
        """The whole picture. `natural`: RGB, upright, over white. `fast`: the same, but a large JPEG at a
        fraction of its size. `reference`: as Pillow decodes it, in the file's own mode."""
        picture = self._decoded(data)
        if self.mode != "reference":
            with _image_errors():
                picture = as_seen(picture)
                picture = picture if picture.mode == "RGB" else picture.convert("RGB")
            picture.info.clear()  # what it says is done
        return picture

    def pixels(self, picture: Image.Image) -> NDArray[np.uint8]:
        """What the image tower takes of a decoded picture: `[height, width, 3]`, RGB, read-only."""
        with _image_errors():
            if self.mode != "reference":
                picture = as_seen(picture)
            picture = frame(picture, self.spec, self._resize)
            if picture.mode != "RGB":
                if "transparency" in picture.info:  # dropped anyway, but Pillow may warn of that
                    picture = picture.copy()
                    del picture.info["transparency"]
                picture = picture.convert("RGB")
            return np.asarray(picture)

    def _decoded(self, data: bytes) -> Image.Image:
        self.limits.check_bytes(data)
        known = files.format_of(data)
        with _image_errors(known.name):
            file = known.read(data)
            self.limits.check_size(file.width, file.height)
            picture = self._open(file)
            self.limits.check_size(*picture.size)  # should a decoder see another size than we did
            picture.load()
            return picture

    def _open(self, file: Unopened) -> Image.Image:
        if self.mode != "fast" or file.reduced is None:
            return file.open()
        return file.reduced(max(_SPARE * max(self.spec.width, self.spec.height), _LEAST_REDUCED))


@contextmanager
def _image_errors(kind: str = "picture") -> Iterator[None]:
    """Makes one of our errors of whatever a decoder raises. This is the one place that does."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageUnreadable("there is not enough memory to decode it") from error
    except Image.DecompressionBombError as error:
        raise ImageUnreadable("it has more pixels than Pillow accepts") from error
    except Exception as error:
        # Given damaged files, decoders raise nearly everything: OSError, SyntaxError, struct.error, ...
        raise ImageUnreadable(f"the {kind} is {_what_happened(error)}") from error


_CUT = ("truncat", "premature", "end of file", "not enough image data")


def _what_happened(error: Exception) -> str:
    words = str(error).lower()
    cut = isinstance(error, EOFError) or any(hint in words for hint in _CUT)
    return "truncated" if cut else "damaged"
