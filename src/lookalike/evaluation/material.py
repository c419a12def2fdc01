"""Pictures and texts of the owner's, read from a folder or a feed, for calibrating and for measuring."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from lookalike.catalog.pictures import Picture
from lookalike.catalog.sources import Entry, FeedMapping, open_source
from lookalike.catalog.sources.folder import FOLDER
from lookalike.errors import SettingInvalid
from lookalike.sample import feed

TEMPLATE = "a photo of a {}"


@dataclass(frozen=True, slots=True)
class Material:
    """Where pictures are, and texts. Nothing of the pictures has been read yet."""

    pictures: tuple[Picture, ...]
    texts: tuple[str, ...]
    """Without repetitions."""
    texts_from: str
    """For people: where the texts come from."""


def gather(path: Path, texts: Path | None = None, mapping: FeedMapping | None = None) -> Material:
    """What a folder of pictures, or a feed, has to calibrate with.

    Texts are the lines of the file `texts`, if it is given; else a feed's titles and descriptions; else, for a
    folder, the names of its sub-folders in CLIP's usual template. Where these are few, the sample catalogue's
    titles and descriptions are added: they are of the length that a shop's are, in English.
    Raises SourceInvalid, SettingInvalid.
    """
    pictures: list[Picture] = []
    words: list[str] = []
    folders: set[str] = set()
    for entry in open_source(path, mapping):
        if not isinstance(entry, Entry):
            continue
        if entry.picture is not None:
            pictures.append(entry.picture)
        words += [text for text in (entry.item.title, entry.item.description) if text]
        values = entry.item.attributes.get(FOLDER)
        if path.is_dir() and isinstance(values, tuple) and values:
            folders.add(str(values[-1]).rpartition("/")[2])
    if texts is not None:
        return Material(tuple(pictures), _unique(read_lines(texts)), str(texts))
    origin = "titles and descriptions of the feed"
    if folders:
        words = [TEMPLATE.format(name.replace("-", " ").replace("_", " ")) for name in folders]
        origin = "names of the folders"
    found = _unique(words)
    if len(found) < _FEW:
        origin = f"{origin}, and the sample catalogue" if found else "the sample catalogue"
        found = _unique([*found, *_sample_texts()])
    return Material(tuple(pictures), found, origin)


_FEW = 100


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty. Raises SettingInvalid."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid("--texts", f"{path} can't be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def split(count: int, calibrate: int, held_out: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Two samples of `range(count)` that have nothing in common, the same ones every time.

    Of too few, a third is held out.
    """
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 (a sample, not a secret)
    held = min(held_out, max(count - calibrate, count // 3))
    return sorted(order[held : held + calibrate]), sorted(order[:held])


def _sample_texts() -> list[str]:
    rows = [orjson.loads(line) for line in feed().read_bytes().splitlines()]
    return [row[name] for row in rows for name in ("title", "description") if row.get(name)]


def _unique(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))
