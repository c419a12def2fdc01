"""How a command's help shows examples of it."""

from collections.abc import Sequence


def epilog(examples: Sequence[str]) -> str:
    """What comes after the options: the command lines, one below the other."""
    # Typer joins lines unless a blank one is between them, and takes square brackets for markup.
    return "\n\n".join(["[bold]Examples[/bold]", *(line.replace("[", r"\[") for line in examples)])
