"""Measures on held-out training data: what decisions are made with. The test sets play no part here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from training.tiny import colours
from training.tiny.captions import colour_sets
from training.tiny.pictures import Picture

Words = Callable[[Sequence[str]], Tensor]
"""Texts to unit vectors of the joint space."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out pictures, row by row with their vectors and colour shares."""

    pictures: Sequence[Picture]
    vectors: Tensor
    shares: np.ndarray

    def of(self, source: str) -> "HeldOut":
        rows = [i for i, p in enumerate(self.pictures) if p.source == source]
        return HeldOut([self.pictures[i] for i in rows], self.vectors[rows], self.shares[rows])


def accuracy(part: HeldOut, labels: Sequence[str], truth: Sequence[str], words: Words) -> float:
    """Per cent of pictures whose nearest label is the true one."""
    nearest = (
        part.vectors @ words([f"a photo of a {label.lower()}" for label in labels]).T
    ).argmax(1)
    return 100 * float(
        np.mean([labels[i] == t for i, t in zip(nearest.tolist(), truth, strict=True)])
    )


def recall(part: HeldOut, words: Words, at: int = 10) -> float:
    """Per cent of titles for which a picture of that title is among the `at` nearest."""
    titles = [p.names[0] for p in part.pictures]
    near = (words(titles) @ part.vectors.T).topk(at, dim=1).indices.tolist()
    return 100 * float(
        np.mean([any(titles[j] == t for j in row) for t, row in zip(titles, near, strict=True)])
    )


def colour_precision(part: HeldOut, words: Words, at: int = 5) -> tuple[float, float]:
    """Of queries of a basic colour and a category with enough such pictures: per cent of the nearest that are
    of that colour and category, and of that colour."""
    sets, labels = colour_sets(part.shares), [p.label for p in part.pictures]
    basics = [n for n in colours.NAMES if n not in colours.BASIC]
    both, colour_only = [], []
    for label in sorted(set(labels)):
        for basic in basics:
            true = [i for i, s in enumerate(sets) if basic in s and labels[i] == label]
            if len(true) < at:
                continue
            near = (
                (words([f"{basic} {label.lower()}"]) @ part.vectors.T)[0].topk(at).indices.tolist()
            )
            both.append(len(set(near) & set(true)) / at)
            colour_only.append(sum(basic in sets[i] for i in near) / at)
    return 100 * float(np.mean(both)), 100 * float(np.mean(colour_only))


def report(held: HeldOut, words: Words) -> dict[str, float]:
    clothing, grocery, drawn = held.of("clothing"), held.of("grocery"), held.of("drawing")
    kinds = sorted({p.label for p in clothing.pictures})
    titles = sorted({p.label for p in grocery.pictures})
    both, colour = colour_precision(clothing, words)
    return {
        "clothing": accuracy(clothing, kinds, [p.label for p in clothing.pictures], words),
        "grocery": accuracy(grocery, titles, [p.label for p in grocery.pictures], words),
        "drawings R@10": recall(drawn, words),
        "colour and kind P@5": both,
        "colour P@5": colour,
    }
