"""How long something takes: the median of repeated calls."""

import time
from collections.abc import Callable
from statistics import median


def median_seconds(
    call: Callable[[], object], *, seconds: float = 1.0, least: int = 5, most: int = 200
) -> float:
    """Of at least `least` calls, and as many more as `seconds` and `most` allow; a first one isn't counted."""
    call()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < least or (len(times) < most and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)
