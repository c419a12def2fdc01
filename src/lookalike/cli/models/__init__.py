"""`lookalike models`: the life of a model, one module for each command or few that belong together.

To add a command: write a module with `COMMANDS`, and add it to the modules below. The modules are all imported
when one of their commands runs, so what is slow to import belongs inside the functions.
"""

import typer

from lookalike.cli.examples import epilog
from lookalike.cli.models import carrying, compare, listing, pulling, quantize, removing, verifying

SUMMARY = "See, bring, check, move and remove models."

MODULES = (listing, pulling, verifying, carrying, removing, compare, quantize)
"""In the order in which the help lists their commands."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    for module in MODULES:
        for name, command, examples in module.COMMANDS:
            group.command(name, epilog=epilog(examples))(command)
    app.add_typer(group, name="models", help=SUMMARY)
