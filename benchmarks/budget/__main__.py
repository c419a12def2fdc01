"""The stage budget of one request: `python -m benchmarks.budget`.

`lookalike serve` with ViT-B/32 of random weights, over loopback; a JPEG of 800x800 as data URI, base64 and
multipart, and a short text that was not asked before; one client, one request after the other. Timers are put
around the service's own functions, in the benchmark's server process alone, and read the same clock as the
client. Each stage is the median of all requests; "unaccounted" is what the medians' sum leaves of the whole's.
"""

import argparse
import json
from pathlib import Path

from benchmarks.budget import report
from benchmarks.budget.measure import measure
from benchmarks.machine import machine


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", help="default: ViT-B/32 of random weights")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--requests", type=int, default=300, help="of each kind")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    given = parser.parse_args()
    model = given.model
    if model is None:
        from benchmarks.random_model import random_bundle

        model = str(random_bundle("ViT-B-32").path)
    started = machine()
    rows = measure(model, given.precision, given.requests)
    figures = {"machine": started, "precision": given.precision, "budget": rows}
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))
    print("\n".join(report.budget(rows).lines))


if __name__ == "__main__":
    main()
