"""Pairs to train on: what can truly be said of a picture, and what of it another caption may also say.

Pictures are rows of the feature tables. Beside the real ones there are imagined ones: the features that the
backbone's classifier expects of each of ImageNet's classes, in the colours of any real picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from training.tiny import colours
from training.tiny.pictures import Picture
from training.tiny.sources import ImageClass
from training.tiny.texts import fill
from training.tiny.words import MATERIALS, TEMPLATES

COLOURED = 0.45
"""How often a caption says the colour."""


@dataclass(frozen=True)
class Caption:
    text: str
    concept: str
    """The thing it names, without colour; what makes it true of other pictures of that thing."""
    colour: str | None


@dataclass(frozen=True)
class Subject:
    """What is known of a picture, real or imagined."""

    concepts: frozenset[str]
    colours: frozenset[str]


def colour_sets(shares: NDArray[np.float32]) -> list[frozenset[str]]:
    """All words that may be said of each row's colours: fine and everyday ones of all that is seen much."""
    sets = []
    for row in shares:
        said: set[str] = set()
        totals: dict[str, float] = {}
        for (name, _), share in zip(colours.PROTOTYPES, row, strict=True):
            for word in {name, colours.BASIC.get(name, name)}:
                totals[word] = totals.get(word, 0.0) + float(share)
        said.update(word for word, total in totals.items() if total > 0.12)
        sets.append(frozenset(said | {"colourful", "multicoloured"}))
    return sets


def subject(picture: Picture, colour_words: frozenset[str]) -> Subject:
    return Subject(
        frozenset([*picture.names, *picture.ancestors, picture.label.lower()]), colour_words
    )


def captions_of(
    picture: Picture, shares: NDArray[np.float32], count: int, rng: np.random.Generator
) -> list[Caption]:
    """`count` captions of a real picture."""
    made = []
    for _ in range(count):
        draw = rng.random()
        if picture.sentences and draw < 0.12:
            made.append(Caption(str(rng.choice(picture.sentences)), picture.label.lower(), None))
            continue
        kinds = picture.ancestors if picture.ancestors and draw > 0.85 else picture.names
        name = str(rng.choice(kinds))
        words = colours.named(shares, rng) if rng.random() < COLOURED else []
        said = " and ".join(words)
        made.append(
            Caption(
                fill(str(rng.choice(TEMPLATES)), [f"{said} {name}".strip()]),
                name,
                words[0] if words else None,
            )
        )
    return made


def class_captions(
    kind: ImageClass, palette: Sequence[str], count: int, rng: np.random.Generator
) -> list[Caption]:
    """`count` captions of an imagined picture of one of ImageNet's classes.

    Of animals no colour is said: their pictures have one of their own.
    """
    made = []
    for _ in range(count):
        draw, colour, before = rng.random(), None, ""
        if draw < 0.62:
            name = str(rng.choice(kind.names, p=kind.name_weights))
        else:
            words, weights = (
                kind.ancestors or kind.names,
                kind.ancestor_weights or kind.name_weights,
            )
            name = str(rng.choice(words, p=weights))
        if not kind.animal and rng.random() < COLOURED:
            colour = before = str(rng.choice(palette))
        elif not kind.animal and rng.random() < 0.05:
            before = str(rng.choice(MATERIALS))
        made.append(
            Caption(fill(str(rng.choice(TEMPLATES)), [f"{before} {name}".strip()]), name, colour)
        )
    return made


def class_subject(kind: ImageClass) -> frozenset[str]:
    return frozenset([*kind.names, *kind.ancestors])
