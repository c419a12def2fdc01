"""How deep the lists are that Qdrant fuses or picks from, and how it fuses them; the same in both adapters.

Light, because the engine's processes import it.
"""

RRF_K = 60
"""Reciprocal rank fusion scores 1 / (k + rank). 60 is the value of the paper that introduced it (Cormack,
Clarke and Büttcher, 2009); Qdrant's own default of 2 lets the first ranks of one list decide alone."""


def depth(window: int) -> int:
    """The length of each list that is fused, and of the list that MMR picks from, for the best `window`: so
    much longer that an item far down one list and first in another still meets itself.
    """
    return max(100, 5 * window)
