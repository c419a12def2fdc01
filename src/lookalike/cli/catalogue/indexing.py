"""`lookalike index`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.ingest import IngestOptions, IngestSummary, Tally
from lookalike.catalog.sources import FeedMapping, open_source
from lookalike.cli.catalogue import engines, options
from lookalike.cli.catalogue.engines import Engine
from lookalike.cli.catalogue.opening import open_catalog
from lookalike.cli.catalogue.watching import progress, stopping
from lookalike.cli.console import note, print_json
from lookalike.cli.options import JsonOption, ModelOption

EXAMPLES = [
    "lookalike index photos/ --collection shop",
    "lookalike index products.csv --map id=sku --map image=photo -c shop --prune",
    "lookalike index products.jsonl -c shop --engine ray --workers 2",
]

STOPPED = 130
"""The exit status of a program that Ctrl-C ended."""


def index(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of pictures, or feeds: .jsonl, .csv, .parquet.", metavar="SOURCE..."
        ),
    ],
    collection: options.Collection = "default",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="A column's field: id, image, title or description.",
            metavar="FIELD=COLUMN",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A column to leave out.", metavar="COLUMN")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="A column that holds several values.", metavar="COLUMN=SEPARATOR"),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Afterwards remove items that the sources don't have.")
    ] = False,
    allow_urls: options.AllowUrls = False,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Fetch URLs again, to see whether pictures changed.")
    ] = False,
    inside: Annotated[
        Path | None,
        typer.Option(
            help="Take pictures from this folder only: for others' feeds.", metavar="FOLDER"
        ),
    ] = None,
    thumbnails: Annotated[bool, typer.Option(help="Make thumbnails.")] = True,
    report: options.Report = None,
    engine: engines.EngineOption = Engine.local,
    workers: engines.WorkersOption = None,
    ray_address: engines.AddressOption = None,
    model: ModelOption = None,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """Take pictures and descriptions into a collection.

    What is there and unchanged is skipped, so it can be stopped and repeated at any time.
    """
    engines.check(engine, workers, ray_address, url)
    mapping = FeedMapping.parse(columns or (), ignore or (), split or ())
    opened = [open_source(path, mapping) for path in sources]
    how = IngestOptions(prune=prune, refetch=refetch, thumbnails=thumbnails)
    with (
        open_catalog(data, url, model) as catalog,
        engines.workers_of(engine, workers, ray_address, model) as ray,
        stopping() as stop,  # the last: Ray sets a handler of SIGTERM too
    ):
        take_in = catalog.index
        if ray is not None and isinstance(catalog, Catalog):
            take_in = partial(catalog.index, workers=ray)
        with progress("indexing") as watch:
            summary = take_in(
                collection,
                opened,
                options=how,
                allow_urls=allow_urls,
                inside=inside,
                observer=lambda tally: watch(tally.done, tally.total, _failures(tally)),
                stop=stop,
                report=report,
            )
        if not summary.stopped and (summary.tally.added or summary.tally.updated):
            catalog.build_index(collection)
    if as_json:
        print_json(summary_json(summary))
    else:
        typer.echo(told(summary))
    if ray is not None and ray.supplied:
        note(f"{ray.supplied:,} pictures were read here and sent: the workers don't have the files")
    if summary.not_pruned:
        note(f"nothing was pruned: {summary.not_pruned}")
    if summary.stopped:
        raise typer.Exit(STOPPED)
    if not summary.complete:
        raise typer.Exit(1)


def _failures(tally: Tally) -> str:
    return f"{tally.failed:,} failed" if tally.failed else ""


def told(summary: IngestSummary) -> str:
    """How it ended, for people."""
    tally = summary.tally
    counts = f"{tally.added:,} added, {tally.updated:,} updated, {tally.unchanged:,} unchanged"
    lines = [
        f"{summary.collection}: {counts}"
        + (f", {tally.pruned:,} removed" if tally.pruned else "")
        + (f", {tally.failed:,} failed" if tally.failed else "")
        + f" in {summary.seconds:,.1f} s ({tally.done / max(summary.seconds, 1e-9):,.0f}/s)"
    ]
    if summary.report:
        lines.append(f"what failed, and why: {summary.report}")
    if summary.stopped:
        lines.append("stopped before the end; the same command goes on from here")
    return "\n".join(lines)


def summary_json(summary: IngestSummary) -> dict[str, object]:
    """How it ended, for machines."""
    tally = summary.tally
    return {
        "collection": summary.collection,
        "added": tally.added,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "failed": tally.failed,
        "pruned": tally.pruned,
        "seconds": round(summary.seconds, 3),
        "report": str(summary.report) if summary.report else None,
        "stopped": summary.stopped,
        "not_pruned": summary.not_pruned,
    }
