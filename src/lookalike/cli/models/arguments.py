"""Arguments and options that several of these commands have."""

from typing import Annotated

import typer

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A name of [bold]lookalike models list[/bold], or hf:owner/repo; with @revision for another "
        "than the usual one.",
    ),
]
UncheckedOption = Annotated[
    bool,
    typer.Option(
        "--unchecked",
        help="Leave out the golden check, which runs the model and compares its vectors.",
    ),
]
