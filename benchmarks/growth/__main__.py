"""How cost grows, with ViT-B/32 of random weights and with synthetic vectors: `python -m benchmarks.growth`.

    cores       1, 2, 4 ... as far as there are any, and half a core by a control group's quota (needs root):
                pictures and texts a second, the time of one, memory
    batch       milliseconds a picture and a text at batch 1 to 32
    picture     milliseconds from a file to the tower's pixels, by its size and format; decoding and resizing
    catalogue   a search through the embedded store, by the number of vectors, index as by default
    filters     the same with 0 to 8 conditions, and with one that few or all items pass

    python -m benchmarks.growth --parts catalogue --sizes 1000000     a million: some 20 minutes

By default it takes some 20 minutes on 2 cores, most of them for building the two indexes of 100,000 vectors:
the one with eight attributes to filter by takes several times as long as the one with two.
Machines are noisy: let nothing else run, and read the shape of the curves.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.growth import batch, catalogue, cores, filters, picture, report
from benchmarks.machine import machine


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--parts", nargs="+", choices=list(report.PARTS), default=list(report.PARTS)
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--model", default="random", help="`random`: ViT-B/32 of random weights")
    parser.add_argument("--cores", type=float, nargs="+", default=cores.those_here(),
                        help="below 1: by quota")  # fmt: skip
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--filtered", type=int, default=100_000, help="vectors to filter among")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="use and leave catalogues there, as benchmarks.catalog --keep does")  # fmt: skip
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--json", type=Path, help="keep the figures; later parts are added to them")
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    if given.json and given.json.exists():
        figures = json.loads(given.json.read_text())
    runs = {
        "cores": lambda: cores.run(given.model, given.cores, given.precisions, given.seconds),
        "batch": lambda: batch.run(given.model, given.precisions, given.seconds),
        "picture": lambda: picture.run(given.seconds),
        "catalogue": lambda: catalogue.run(given.sizes, given.queries, given.keep),
        "filters": lambda: filters.run(given.filtered, given.queries),
    }
    for part in given.parts:
        print(f"{part} ...", file=sys.stderr, flush=True)
        figures[part] = {"machine": machine(), "rows": list(runs[part]())}
        if given.json:
            given.json.write_text(json.dumps(figures, indent=1))
    print(report.markdown(figures))


if __name__ == "__main__":
    main()
