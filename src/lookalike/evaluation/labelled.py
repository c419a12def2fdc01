"""Pictures of which somebody has said what they show: the measure of a model's meaning."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.catalog.pictures import Picture
from lookalike.catalog.sources import Entry, FeedMapping, open_source
from lookalike.catalog.sources.folder import FOLDER
from lookalike.errors import SettingInvalid

DEFAULT_LABEL = "category"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, the name of its class if it has one, and the words that belong to it if there are any."""

    picture: Picture
    label: str | None
    text: str | None


def load(path: Path, label: str | None = None, *, limit: int, seed: int = 0) -> list[Example]:
    """The examples of a folder, whose sub-folders are the labels, or of a feed, whose column `label` is.

    Of more than `limit` a sample, the same one every time. Words are a feed's description, or else its title.
    Raises SourceInvalid, SettingInvalid (no such column, no picture).
    """
    column = FOLDER if path.is_dir() else label or DEFAULT_LABEL
    examples = []
    for entry in open_source(path, FeedMapping()):
        if isinstance(entry, Entry) and entry.picture is not None:
            item = entry.item
            name = _label(item.attributes.get(column))
            examples.append(Example(entry.picture, name, item.description or item.title))
    if not examples:
        raise SettingInvalid("--data", f"{path} has no picture")
    if label is not None and not any(example.label for example in examples):
        raise SettingInvalid("--label", f"{path} has no column {label!r}")
    if len(examples) > limit:
        chosen = random.Random(seed).sample(range(len(examples)), limit)  # noqa: S311
        examples = [examples[i] for i in sorted(chosen)]
    return examples


def _label(value: Any) -> str | None:
    """Of several values the last: of the folders `dresses` and `dresses/blue` the inner one's name."""
    if isinstance(value, tuple | list):
        value = value[-1] if value else None
    if value is None:
        return None
    name = str(value).rpartition("/")[2]
    return name.replace("_", " ").replace("-", " ").strip() or None
