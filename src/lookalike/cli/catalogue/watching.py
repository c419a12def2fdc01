"""Long work on a terminal: how far it is, and a way to stop it cleanly."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

import typer

PLAIN_EVERY = 10.0
"""Seconds between lines where there is no terminal."""

Watch = Callable[[int, int | None, str], None]
"""Told how many are done, of how many, and what else there is to say."""


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C (or SIGTERM) sets, so that the work can end at a clean point; a second one
    interrupts at once.
    """
    stop = threading.Event()

    def ask(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        typer.echo("stopping: what is under way is still stored (again to stop at once)", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress(what: str, stream: TextIO | None = None) -> Iterator[Watch]:
    """A bar with rate and time left on a terminal; elsewhere a plain line now and then, on stderr."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _Plain(what, stream)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}"),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="", more="")
        began = time.monotonic()

        def watch(done: int, total: int | None, more: str) -> None:
            rate = f"{done / max(time.monotonic() - began, 1e-9):,.0f}/s"
            bar.update(task, completed=done, total=total, rate=rate, more=more)

        yield watch


class _Plain:
    """A line when PLAIN_EVERY seconds have passed since the last."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what, self._stream = what, stream
        self._began = self._last = time.monotonic()

    def __call__(self, done: int, total: int | None, more: str) -> None:
        now = time.monotonic()
        if now - self._last < PLAIN_EVERY:
            return
        self._last = now
        line = plain_line(self._what, done, total, now - self._began)
        typer.echo(", ".join(part for part in (line, more) if part), file=self._stream)


def plain_line(what: str, done: int, total: int | None, seconds: float) -> str:
    """`indexing: 1,200 of 5,000 (24%), 85/s, 45 s left`"""
    rate = done / max(seconds, 1e-9)
    if not total:
        return f"{what}: {done:,}, {rate:,.0f}/s"
    share = f"{what}: {done:,} of {total:,} ({min(done / total, 1):.0%}), {rate:,.0f}/s"
    return f"{share}, {_span((total - done) / rate)} left" if 0 < done < total else share


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
