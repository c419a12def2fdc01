"""The texts that the student of the text encoder learns from: names, captions, queries and descriptions."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from training.tiny.wordnet import WordNet
from training.tiny.words import (
    CLOTHING,
    CLOTHING_ANCESTORS,
    COLOURS,
    MATERIALS,
    PATTERNS,
    QUALITIES,
    SCENES,
    TEMPLATES,
)


def article(caption: str) -> str:
    """`a` before a vowel becomes `an`, as people write it."""
    return re.sub(r"\b([aA]) (?=[aeiou])", r"\1n ", caption)


def fill(template: str, names: Iterable[str]) -> str:
    """`template` with its places filled by `names`, in order; names left over are ignored."""
    source = iter(names)
    return article(re.sub(r"\{\}", lambda _: next(source), template))


def described(name: str, rng: np.random.Generator) -> str:
    """`name` with an adjective or two before it, as a shopper would say it."""
    kinds = (COLOURS, COLOURS, COLOURS, PATTERNS, MATERIALS, QUALITIES)
    chosen = [
        kinds[i] for i in rng.choice(len(kinds), size=1 + int(rng.random() < 0.3), replace=False)
    ]
    words = [str(rng.choice(kind)) for kind in chosen]
    return " ".join([*dict.fromkeys(words), name])


def corpus(
    wordnet: WordNet, everyday: list[str], own: list[str], rng: np.random.Generator
) -> list[str]:
    """Texts for distillation, without repetition, in a fixed order.

    `everyday`: names that are seen often (ImageNet's classes and their ancestors); `own`: titles and
    descriptions of the training pictures.
    """
    visible = [s for s in wordnet.visible() if s.parents]
    lemmas = list(dict.fromkeys(lemma for s in visible for lemma in s.lemmas))
    everyday = list(
        dict.fromkeys(
            [*everyday, *(n for names in CLOTHING.values() for n in names), *CLOTHING_ANCESTORS]
        )
    )
    texts = [*own, *everyday, *COLOURS, *PATTERNS, *MATERIALS, *lemmas]
    for name in everyday:
        texts += [fill(str(rng.choice(TEMPLATES)), [name]) for _ in range(4)]
        texts += [fill(str(rng.choice(TEMPLATES)), [described(name, rng)]) for _ in range(12)]
        texts += [
            fill(str(rng.choice(SCENES)), [described(name, rng), str(rng.choice(everyday))])
            for _ in range(4)
        ]
    for lemma in lemmas:
        texts.append(fill(str(rng.choice(TEMPLATES)), [described(lemma, rng)]))
    for synset in visible:
        if rng.random() < 0.5:
            texts.append(synset.gloss)
    return list(dict.fromkeys(t for t in texts if 1 < len(t) < 240))


def grocery_texts(items: Path) -> list[str]:
    """Titles, categories and sentences of the descriptions of the training photos of groceries."""
    texts: list[str] = []
    for line in items.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["split"] == "train" and item["title"]:
            texts += [item["title"], item["category"], item["description"]]
            texts += re.split(r"(?<=[.!]) ", item["description"])
    return list(dict.fromkeys(texts))
