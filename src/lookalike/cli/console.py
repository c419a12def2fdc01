"""What the terminal shows: results on standard output, everything else on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lookalike.cli.advice import advice

_UNLIMITED = 10_000

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def show_error(error: Exception) -> None:
    """One line that says what is wrong, and one that says what to do, if that is known."""
    stderr.print(Text.assemble(("error: ", "bold red"), str(error)))
    if hint := advice(error):
        stderr.print(Text.assemble(("help: ", "bold cyan"), hint))


def show_problem(what: str, error: Exception) -> None:
    """A line for one of many things, when the others go on."""
    stderr.print(Text.assemble((f"{what}: ", "bold"), str(error)))


def note(text: str) -> None:
    stderr.print(Text(text, style="dim"))


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner while something takes its time; on a terminal only."""
    if not stderr.is_terminal:
        yield
        return
    with stderr.status(what):
        yield


@contextmanager
def progress(
    what: str, total: int | None, *, hidden: bool = False
) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal. Gives a function to call with how many more are done.

    `total` None means that nobody knows. `hidden` is for when results go to the same terminal.
    """
    if hidden or not stderr.is_terminal:
        yield _ignore
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def _ignore(done: int) -> None:
    pass


def stdout_is_terminal() -> bool:
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """One JSON document, indented."""
    import orjson

    sys.stdout.buffer.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


def print_table(columns: dict[str, bool], rows: list[list[str]]) -> None:
    """A table on standard output. `columns`: heading, and whether it holds numbers. A pipe gets it uncut."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, is_number in columns.items():
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def print_facts(facts: dict[str, str]) -> None:
    """Names and values on standard output, one pair a line."""
    console = Console(highlight=False, soft_wrap=True)
    width = max(map(len, facts))
    for name, value in facts.items():
        console.print(Text.assemble((f"{name:<{width}}  ", "bold"), value))
