"""Titles and descriptions: true to the picture, and no two kinds alike."""

from collections.abc import Sequence

import numpy as np
from training.sample.patterns import Dress

PATTERN_NAMES: dict[str, str] = {
    "plain": "plain",
    "striped": "striped",
    "breton": "striped",
    "upright": "striped",
    "pinstriped": "pinstriped",
    "checked": "checked",
    "tartan": "tartan",
    "dotted": "polka dot",
    "floral": "floral",
    "camouflage": "camouflage",
    "zigzag": "zigzag",
    "argyle": "argyle",
    "colour block": "colour block",
    "leopard": "leopard print",
    "tie-dye": "tie-dye",
}
"""What shops call the patterns: how they are drawn, and the word to filter by."""


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


_PAIRS = frozenset(
    "trousers jeans joggers shorts socks sunglasses sneakers shoes boots loafers heels pumps sandals"
    " flip-flops slippers".split()
)


def article(text: str) -> str:
    """`a` or `an`, or `a pair of` for what comes in pairs."""
    if text.split()[-1] in _PAIRS:
        return f"a pair of {text}"
    return f"{'an' if text[0].lower() in 'aeiou' else 'a'} {text}"


def title(noun: str, material: str, dress: Dress, rng: np.random.Generator) -> str:
    """A title that names the colours and, unless plain, the pattern."""
    colours, pattern = listed(dress.colours), PATTERN_NAMES[dress.pattern]
    if dress.pattern == "plain":
        main = dress.colours[0]
        forms = [
            f"{main} {noun}",
            f"{main} {material} {noun}",
            f"{noun} in {main}",
            f"{material} {noun} in {main}",
            f"{main} {noun} in {material}",
        ]
    else:
        forms = [
            f"{pattern} {noun} in {colours}",
            f"{colours} {pattern} {noun}",
            f"{pattern} {material} {noun}, {colours}",
            f"{noun}, {pattern} in {colours}",
        ]
    return sentence(forms[rng.integers(len(forms))])


def description(
    noun: str,
    material: str,
    dress: Dress,
    details: Sequence[str],
    uses: Sequence[str],
    trim: str,
    rng: np.random.Generator,
) -> str:
    """Two or three sentences: what it is and of what, a detail, what it is good for.

    Only what has trimmings of its own colour is said to be one colour all over.
    """
    pattern = PATTERN_NAMES[dress.pattern]
    main = dress.colours[0]
    detail = details[rng.integers(len(details))]
    use = uses[rng.integers(len(uses))]
    if dress.pattern == "plain" and trim != main:
        forms = [
            f"{article(noun)} in {main} {material}, {detail}.",
            f"made of {main} {material}, {detail}.",
            f"{main} {noun} of {material}, {detail}.",
            f"{article(noun)} of {material}, {detail}. The main colour is {main}.",
        ]
    elif dress.pattern == "plain":
        forms = [
            f"{article(noun)} in plain {main} {material}, {detail}.",
            f"made of {material} in one {main} tone, {detail}.",
            f"{main} all over: {article(noun)} of {material}, {detail}.",
            f"{article(noun)} of {material}, {detail}. The colour is {main}.",
        ]
    else:
        colours, rest = listed(dress.colours), listed(dress.colours[1:])
        forms = [
            f"{article(noun)} of {material} with {article(pattern)} pattern in {colours}, {detail}.",
            f"{main} {material} with a {rest} {pattern} pattern, {detail}.",
            f"{article(pattern)} pattern of {rest} on {main}: {article(noun)} in {material}, {detail}.",
        ]
    return f"{sentence(forms[rng.integers(len(forms))])} {sentence(use)}."
