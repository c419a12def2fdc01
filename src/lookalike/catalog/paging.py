"""Pages that neither repeat nor skip, out of searches that promise no such thing.

An approximate search asked for more may answer differently, and hits of equal score may come in any order.
So a list of hits is defined once: the best of the first window, then what a search for the next window adds,
and so on. A page is a cut of that list, and every page of one list is cut from the same searches.
Pure and light: the engine's process runs it too.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

WINDOWS = (20, 100, 500, 2500, 10_000)
"""Sizes of the searches. A first page of up to 20 costs one search for 20."""

Row = TypeVar("Row")


def page(
    fetch: Callable[[int], Sequence[Row]],
    key: Callable[[Row], str],
    offset: int,
    limit: int,
) -> list[Row]:
    """The rows from `offset` on, at most `limit`.

    `fetch` gives the best so many rows in its order, the same for the same number; `key` names a row.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    for window in WINDOWS:
        found = fetch(window)
        for row in found:
            if (name := key(row)) not in seen:
                seen.add(name)
                rows.append(row)
        if len(rows) >= offset + limit or len(found) < window:
            break
    return rows[offset : offset + limit]
