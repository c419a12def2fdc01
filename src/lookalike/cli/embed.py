"""`lookalike embed`: texts and pictures to vectors."""

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.examples import epilog
from lookalike.cli.inputs import is_picture, lines, pictures
from lookalike.cli.options import DeviceOption, ModelOption, PrecisionOption

EXAMPLES = (
    "lookalike embed 'a red dress' 'a pair of boots'",
    "lookalike embed --images photos/ --output photos.npz",
    "cut -f2 titles.tsv | lookalike embed --stdin --model tiny > titles.jsonl",
)


def register(app: typer.Typer) -> None:
    app.command(epilog=epilog(EXAMPLES))(embed)


def _check_output(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in {".jsonl", ".npz"}:
        raise typer.BadParameter("the file's name must end in .jsonl or .npz")
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    return path


def embed(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", show_default=False, help="Texts to embed."),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--images",
            "-i",
            metavar="PATH",
            exists=True,
            help="A picture, or a folder of them, with all folders in it. May be given again.",
        ),
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Embed each line of standard input as a text.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=_check_output,
            help="A .jsonl or .npz file to write. Default: JSON lines to standard output.",
        ),
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
) -> None:
    """Turn texts and pictures into vectors of length 1.

    A picture that can't be read stops nothing: it is reported, and the exit status is 1 in the end.
    """
    given, paths = texts or [], list(pictures(images or []))
    if not (given or stdin or paths):
        raise typer.BadParameter("give texts, --images or --stdin")
    if images and (
        stray := next((t for t in given if is_picture(p := Path(t)) and p.is_file()), None)
    ):
        raise typer.BadParameter(
            f"{stray} is a picture; put --images before each, or name their folder"
        )

    from lookalike.cli.embedding import embed_all  # brings the runtimes, which take a second

    failed = embed_all(
        chain(given, lines(sys.stdin.buffer)) if stdin else given,
        paths,
        total=None if stdin else len(given) + len(paths),
        output=output,
        model=model,
        device=device,
        precision=precision,
    )
    if failed:
        raise typer.Exit(1)
