"""How many workers a cluster is given, and how many threads each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_THREADS = 4
"""Of a worker, unless told: more share one model in memory, but gain less and less from each other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Workers, and the cores that each takes on its machine."""

    workers: int
    threads: int


def plan(cores: Sequence[float], workers: int = 0, threads: int = 0) -> Plan:
    """What to start on machines with so many cores each. 0: to be decided here.

    Given neither, workers of MOST_THREADS threads, or fewer where a machine has fewer, fill the cluster. Given
    `workers`, each gets as many threads as leave room for all; one, where there is no such number.
    """
    whole = [math.floor(one) for one in cores if one >= 1] or [1]
    if not threads:
        most = max(whole) if workers else min(MOST_THREADS, *whole)
        fitting = (t for t in range(most, 0, -1) if room(whole, t) >= workers)
        threads = next(fitting, 1)
    return Plan(workers or max(1, room(whole, threads)), threads)


def room(cores: Sequence[float], threads: int) -> int:
    """How many workers of so many threads the machines take."""
    return sum(math.floor(one / threads) for one in cores)
