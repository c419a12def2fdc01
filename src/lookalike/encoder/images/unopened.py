"""What is known of a picture file before any of its pixels is decoded."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; right and bottom are just outside."""

PAINTED = "painted"
"""Key in a Pillow picture's `info`: the box of the canvas that the first frame of a GIF paints, if not all
of it. The rest is transparent, whatever colour Pillow gives it."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """A picture file whose header was read."""

    width: int
    height: int
    """In pixels, as the header says: what decoding will make, before any rotation."""
    open: Callable[[], Image.Image]
    """Hands the file to a decoder. What comes back may not be decoded yet: its `load()` does that. Raises
    anything that decoders raise."""
    reduced: Callable[[int], Image.Image] | None = None
    """The same at a half, a quarter or an eighth of the size, whichever is the smallest that leaves the shorter
    side so many pixels, else whole; None where the format has no such thing."""
