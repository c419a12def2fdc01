"""`lookalike models verify`: is a model what was installed, and does it still give the same vectors."""

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import console
from lookalike.cli.models.arguments import NameArgument
from lookalike.cli.models.progress import shown
from lookalike.cli.options import JsonOption, PrecisionOption
from lookalike.encoder.golden import verify as verify_model
from lookalike.settings import load_settings

EXAMPLES = (
    "lookalike models verify ViT-B-32",
    "lookalike models verify ViT-B-32 --precision int8",
    "lookalike models verify ViT-B-32 --picture fastembed/tests/misc/image.jpeg",
)


def verify(
    name: NameArgument,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="FastEmbed's own test picture, for which the first numbers of OpenAI's ViT-B-32 are "
            "published. It is tests/misc/image.jpeg of FastEmbed's repository.",
        ),
    ] = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a model of this machine wholly: every file's hash, and the vectors that it gives.

    The hashes are held against the lock, the card, and what the registry pins. The vectors of some texts and
    pictures are compared with those that were recorded at the first installation, and with published numbers
    where there are any. Exit status 1 if anything is wrong.
    """
    with shown() as progress:
        report = verify_model(
            name, load_settings(), precision=precision, picture=picture, progress=progress
        )
    if as_json:
        console.print_json(report)
    else:
        console.print_facts({key: str(value) for key, value in report.items() if value is not None})


COMMANDS = (("verify", verify, EXAMPLES),)
"""Name, function and examples of each."""
