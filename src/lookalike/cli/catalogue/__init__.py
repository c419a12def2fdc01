"""The commands of the catalogue: index, search, recommend, duplicates, collections."""

import typer

from lookalike.cli.catalogue import collection_commands, finding, indexing
from lookalike.cli.examples import epilog

SUMMARY = "See, move, save and remove collections."


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog=epilog(indexing.EXAMPLES))(indexing.index)
    app.command(epilog=epilog(finding.SEARCH_EXAMPLES))(finding.search)
    app.command(epilog=epilog(finding.RECOMMEND_EXAMPLES))(finding.recommend)
    app.command(epilog=epilog(finding.DUPLICATES_EXAMPLES))(finding.duplicates)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    for name, command, examples in collection_commands.COMMANDS:
        group.command(name, epilog=epilog(examples))(command)
    app.add_typer(group, name="collections", help=SUMMARY)
