"""With cores: whole ones by affinity, a part of one by a control group's quota, as a container has it."""

import math
import os
import sys
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.growth.alone import Row, alone
from benchmarks.small_container import ControlGroup


def those_here() -> list[float]:
    """Half a core, then 1, 2, 4 and so on up to all that this process may use."""
    most = len(os.sched_getaffinity(0))
    doubled = [2.0**power for power in range(math.floor(math.log2(most)) + 1)]
    return [0.5, *doubled, *([float(most)] if most > doubled[-1] else [])]


def run(
    model: str, cores: Sequence[float], precisions: Sequence[str], seconds: float
) -> Iterator[Row]:
    """One row for each number of cores and precision that can be had."""
    for precision in precisions:
        for share in cores:
            whole = share == int(share)
            task = {"measure": "cores", "model": model, "precision": precision, "seconds": seconds,
                    "affinity": int(share) if whole else None}  # fmt: skip
            found = alone(task) if whole else _by_quota(task, share)
            if found:
                yield {"cores": share, "by": "affinity" if whole else "quota"} | found


def _by_quota(task: Row, cores: float) -> Row | None:
    try:
        with ControlGroup(psutil.virtual_memory().total, cores) as group:
            return alone(task, group.command)
    except OSError as error:  # not root, or a container without control groups of its own
        print(
            f"  left out: {cores:g} cores: no control group can be made here ({error})",
            file=sys.stderr,
        )
        return None
