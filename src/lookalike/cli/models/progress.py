"""How the work on a model is shown: a bar of bytes where they are counted, a spinner elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from lookalike.cli.console import stderr
from lookalike.models.store import Quiet


class _Shown:
    """One line for each stage; those that are over stay until all is."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def stage(self, what: str, total: int | None = None) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._task]
            self._bars.update(self._task, total=task.total or 1, completed=task.total or 1)
        self._task = self._bars.add_task(what, total=total)

    def advance(self, done: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, done)


@contextmanager
def shown() -> Iterator[_Shown | Quiet]:
    """A progress for the store; on a terminal only."""
    if not stderr.is_terminal:
        yield Quiet()
        return
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as bars:
        yield _Shown(bars)
