"""Which ids a run has met, in eight bytes each."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import PruneRefused


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


class Met:
    """What a run has met of its sources, and so what pruning after it must leave alone."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._spared = Seen()  # rows that were rejected: what is stored under their ids stays
        self._unidentified = 0

    def add(self, ids: Sequence[str]) -> list[bool]:
        """Rows that can be read. Which ids had come before."""
        return self._seen.add(ids)

    def reject(self, id: str | None) -> None:  # noqa: A002 (the item's own word)
        """A row that can't be read; None where not even its id can."""
        if id is None:
            self._unidentified += 1
        else:
            self._spared.add([id])

    def why_not_prune(self, collection: str) -> str | None:
        """Why nothing may be removed. Raises PruneRefused where the sources were empty."""
        if self._unidentified:
            return (
                f"{self._unidentified:,} rows have no readable id, and the items they stand for "
                "would be removed"
            )
        if not len(self._seen):
            raise PruneRefused(
                f"the source is empty, which would empty {collection!r} too; "
                f"if that is meant: lookalike collections drop {collection}"
            )
        return None

    def gone(self, ids: Sequence[str]) -> list[str]:
        """Those of these stored ids that no source has."""
        stay = self._seen.among(ids) | self._spared.among(ids)
        return [one for one, stays in zip(ids, stay, strict=True) if not stays]


def _hashes(ids: Sequence[str]) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(one.encode(), digest_size=8).digest() for one in ids)
    return np.frombuffer(digests, np.uint64)
