"""A comparison as a table: the same cells on the terminal, in Markdown and in HTML."""

from collections.abc import Callable
from dataclasses import dataclass

from lookalike.evaluation.comparison.row import Comparison, Quality, RecallAt, Row


@dataclass(frozen=True, slots=True)
class Column:
    heading: str
    cell: Callable[[Row], str]
    is_number: bool = True


def _number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _megabytes(value: int | None) -> str:
    return "" if value is None else f"{value / 1e6:,.0f}"


def _of(pick: Callable[[Quality], float | None]) -> Callable[[Row], str]:
    return lambda row: "" if row.quality is None else _percent(pick(row.quality))


def _recalls(pick: Callable[[Quality], RecallAt | None]) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        found = None if row.quality is None else pick(row.quality)
        if found is None:
            return ""
        return f"{100 * found.at_1:.1f} / {100 * found.at_5:.1f} / {100 * found.at_10:.1f}"

    return cell


COST: tuple[Column, ...] = (
    Column("Model", lambda row: row.name, is_number=False),
    Column("Precision", lambda row: row.precision, is_number=False),
    Column("MB", lambda row: _megabytes(row.bytes)),
    Column("M parameters", lambda row: _number(row.parameters / 1e6, 0)),
    Column("Dimension", lambda row: str(row.dimension)),
    Column("Load s", lambda row: _number(row.load_seconds, 2)),
    Column("Peak MB", lambda row: _megabytes(row.peak_bytes)),
    Column("Picture ms", lambda row: _number(row.image_ms_1)),
    Column("10 pictures ms", lambda row: _number(row.image_ms_10)),
    Column("Pictures/s", lambda row: _number(row.images_per_second)),
    Column("Text ms", lambda row: _number(row.text_ms_1)),
    Column("10 texts ms", lambda row: _number(row.text_ms_10)),
    Column("Texts/s", lambda row: _number(row.texts_per_second, 0)),
)
QUALITY: tuple[Column, ...] = (
    Column("Zero-shot", _of(lambda quality: quality.zero_shot)),
    Column("Text to picture R@1/5/10", _recalls(lambda quality: quality.text_to_image)),
    Column("Picture to text R@1/5/10", _recalls(lambda quality: quality.image_to_text)),
)
PUBLISHED = Column("ImageNet (published)", lambda row: _percent(row.imagenet_published))


def columns_of(comparison: Comparison) -> tuple[Column, ...]:
    """The columns that have something to say."""
    columns = COST
    if any(row.quality for row in comparison.rows):
        columns += QUALITY
    if any(row.imagenet_published is not None for row in comparison.rows):
        columns += (PUBLISHED,)
    return columns


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know to read the table."""
    threads = ", ".join(sorted({str(row.threads) for row in comparison.rows}, key=int))
    lines = [
        f"Measured {comparison.made} with Lookalike {comparison.version} on {comparison.processor}, "
        f"{comparison.cores:g} cores, threads: {threads or 'none'}; each model in a process of its own.",
        "Pictures are JPEGs of 800x800, decoding included; texts have some ten tokens. MB are of the files "
        "that the precision loads.",
    ]
    measured = next((row.quality for row in comparison.rows if row.quality), None)
    if measured is not None:
        lines.append(
            f"Quality on {comparison.data}: {measured.pictures:,} pictures, {measured.labels:,} labels, "
            f"{measured.texts:,} texts. R@1/5/10: percent of the queries with a right answer among the first "
            "1, 5 and 10."
        )
    if any(row.imagenet_published is not None for row in comparison.rows):
        lines.append(
            f"ImageNet (published) was not measured here: {comparison.source_of_published}."
        )
    lines += [
        f"{failure.name} could not be measured: {failure.reason}" for failure in comparison.failures
    ]
    return lines


def markdown(comparison: Comparison) -> str:
    """The table and its notes, in Markdown."""
    columns = columns_of(comparison)
    lines = [
        _line([column.heading for column in columns]),
        _line(["---:" if column.is_number else "---" for column in columns]),
        *(_line([column.cell(row) for column in columns]) for row in comparison.rows),
    ]
    return "\n".join(lines) + "\n\n" + "\n\n".join(notes(comparison)) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
