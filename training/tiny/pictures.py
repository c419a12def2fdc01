"""The training pictures and what can be said of each: photos of products, and drawings with titles."""

import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from training.tiny.sources import Sources
from training.tiny.words import (
    CLOTHING,
    CLOTHING_ANCESTORS,
    GROCERY_ANCESTORS,
    GROCERY_SYNONYMS,
)

_NOT_DRAWINGS = (
    "shapes/stars", "shapes/flowchart", "shapes/jigsaw", "computer/icons", "computer/buttons", "special",
    "signs_and_symbols/flags", "signs_and_symbols/map_symbols", "signs_and_symbols/led",
    "recreation/games/cards", "transportation/aiga-symbols", "transportation/roadsigns", "geography",
)  # fmt: skip
"""Folders of openclipart whose titles don't say what is to be seen."""
_TITLE_REPEATS = 4
"""A title that more drawings have than this is that of a series."""
_MOST_PIXELS = 4_000_000
"""Drawings are made in any size; a few would take minutes to decode."""
_NOT_KEYWORDS = {
    "",
    "hash",
    "theme",
    "clip art",
    "clipart",
    "unsorted",
    "color",
    "colour",
    "contour",
    "icon",
}


@dataclass(frozen=True)
class Picture:
    path: Path
    source: str
    """`clothing`, `grocery` or `drawing`."""
    names: tuple[str, ...]
    """What it shows; a name that comes twice is said twice as often."""
    ancestors: tuple[str, ...]
    """What that is a kind of."""
    sentences: tuple[str, ...]
    """A description's sentences."""
    category: str
    """Of a product: what kind of clothing or grocery it is."""
    label: str
    """Of a product: the finest name that it is told apart by, a category of clothing or a title of grocery."""
    held_out: bool
    """Not trained on: what decisions are made with."""


def products(sources: Sources) -> list[Picture]:
    """The photos of the training and validation splits; the latter are held out."""
    pictures = []
    for line in (sources.products / "items.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["split"] == "test":
            continue
        if item["department"] == "clothing":
            names, ancestors = CLOTHING[item["category"]], CLOTHING_ANCESTORS
            sentences: tuple[str, ...] = ()
        else:
            title, category = item["title"].lower(), item["category"].lower()
            synonyms = GROCERY_SYNONYMS.get(item["category"], ())
            names = (title, title, title, category, category, *synonyms)
            ancestors = GROCERY_ANCESTORS[item["category"]]
            sentences = tuple(re.split(r"(?<=[.!]) ", item["description"])[:2])
        pictures.append(
            Picture(
                sources.products / item["image"],
                item["department"],
                names,
                ancestors,
                sentences,
                item["category"],
                item["category"] if item["department"] == "clothing" else item["title"],
                item["split"] == "validation",
            )
        )
    return pictures


def drawings(sources: Sources) -> list[Picture]:
    """Debian's openclipart: pictures from `-png`, titles and keywords from `-svg`."""
    found = []
    for path in sorted(sources.clipart.rglob("*.png")):
        relative = path.relative_to(sources.clipart)
        drawing = (sources.clipart.parent / "svg" / relative).with_suffix(".svg")
        if str(relative).startswith(_NOT_DRAWINGS) or not drawing.exists():
            continue
        if _pixels(path) > _MOST_PIXELS:
            continue
        # the metadata stands before the first 20,000 characters or nowhere
        text = drawing.read_text(encoding="utf-8", errors="replace")[:20_000]
        title = re.search(r"<dc:title>([^<]*)</dc:title>", text)
        keywords = re.findall(r"<rdf:li>([^<]*)</rdf:li>", text)
        folder = relative.parent.name.replace("_", " ")
        found.append(
            (path, _plain(title[1]) if title else "", [_plain(k) for k in keywords], folder)
        )
    repeats = Counter(title for _, title, _, _ in found)
    pictures = []
    for path, title, keywords, folder in found:
        if len(title) < 3 or repeats[title] > _TITLE_REPEATS:
            continue
        kinds = [
            k for k in dict.fromkeys([*keywords, folder]) if k not in _NOT_KEYWORDS and k != title
        ]
        held_out = (
            zlib.crc32(title.encode()) % 8 == 0
        )  # by title, so that no series is in both parts
        pictures.append(Picture(path, "drawing", (title,), tuple(kinds), (), "", title, held_out))
    return pictures


def _pixels(png: Path) -> int:
    with png.open("rb") as file:
        header = file.read(24)
    return int.from_bytes(header[16:20], "big") * int.from_bytes(header[20:24], "big")


def _plain(text: str) -> str:
    """`Flaming_Soccer-Ball 01` as `flaming soccer ball`."""
    words = re.sub(r"[_\-/.]|(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"\s+", " ", re.sub(r"\b\d+\b|(?<=[a-z])\d+\b|&\w+;", " ", words)).strip().lower()
