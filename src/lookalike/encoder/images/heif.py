"""HEIC, through pillow-heif (the extra `[heif]`), and AVIF, through Pillow. Both are HEIF files.

Neither library decodes anything when it opens a file. Should the coded picture be larger than the file says,
libheif refuses it; libavif decodes up to 268 million pixels and scales them down, which takes up to some
1.6 GB for a moment: the one case in which our limit on pixels does not bound the memory.
"""

import io
import re

from PIL import AvifImagePlugin, Image

from lookalike.encoder.images.unopened import Unopened
from lookalike.errors import ImageFormatUnsupported, ImageUnreadable

SIGNATURE = rb"....ftyp(?=.{0,120}?(avi[fs]|hei[cxms]|hev[cxms]|mi[fa]1|msf1))"

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)


def read(data: bytes) -> Unopened:
    brands = _brands(data)
    if brands & _AVIF:
        return _avif(data)
    if brands & _HEIC:
        return _heic(data)
    raise ImageFormatUnsupported("a video")


def _brands(data: bytes) -> frozenset[bytes]:
    length = int.from_bytes(data[:4], "big")
    box = data[8 : min(length, 1024)]
    return frozenset(box[at : at + 4] for at in range(0, len(box) - 3, 4) if at != 4)


def _avif(data: bytes) -> Unopened:
    if (
        not AvifImagePlugin.SUPPORTED
    ):  # only in a Pillow that was built without it; Pillow's own wheels have it
        raise ImageFormatUnsupported("AVIF")
    # An AVIF says how to turn it outside of its EXIF data, which Pillow would unpack and pack again.
    # Under a name that libavif does not know, it is passed over.
    picture = AvifImagePlugin.AvifImageFile(io.BytesIO(_EXIF_ITEM.sub(rb"\1skip", data)))
    width, height = picture.size
    return Unopened("AVIF", width, height, lambda: picture)


def _heic(data: bytes) -> Unopened:
    try:
        import pillow_heif
    except ImportError:
        raise ImageFormatUnsupported("HEIC", extra="heif") from None
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    if not len(file):
        raise ImageUnreadable("the HEIC has no picture in it")

    def open_() -> Image.Image:
        picture: Image.Image = file.to_pillow()
        picture.info.pop("exif", None)  # libheif has turned the picture upright already
        return picture

    width, height = file.size
    return Unopened("HEIC", width, height, open_)
