"""Which commands there are, and how the one that is wanted gets loaded.

To add commands: write a module (or package) of this package with a function `register(app)` that adds them to
a Typer application, and name them in COMMANDS with the first line of their help. A module is imported only
when one of its commands runs, so it may import what it likes, and `lookalike --help` stays instant.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer

from lookalike.cli.examples import epilog


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them, before it is loaded."""

    module: str
    """Of `lookalike.cli`, with a function `register(app)`."""
    summary: str
    """The first line of its help."""


COMMANDS: dict[str, Command] = {
    "demo": Command(
        "demo", "Index a sample catalogue and search it: by words, by a picture, by both."
    ),
    "serve": Command("serve", "Serve embeddings, collections and search over HTTP."),
    "embed": Command("embed", "Turn texts and pictures into vectors of length 1."),
    "index": Command("catalogue", "Take pictures and descriptions into a collection."),
    "search": Command(
        "catalogue", "Find items by words, pictures, items, or all of them together."
    ),
    "recommend": Command(
        "catalogue", "Find items like those that are liked, and unlike those that are not."
    ),
    "duplicates": Command("catalogue", "Find pairs of items that are nearly the same."),
    "collections": Command("catalogue", "See, move, save and remove collections."),
    "models": Command("models", "See, bring, check, move and remove models."),
    "doctor": Command(
        "doctor", "Look at this machine as a support engineer would, and say what to do."
    ),
}
"""In the order in which the help lists them."""

EXAMPLES = ("lookalike demo", "lookalike embed 'a red dress'", "lookalike models list")


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application that can run `arguments`; of all other commands it has the name and the summary."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.callback(epilog=epilog(EXAMPLES))(_root)
    wanted = _modules_for(arguments)
    registered = set()
    for name, command in COMMANDS.items():
        if command.module not in wanted:
            app.command(name, help=command.summary)(_not_loaded)
        elif command.module not in registered:
            registered.add(command.module)
            import_module(f"lookalike.cli.{command.module}").register(app)
    return app


def _modules_for(arguments: Sequence[str]) -> set[str]:
    if "_LOOKALIKE_COMPLETE" in os.environ:  # the shell wants to know all
        return {command.module for command in COMMANDS.values()}
    # No option before the command takes a value, so the command is the first word that is none.
    name = next((word for word in arguments if not word.startswith("-")), "")
    return {COMMANDS[name].module} if name in COMMANDS else set()


def _not_loaded() -> None:
    raise AssertionError("only the command that is wanted can run")


def _show_version(wanted: bool) -> None:
    if wanted:
        import lookalike

        typer.echo(f"lookalike {lookalike.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[  # noqa: ARG001 (its callback has done the work)
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell what is being done.")
    ] = False,
) -> None:
    """Pictures and words as vectors of one space, and search with them."""
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
