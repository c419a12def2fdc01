"""The items of the shop, made from the table of kinds and the food shelf.

An item comes from its place in the tables and the seed only, so the same catalogue comes out every time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from training.sample.drawings import DRAWINGS
from training.sample.groceries import GROCERIES
from training.sample.kinds import KINDS, SCHEMES, Kind
from training.sample.look import Look
from training.sample.palette import COLOURS
from training.sample.patterns import Dress
from training.sample.studio import Studio
from training.sample.words import PATTERN_NAMES, description, title

SEED = 4


@dataclass(frozen=True)
class Item:
    """One line of the feed, and how to draw its picture."""

    facts: dict[str, Any]
    drawing: str
    look: Look

    @property
    def id(self) -> str:
        return str(self.facts["id"])


def _slug(text: str) -> str:
    return text.replace(" ", "-").replace("é", "e")


def _price(low: float, high: float, rng: np.random.Generator) -> float:
    value = low * (high / low) ** rng.uniform()
    step = 1 if value < 40 else 5
    return float(
        round(value / step) * step - (0.01 if value >= 40 else rng.choice([0.01, 0.05, 0.5]))
    )


def _rating(rng: np.random.Generator) -> float:
    return round(float(np.clip(rng.normal(4.2, 0.45), 2.4, 5.0)), 1)


def _shuffled(rng: np.random.Generator, things: tuple[Any, ...]) -> list[Any]:
    return [things[k] for k in rng.permutation(len(things))]


def _dresses(kind: Kind, rng: np.random.Generator) -> Iterator[Dress]:
    """Plain and patterned in turn, every colour once before one comes again."""
    plains, patterns, used = (
        _shuffled(rng, kind.colours),
        _shuffled(rng, kind.patterns),
        dict[str, int](),
    )
    orders = {p: _shuffled(rng, SCHEMES[p]) for p in kind.patterns}
    k = m = 0
    while True:
        if patterns and (k + m) % 5 in (1, 3):
            pattern = patterns[m % len(patterns)]
            scheme = orders[pattern][used.get(pattern, 0) % len(orders[pattern])]
            used[pattern] = used.get(pattern, 0) + 1
            m += 1
            yield Dress(pattern, scheme, kind.scale, m)
        else:
            yield Dress("plain", (plains[k % len(plains)],), kind.scale, k)
            k += 1


def _goods(kind: Kind, place: int, numbers: dict[str, int]) -> Iterator[Item]:
    rng = np.random.default_rng([SEED, place])
    cuts = list(kind.cuts.items())
    dresses = _dresses(kind, rng)
    seen: set[tuple[str, ...]] = set()
    for k in range(kind.count):
        dress = next(dresses)
        # the next cut that hasn't come in this dress yet
        order = [cuts[(k + j) % len(cuts)] for j in range(len(cuts))]
        cut, noun = next((c for c in order if (c[0], *dress.colours) not in seen), order[0])
        seen.add((cut, *dress.colours))
        material = kind.materials[rng.integers(len(kind.materials))]
        trims = [t for t in kind.trims if t != dress.colours[0]] or [dress.colours[0]]
        trim = trims[rng.integers(len(trims))]
        number = numbers[kind.category] = numbers.get(kind.category, 0) + 1
        name = f"{_slug(kind.category)}-{number:02d}"
        facts: dict[str, Any] = {
            "id": name,
            "image": f"pictures/{name}.webp",
            "title": title(noun, material, dress, rng),
            "description": description(noun, material, dress, kind.details, kind.uses, trim, rng),
            "category": kind.category,
            "department": kind.department,
            "colour": COLOURS[dress.colours[0]].family,
            "pattern": PATTERN_NAMES[dress.pattern],
            "material": material,
            "price": _price(*kind.price, rng),
            "rating": _rating(rng),
        }
        yield Item(
            facts, kind.drawing or kind.category, Look(dress, trim, cut, int(rng.integers(1 << 30)))
        )


def _food(numbers: dict[str, int]) -> Iterator[Item]:
    rng = np.random.default_rng([SEED, 999])
    for grocery in GROCERIES:
        number = numbers[grocery.category] = numbers.get(grocery.category, 0) + 1
        name = f"{_slug(grocery.category)}-{number:02d}"
        facts = {
            "id": name,
            "image": f"pictures/{name}.webp",
            "title": grocery.title,
            "description": grocery.description,
            "category": grocery.category,
            "department": "food",
            "colour": COLOURS[grocery.colours[0]].family,
            "price": grocery.price,
            "rating": _rating(rng),
        }
        look = Look(Dress("plain", grocery.colours), grocery.trim, grocery.cut, number)
        yield Item(facts, grocery.drawing, look)


def items() -> list[Item]:
    """The whole catalogue, in the order of its feed."""
    numbers: dict[str, int] = {}
    out = [item for place, kind in enumerate(KINDS) for item in _goods(kind, place, numbers)]
    return [*out, *_food(numbers)]


def draw(item: Item, studio: Studio) -> Image.Image:
    """The picture of an item, RGB, 256 x 256."""
    return DRAWINGS[item.drawing](item.look, studio)
