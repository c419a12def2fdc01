"""The one thing in EXIF data that changes what a person sees: the orientation.

Pillow reads EXIF too, but unpacks whatever the file claims to hold on the way and raises on damage. This
looks at one directory and one entry, and shrugs at anything odd: bad metadata is no reason to refuse a picture.
"""

import struct

_ORIENTATION = 274
_VALUE = {1: "B", 3: "H", 4: "I"}
"""TIFF type to struct format. It should be SHORT (3); the others are seen in the wild."""


def orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) if there is none or the data is damaged."""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", exif, at)
            if tag == _ORIENTATION:
                if kind not in _VALUE or count != 1:
                    return 1
                (value,) = struct.unpack_from(order + _VALUE[kind], exif, at + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:  # it points outside of itself
        return 1
    return 1
