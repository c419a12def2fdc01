"""The report that is committed beside the pipeline."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from training.tiny.evaluate import Report

from lookalike.models.cards import ModelCard


def write_report(
    path: Path,
    card: ModelCard,
    recipe: Mapping[str, object],
    pictures: Mapping[str, int],
    student: Mapping[str, float],
    held_out: Mapping[str, float],
    unseen: Mapping[str, float],
    tested: Report,
    queries: Mapping[str, float],
) -> None:
    """Write it to `path` and print it."""
    sizes = ", ".join(f"{tower}: {card.graphs[tower].parameters:,}" for tower in card.towers)
    lines = [
        "# Report of the training that made the committed bundle",
        "",
        "Written by `python -m training.tiny`; not edited by hand.",
        "",
        f"- Numbers learned: {sizes}.",
        f"- Training pictures: {', '.join(f'{count:,} {source}' for source, count in pictures.items())}.",
        f"- Recipe: {', '.join(f'{name} {value}' for name, value in recipe.items())}.",
        f"- Text student to its teacher, held-out texts: cosine {student['cosine']:.3f},"
        f" with the mean taken off {student['centred']:.3f}.",
        f"- Logit scale: {card.logit_scale}.",
        "",
        "## Held-out training data (what choices were made with), per cent",
        "",
        *(f"- {name}: {value:.1f}" for name, value in held_out.items()),
        "",
        "## Kinds that a second training was not shown (`unseen.py`), per cent",
        "",
        *(f"- {name}: {value:.1f}" for name, value in unseen.items()),
        "",
        "## Test sets (`python -m training.tiny.evaluate`), per cent",
        "",
        *(
            f"- {name.replace('_', ' ')}: {value if isinstance(value, int) else round(value, 1)}"
            for name, value in asdict(tested).items()
            if value is not None
        ),
        "",
        "## Precision at 10 of each query",
        "",
        "| query | of 10, in per cent of what is possible |",
        "|---|---|",
        *(f"| {text} | {value:.0f} |" for text, value in queries.items()),
        "",
    ]
    text = "\n".join(lines)
    path.write_text(text, encoding="utf-8")
    print(text)
