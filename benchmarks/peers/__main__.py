"""Lookalike beside what a user would pick instead, on this machine, in one run: `make bench-peers`.

    python -m benchmarks.peers                          everything: some 25 minutes; installs several GB
    python -m benchmarks.peers --parts library floor    only these
    python -m benchmarks.peers --python torch=/path/to/python   an environment that is there already

The same weights (full-size ViT-B/32, random), the same 64 JPEGs of 800x800, the same 2,000 texts. One peer at
a time; services are all started, and asked in turn. Let nothing else run meanwhile, and read the ratios.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import machine
from benchmarks.peers import engines, floor, library, report, serving, whole
from benchmarks.peers.environments import ENVIRONMENTS, NotInstalled
from benchmarks.peers.material import prepare


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--parts", nargs="+", choices=list(report.PARTS), default=list(report.PARTS)
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument(
        "--keep", type=Path, help="Lookalike's stores of vectors, kept for the next time"
    )
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH",
                        help=f"instead of installing; names: {', '.join(ENVIRONMENTS)}")  # fmt: skip
    parser.add_argument("--json", type=Path, help="keep the figures; later parts are added to them")
    options = parser.parse_args()
    given = dict(one.split("=", 1) for one in options.python)
    material = prepare()
    figures: dict[str, Any] = {}
    if options.json and options.json.exists():
        figures = json.loads(options.json.read_text())
    figures["machine"] = machine()
    runs = {
        "library": lambda: library.run(material, options.seconds / 2, given),
        "service": lambda: serving.run(material, options.seconds, given),
        "whole": lambda: whole.run(material, options.seconds, given),
        "engines": lambda: engines.run(options.sizes, given, options.keep),
        "floor": lambda: floor.run(material, options.seconds),
    }
    for part in options.parts:
        rows = figures[part] = []
        try:
            for row in runs[part]():
                rows.append(row)
                if options.json:
                    options.json.write_text(json.dumps(figures, indent=1))
        except (NotInstalled, RuntimeError, psutil.Error, subprocess.SubprocessError) as error:
            print(f"{part} ends early: {error}", file=sys.stderr)
    print(report.markdown(figures))


if __name__ == "__main__":
    main()
