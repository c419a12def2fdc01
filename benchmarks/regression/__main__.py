"""Has a request become dearer? `make bench-check`, some 30 seconds.

Counts first: of decodings, inferences, questions to the store, bytes, memory, function calls; they are the same
on every machine. Then ratios of times within this run, the shortest of many; one that is beyond its bound is
taken again, up to three times, for only the code makes it fail each time. Nothing here says how fast anything
is: that is `make bench`.

    python -m benchmarks.regression            compare with baseline.json; status 1 if something costs more
    python -m benchmarks.regression --renew    write what is now into baseline.json
    python -m benchmarks.regression --all      show every figure
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

# before anything that reads them: the figures must not depend on the machine's cores
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

from benchmarks.regression import counts, ratios
from benchmarks.regression.figures import (
    ADVICE,
    Figure,
    Verdict,
    judge,
    read_baseline,
    write_baseline,
)

TRIES = 3
PARTS = (counts, ratios)


def measured(part: ModuleType) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return list(part.measure(Path(folder)))


def checked(baseline: dict[str, float]) -> list[Verdict]:
    """All figures; those of a part in which one is beyond its bound are the best of several tries."""
    verdicts: list[Verdict] = []
    for part in PARTS:
        best: dict[str, Figure] = {}
        for _ in range(TRIES):
            for figure in measured(part):
                known = best.get(figure.name, figure)
                best[figure.name] = min(figure, known, key=lambda one: one.value)
            judged = judge(best.values(), baseline)
            if not any(verdict.failed for verdict in judged):
                break
        verdicts += judged
    return verdicts


def usual() -> list[Figure]:
    """All figures, each the middle one of several tries."""
    tries = [[figure for part in PARTS for figure in measured(part)] for _ in range(TRIES)]
    return [
        sorted(some, key=lambda one: one.value)[TRIES // 2] for some in zip(*tries, strict=True)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--renew", action="store_true", help="take what is now as the baseline")
    parser.add_argument("--all", action="store_true", help="show every figure")
    options = parser.parse_args()
    began = time.monotonic()
    if options.renew:
        figures = usual()
        write_baseline(figures)
        print(f"baseline.json has {len(figures)} figures now")
        return 0
    baseline = read_baseline()
    verdicts = checked(baseline)
    failed = [verdict for verdict in verdicts if verdict.failed]
    missing = baseline.keys() - {verdict.figure.name for verdict in verdicts}
    for verdict in verdicts if options.all else failed:
        print(("COSTS MORE  " if verdict.failed else "            ") + verdict.line)
    for name in sorted(missing):
        print(f"GONE        {name}: the baseline has it, but it is not measured")
    if failed or missing:
        print(f"\n{ADVICE}")
        return 1
    print(f"bench-check: {len(verdicts)} figures, none above its bound"
          f" ({time.monotonic() - began:.0f} s)")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
