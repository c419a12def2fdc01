"""`lookalike models quantize`: int8 calibrated on the owner's own pictures and texts."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import console
from lookalike.cli.options import JsonOption

if TYPE_CHECKING:
    from lookalike.evaluation.quantization.report import Report

EXAMPLES = (
    "lookalike models quantize ViT-B-32 --calibration products.jsonl",
    "lookalike models quantize tiny --calibration photos/ --output tiny-int8",
)

_PERCENT = typer.Option("--min-kept", min=0, max=1, help="Least share of the exact top 10 kept.")


def quantize(
    name: Annotated[str, typer.Argument(help="The model: a name, or a bundle's folder.")],
    calibration: Annotated[
        Path,
        typer.Option(
            "--calibration",
            metavar="FOLDER|FEED",
            help="Your pictures: a folder of them, or a feed (.jsonl, .csv, .parquet).",
        ),
    ],
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts",
            metavar="FILE",
            help="Your texts, one a line. Default: a feed's titles and descriptions, a folder's sub-folder "
            "names; where these are few, the sample catalogue's too.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Make a new bundle there, and leave NAME."),
    ] = None,
    samples: Annotated[
        int,
        typer.Option("--samples", min=20, help="Pictures, and as many texts, to calibrate with."),
    ] = 300,
    held_out: Annotated[
        int, typer.Option("--held-out", min=20, help="Others to measure the result on.")
    ] = 300,
    min_cosine: Annotated[
        float, typer.Option("--min-cosine", min=0, max=1, help="Least mean cosine to fp32.")
    ] = 0.99,
    min_kept: Annotated[float, _PERCENT] = 0.95,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure, and install nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Calibrate a model for int8 on your pictures and texts; install it if it is good enough.

    It is measured on pictures and texts that calibration has not seen. Below the threshold, blocks are left in
    floating point, the most harmful first, until it passes. Vectors at int8 get another fingerprint: what was
    indexed at int8 must be indexed anew; other precisions stay as they were.
    """
    from lookalike.encoder.golden import store_of
    from lookalike.encoder.images import ImageLimits
    from lookalike.errors import QuantizationFailed
    from lookalike.evaluation.material import gather
    from lookalike.evaluation.quantization.report import Threshold
    from lookalike.evaluation.quantization.run import Options
    from lookalike.evaluation.quantization.service import quantize_model
    from lookalike.settings import load_settings

    settings = load_settings()
    limits = ImageLimits(
        max_pixels=settings.max_image_pixels,
        max_bytes=settings.max_image_bytes,
        min_side=settings.min_image_side,
    )
    began = time.perf_counter()
    found = quantize_model(
        store_of(settings),
        name,
        gather(calibration, texts),
        Options(
            threshold=Threshold(cosine=min_cosine, kept=min_kept),
            calibrate=samples,
            held_out=held_out,
            threads=settings.threads,
            limits=limits,
        ),
        console.note,
        output=output,
        dry_run=dry_run,
    )
    if found.unreadable:
        console.note(f"pictures that can't be read, passed over: {found.unreadable:,}")
    if as_json:
        console.print_json(found.report.model_dump(mode="json"))
    else:
        print_report(found.report)
    if found.bundle is not None:
        console.note(f"installed in {found.bundle.path}, {time.perf_counter() - began:.0f} s")
        console.note("use it with --precision int8, or LOOKALIKE_PRECISION=int8")
    elif not found.report.passed:
        reasons = {report.reason for report in found.report.towers.values() if report.reason}
        raise QuantizationFailed(name, "; ".join(sorted(reasons)) + "; nothing was installed")


def print_report(report: "Report") -> None:
    """For each tower what it came to, and what it takes in each precision."""
    from lookalike.evaluation.quantization.rendering import COST_COLUMNS, cost_rows, facts

    console.print_facts(facts(report))
    if rows := cost_rows(report):
        console.print_table(COST_COLUMNS, rows)


COMMANDS = (("quantize", quantize, EXAMPLES),)
"""Name, function and examples."""
