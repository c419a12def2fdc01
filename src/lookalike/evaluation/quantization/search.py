"""Which blocks to leave in floating point: the most harmful first, one at a time, until it is good enough."""

from collections.abc import Callable, Iterator, Sequence

from lookalike.evaluation.quantization.report import Attempt, Threshold
from lookalike.evaluation.retrieval import Agreement

Left = tuple[str, ...]


def attempts(
    blocks: Sequence[str],
    threshold: Threshold,
    measure: Callable[[Left], Agreement],
    gain: Callable[[str], float],
) -> Iterator[Attempt]:
    """Try with no block left in floating point, then with ever more, until an attempt passes: the last one.

    `measure`: what leaving some blocks gives. `gain`: how much better it is if this one alone is left; asked
    only if the first attempt doesn't pass, since it takes as long for each block. If all blocks are left and it
    still doesn't pass, the last attempt is not good enough, and the caller must say so.
    """
    left: Left = ()
    found = measure(left)
    yield Attempt(left=left, agreement=found)
    if threshold.passed_by(found):
        return
    for block in sorted(blocks, key=gain, reverse=True):
        left = (*left, block)
        found = measure(left)
        yield Attempt(left=left, agreement=found)
        if threshold.passed_by(found):
            return
