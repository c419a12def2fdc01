"""Which ids a run has met, in eight bytes each."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


class Seen:
    """A growing set of ids, kept as 64-bit hashes: 8 MB a million, where a set of strings takes 100.

    Sorted runs, each at least twice as long as the next: a look-up is a binary search in a few of them. Two
    ids of a million share a hash with a probability of 3 in 10^8; then the second passes for the first.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def __contains__(self, id: str) -> bool:  # noqa: A002 (the item's own word)
        return bool(self.among([id])[0])

    def among(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these were added."""
        hashes = _hashes(ids)
        found = np.zeros(len(ids), bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            found |= run[at] == hashes
        return found

    def add(self, ids: Sequence[str]) -> list[bool]:
        """Add them; which were there already, be it from earlier among these."""
        there: list[bool] = self.among(ids).tolist()
        own: set[str] = set()
        for number, one in enumerate(ids):
            there[number] = there[number] or one in own
            own.add(one)
        fresh = np.unique(_hashes([one for one, old in zip(ids, there, strict=True) if not old]))
        if len(fresh):
            self._runs.append(fresh)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate((self._runs[-1], last)), kind="stable")
        return there


def _hashes(ids: Sequence[str]) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(one.encode(), digest_size=8).digest() for one in ids)
    return np.frombuffer(digests, np.uint64)
