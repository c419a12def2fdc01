"""A comparison as one HTML page that needs nothing from anywhere."""

from html import escape

from lookalike.evaluation.comparison.chart import chart, points_of
from lookalike.evaluation.comparison.row import Comparison
from lookalike.evaluation.comparison.tables import columns_of, notes

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #d5d9de; --mark: #0a58ca; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #16191d; --faint: #3a4048; --mark: #7db3ff; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--faint); white-space: nowrap; text-align: left; }
.number { text-align: right; }
figure { margin: 2rem 0; }
svg { max-width: 45rem; width: 100%; height: auto; }
svg line { stroke: var(--faint); }
svg circle { fill: var(--mark); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg text.name { font-weight: 600; }
"""

_NO_CHART = (
    "There is no chart: nothing is known of these models' quality. "
    "Compare them with --data, a folder whose sub-folders are labels, or a feed."
)


def page(comparison: Comparison) -> str:
    """The table, the chart of quality against latency, and the notes."""
    points, quality = points_of(comparison)
    figure = (
        f"<figure>\n{chart(points, quality)}\n<figcaption>Up and to the left is better.</figcaption></figure>"
        if points
        else f"<p>{escape(_NO_CHART)}</p>"
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Comparison of models</title><style>{_STYLE}</style></head>",
            "<body><main>",
            "<h1>Comparison of models</h1>",
            f'<div class="wide" tabindex="0" role="region" aria-label="Table">{_table(comparison)}</div>',
            figure,
            *(f"<p>{escape(note)}</p>" for note in notes(comparison)),
            "</main></body></html>",
            "",
        ]
    )


def _table(comparison: Comparison) -> str:
    columns = columns_of(comparison)
    kinds = [' class="number"' if column.is_number else "" for column in columns]
    heads = "".join(
        f'<th scope="col"{kind}>{escape(column.heading)}</th>'
        for column, kind in zip(columns, kinds, strict=True)
    )
    rows = []
    for row in comparison.rows:
        cells = [escape(column.cell(row)) for column in columns]
        first, *rest = cells
        rows.append(
            f'<tr><th scope="row">{first}</th>'
            + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(rest, kinds[1:], strict=True))
            + "</tr>"
        )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
