"""How well kinds of things are known that training was never shown: what a recipe is chosen by first.

A part of the products' kinds is kept from a second training of the heads, and then told apart among all kinds.
More steps and stronger pulls make the figures on known kinds better and these worse: this is how that is seen.
"""

from collections.abc import Sequence

import torch
from training.tiny import measure
from training.tiny.heads import TrainedImageHead
from training.tiny.pictures import Picture
from training.tiny.pipeline import Seen, read

CLOTHING = ("dress", "hat", "shorts")
"""The categories of clothing that are kept out; of groceries it is every fourth category."""


def withheld(pictures: Sequence[Picture]) -> frozenset[str]:
    """Labels of the products that are kept from the training."""
    groceries = sorted({p.category for p in pictures if p.source == "grocery"})
    kept_out = {*CLOTHING, *groceries[1::4]}
    return frozenset(p.label for p in pictures if p.source != "drawing" and p.category in kept_out)


@torch.no_grad()
def report(
    seen: Seen, image: TrainedImageHead, words: measure.Words, labels: frozenset[str]
) -> dict[str, float]:
    """Per cent of the photos of `labels` whose nearest name, of all kinds of that department, is right."""
    figures = {}
    for source in ("clothing", "grocery"):
        rows = [i for i, p in enumerate(seen.pictures) if p.source == source and p.label in labels]
        pictures = [seen.pictures[i] for i in rows]
        vectors = image(read(seen.plain)[rows], torch.from_numpy(seen.plain.logits[rows]))
        part = measure.HeldOut(pictures, vectors, seen.plain.shares[rows])
        all_kinds = sorted({p.category for p in seen.pictures if p.source == source})
        figures[f"{source} categories"] = measure.accuracy(
            part, all_kinds, [p.category for p in pictures], words
        )
    return figures
