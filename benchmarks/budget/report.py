"""The budget as a table and as bars."""

from collections.abc import Sequence
from typing import Any

from benchmarks.budget.stages import STAGES, UNACCOUNTED, Stage
from benchmarks.plots import Axis, Bar, bar_chart
from benchmarks.rendering import Rendered

Row = dict[str, Any]


def budget(rows: Sequence[Row]) -> Rendered:
    """A column for each kind of request, a line for each stage, and how they add up."""
    lines = [
        [
            stage.title,
            *(f"{row['stages'][key]:.2f}" if key in row["stages"] else "" for row in rows),
        ]
        for key, stage in STAGES.items()
    ]
    lines += [
        ["**sum of the stages**", *(f"**{row['sum_ms']:.2f}**" for row in rows)],
        ["**whole, as the client sees it**", *(f"**{row['whole_ms']:.2f}**" for row in rows)],
        [UNACCOUNTED.title, *(_unaccounted(row) for row in rows)],
        ["the same without timers", *(f"{row['plain_ms']:.2f}" for row in rows)],
        ["`server-timing`: decode", *(f"{row['server_timing']['decode']:.2f}" for row in rows)],
        [
            "`server-timing`: inference",
            *(f"{row['server_timing']['inference']:.2f}" for row in rows),
        ],
        ["`server-timing`: total", *(f"{row['server_timing']['total']:.2f}" for row in rows)],
    ]
    head = ["ms", *(f"{row['request']} ({row['bytes']:,} bytes)" for row in rows)]
    drawn = bar_chart(
        "One request, from bytes in to bytes out",
        Axis("milliseconds"),
        [Bar(row["request"], parts(row)) for row in rows],
    )
    about = "Milliseconds of one request by stage"
    return Rendered().table(head, lines).plot("budget", about, drawn)


def parts(row: Row) -> tuple[tuple[str, float], ...]:
    """The stages of a row, as one where they belong together, in the order in which their groups first come."""
    found: dict[str, float] = {}
    for key, stage in STAGES.items():
        _add(found, stage, row["stages"].get(key, 0.0))
    _add(found, UNACCOUNTED, max(0.0, row["unaccounted_ms"]))
    return tuple(found.items())


def _add(found: dict[str, float], stage: Stage, ms: float) -> None:
    found[stage.group] = found.get(stage.group, 0.0) + ms


def _unaccounted(row: Row) -> str:
    return f"{row['unaccounted_ms']:.2f} ({row['unaccounted_ms'] / row['whole_ms']:.1%})"
