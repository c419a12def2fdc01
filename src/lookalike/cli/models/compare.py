"""`lookalike models compare`: what models cost, and how good they are, measured on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import console
from lookalike.cli.options import DeviceOption, JsonOption, PrecisionOption

if TYPE_CHECKING:
    from lookalike.evaluation.comparison.row import Comparison

EXAMPLES = (
    "lookalike models compare tiny ViT-B-32 ViT-B-16",
    "lookalike models compare tiny ViT-B-32 --data products.jsonl --label category --html report.html",
)

_OUTPUT = "Write the table there as {}."


def compare(
    names: Annotated[list[str], typer.Argument(help="Models: names, or bundles' folders.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER|FEED",
            help="Labelled pictures: a folder whose sub-folders are labels, or a feed.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="The feed's labels. Default: category."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=2, help="At most so many of the pictures, by chance.")
    ] = 1000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.01, help="How long each figure is measured.")
    ] = 2.0,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help=_OUTPUT.format("Markdown")),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write a page there, with a chart of quality against latency.",
        ),
    ] = None,
) -> None:
    """Measure models on this machine: size, time, memory; with labelled pictures, their quality too.

    Each model runs alone in a process of its own, one after the other. With --data also zero-shot accuracy and
    recall at 1, 5 and 10, from texts to pictures and back: the texts are a feed's descriptions or titles, else
    the labels. Accuracy on ImageNet is shown as others have published it. Models that are not here are
    downloaded first.
    """
    from lookalike.encoder.golden import store_of
    from lookalike.errors import LookalikeError
    from lookalike.evaluation.comparison.measure import Job
    from lookalike.evaluation.comparison.page import page
    from lookalike.evaluation.comparison.row import Failure
    from lookalike.evaluation.comparison.run import compare as measure_all
    from lookalike.evaluation.comparison.tables import markdown as as_markdown
    from lookalike.evaluation.labelled import load
    from lookalike.settings import load_settings

    settings = load_settings()
    if data is not None:
        load(data, label, limit=limit)  # what is wrong with it is better known before the hours
    store = store_of(settings)
    jobs: list[Job | Failure] = []
    for name in dict.fromkeys(names):
        try:
            folder = store.bundle(name).path
        except LookalikeError as error:
            jobs.append(Failure(name=name, reason=str(error)))
            continue
        jobs.append(
            Job(
                name=name,
                folder=str(folder),
                device=device or settings.model_device,
                precision=precision or settings.precision,
                threads=settings.threads,
                seconds=seconds,
                data=os.fspath(data) if data else None,
                label=label,
                limit=limit,
                max_bytes=settings.max_image_bytes,
                max_pixels=settings.max_image_pixels,
            )
        )
    found = measure_all(jobs, console.note)
    for file, render in ((markdown, as_markdown), (html, page)):
        if file is not None:
            file.write_text(render(found), encoding="utf-8")
    if as_json:
        console.print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if found.failures:
        raise typer.Exit(1)


def _print(comparison: "Comparison") -> None:
    from lookalike.evaluation.comparison.tables import columns_of, notes

    columns = columns_of(comparison)
    if comparison.rows:
        console.print_table(
            {column.heading.upper(): column.is_number for column in columns},
            [[column.cell(row) for column in columns] for row in comparison.rows],
        )
    for line in notes(comparison):
        console.note(line)


COMMANDS = (("compare", compare, EXAMPLES),)
"""Name, function and examples."""
