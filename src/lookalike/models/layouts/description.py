"""What a layout's reader finds out about a model before any weight is read."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from lookalike.errors import CardInvalid
from lookalike.models.architecture import ImageArchitecture, TextTransformer
from lookalike.models.cards import Channels, ImageSpec, TextSpec
from lookalike.models.weights import Piece

T = TypeVar("T")

OPENAI_MEAN: Channels = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD: Channels = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ModelDescription:
    """A model's architecture and input, and how to find its weights."""

    layout: Literal["openclip", "huggingface"]
    image: ImageArchitecture
    text: TextTransformer
    image_spec: ImageSpec
    text_spec: TextSpec
    weight_files: tuple[Path, ...]
    config_files: tuple[Path, ...]
    tokenizer_file: Path
    pieces: Callable[[str], Sequence[Piece]]
    logit_scale: str
    """Name of the tensor with the logit scale's logarithm."""
    logit_bias: str
    ignored: tuple[str, ...]
    """Patterns of tensors that hold no learned weights."""


class Config:
    """A JSON object with checked access: what has the wrong type, or is missing, is named."""

    def __init__(self, path: Path, values: Mapping[str, Any], where: str = "") -> None:
        self.path, self._values, self._where = path, values, where

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Raises CardInvalid."""
        try:
            values = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise CardInvalid(path, f"can't be read as JSON: {error}") from error
        if not isinstance(values, dict):
            raise CardInvalid(path, "must be a JSON object")
        return cls(path, values)

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def keys(self) -> frozenset[str]:
        return frozenset(self._values)

    def section(self, key: str) -> "Config":
        value = self._values.get(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(key, "must be an object")
        return Config(self.path, value, self._name(key) + ".")

    def raw(self, key: str, default: Any = None) -> Any:
        value = self._values.get(key)
        return default if value is None else value

    def whole(self, key: str, default: int | None = None, *, least: int = 1) -> int:
        value = self.raw(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 2**31:
            raise self.wrong(key, f"must be a whole number of at least {least}, not {value!r}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self.raw(key, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:
            raise self.wrong(key, f"must be a number, not {value!r}")
        return float(value)

    def choice(self, key: str, table: Mapping[Any, T], default: Any) -> T:
        value = self.raw(key, default)
        try:
            return table[value]
        except (KeyError, TypeError):
            known = ", ".join(str(k) for k in table)
            raise self.wrong(key, f"{value!r} is not supported; supported are {known}") from None

    def channels(self, key: str, default: Channels) -> Channels:
        value = self.raw(key, default)
        if (
            not isinstance(value, (list, tuple))
            or len(value) != 3
            or not all(isinstance(v, (int, float)) for v in value)
        ):
            raise self.wrong(key, f"must be three numbers, not {value!r}")
        return (float(value[0]), float(value[1]), float(value[2]))

    def pair(self, key: str, default: int | None = None) -> tuple[int, int]:
        """Height and width; a single number stands for both."""
        value = self.raw(key, default)
        both = [value, value] if isinstance(value, int) else value
        if (
            not isinstance(both, list)
            or len(both) != 2
            or not all(isinstance(v, int) and v > 0 for v in both)
        ):
            raise self.wrong(key, f"must be one or two whole numbers, not {value!r}")
        return both[0], both[1]

    def wrong(self, key: str, reason: str) -> CardInvalid:
        return CardInvalid(self.path, f"{self._name(key)} {reason}")

    def _name(self, key: str) -> str:
        return f"{self._where}{key}"


def checked(path: Path, make: Callable[[], T]) -> T:
    """Make a part of the card; what it refuses is blamed on the configuration file."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardInvalid(path, f"{where}: {first['msg']}" if where else first["msg"]) from None


def special_ids(tokenizer: Path, start: str, end: str) -> tuple[int, int]:
    """The ids of the start and end token in a `tokenizer.json`. Raises CardInvalid."""
    config = Config.read(tokenizer)
    ids: dict[str, Any] = {}
    vocabulary = config.section("model").raw("vocab", {})
    if isinstance(vocabulary, dict):
        ids.update({t: vocabulary[t] for t in (start, end) if t in vocabulary})
    for token in config.raw("added_tokens", []):
        if isinstance(token, dict) and token.get("content") in (start, end):
            ids[token["content"]] = token.get("id")
    for token in (start, end):
        if not isinstance(ids.get(token), int):
            raise CardInvalid(tokenizer, f"has no token {token}")
    return ids[start], ids[end]
