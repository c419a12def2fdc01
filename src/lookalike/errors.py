"""One tree of errors. Each carries its facts as attributes; its words are made here and nowhere else.

Whoever shows an error (the command line, an HTTP route, a report file) uses `str(error)` for people,
`error.code` for machines and `error.facts()` for the details.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar


class LookalikeError(Exception):
    """Base of everything this package raises on purpose."""

    code: ClassVar[str] = "error"

    def facts(self) -> dict[str, Any]:
        """What the error knows, by name, for a machine to read."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


# Pictures


class ImageError(LookalikeError):
    """A picture that can't be embedded. It fails alone: the rest of its batch goes on."""

    code = "image_error"


class ImageUnreadable(ImageError):
    """The bytes are not a picture, or are a damaged one."""

    code = "image_unreadable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"picture can't be read: {reason}")


class ImageFormatUnsupported(ImageUnreadable):
    """A picture in a format that needs an optional extra, or that is not accepted at all."""

    code = "image_format_unsupported"

    def __init__(self, format: str, extra: str | None = None) -> None:  # noqa: A002 (the field's word)
        self.format, self.extra = format, extra
        hint = f"; install it with: pip install 'lookalike[{extra}]'" if extra else ""
        super().__init__(f"{format} is not supported here{hint}")


class ImageTooLarge(ImageError):
    """The picture has more pixels than `limit`; raised from its header, before decoding."""

    code = "image_too_large"

    def __init__(self, pixels: int, limit: int) -> None:
        self.pixels, self.limit = pixels, limit
        super().__init__(f"picture has {pixels:,} pixels, more than the limit of {limit:,}")


class ImageTooManyBytes(ImageError):
    """The encoded picture is longer than `limit` bytes."""

    code = "image_too_many_bytes"

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(f"picture has {size:,} bytes, more than the limit of {limit:,}")


class ImageTooSmall(ImageError):
    """The picture's smaller side has fewer pixels than `limit`."""

    code = "image_too_small"

    def __init__(self, width: int, height: int, limit: int) -> None:
        self.width, self.height, self.limit = width, height, limit
        super().__init__(f"picture is {width}x{height}; its smaller side must have at least {limit}")


# Models


class ModelError(LookalikeError):
    """A model that can't be found, read, built or run."""

    code = "model_error"


class ModelUnknown(ModelError):
    """No such name in the registry."""

    code = "model_unknown"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"no model is called {name!r}; known are {', '.join(known)}, "
            "hf:owner/repo for a repository, or the path of a bundle's folder"
        )


class ModelNotCached(ModelError):
    """The model is not on this machine and may not be, or could not be, downloaded."""

    code = "model_not_cached"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"model {name} is not on this machine, and {reason}")


class CardInvalid(ModelError):
    """A model card, or the configuration it is made from, says something impossible."""

    code = "card_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{path}: {reason}")


class BundleInvalid(ModelError):
    """A bundle's folder lacks a file, or holds one that is not what the card says."""

    code = "bundle_invalid"

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"bundle {path}: {reason}")


class WeightsInvalid(ModelError):
    """The weights don't fit the architecture that the configuration describes."""

    code = "weights_invalid"


class WeightMissing(WeightsInvalid):
    """The architecture needs a weight that the file doesn't have."""

    code = "weight_missing"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"weight {name} is missing")


class WeightsLeftOver(WeightsInvalid):
    """The file has weights that the architecture doesn't use, so it is another architecture."""

    code = "weights_left_over"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        shown = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
        super().__init__(f"{len(self.names)} weights are left over: {shown}")


class WeightShapeWrong(WeightsInvalid):
    """A weight hasn't the shape that the configuration implies."""

    code = "weight_shape_wrong"

    def __init__(self, name: str, shape: Sequence[int], expected: Sequence[int]) -> None:
        self.name, self.shape, self.expected = name, tuple(shape), tuple(expected)
        super().__init__(f"weight {name} has shape {list(shape)}, but {list(expected)} is needed")


class TowerNotLoaded(ModelError):
    """The encoder was loaded without the tower that this call needs, or the model has none."""

    code = "tower_not_loaded"

    def __init__(self, tower: str) -> None:
        self.tower = tower
        super().__init__(f"the {tower} tower is not loaded")


class DeviceUnavailable(ModelError):
    """The device that was asked for can't be used here."""

    code = "device_unavailable"

    def __init__(self, device: str, reason: str) -> None:
        self.device, self.reason = device, reason
        super().__init__(f"device {device} can't be used: {reason}")


class PrecisionUnavailable(ModelError):
    """The precision that was asked for can't be had with this bundle, runtime or device."""

    code = "precision_unavailable"

    def __init__(self, precision: str, reason: str) -> None:
        self.precision, self.reason = precision, reason
        super().__init__(f"precision {precision} can't be used: {reason}")


# Settings and input


class SettingInvalid(LookalikeError):
    """A setting, argument or input that can't be used as it is."""

    code = "setting_invalid"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")
