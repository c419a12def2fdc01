"""A quantization report as lines and tables for people."""

from lookalike.evaluation.quantization.report import Report, TowerReport
from lookalike.evaluation.retrieval import Agreement

COST_COLUMNS = {
    "TOWER": False,
    "PRECISION": False,
    "SIZE": True,
    "MS, ONE": True,
    "MS EACH, OF A BATCH": True,
}
"""Heading, and whether the column holds numbers."""


def facts(report: Report) -> dict[str, str]:
    """Names and values, one pair a line."""
    lines: dict[str, str] = {}
    for name, tower in report.towers.items():
        lines[name] = _outcome(tower)
        if tower.agreement is not None:
            lines[f"{name}, calibrated"] = _agreement(tower.agreement)
        if tower.before is not None:
            lines[f"{name}, int8 before"] = _agreement(tower.before)
    if report.texts_from is not None:
        lines["texts"] = report.texts_from
    lines["threshold"] = (
        f"mean cosine {report.threshold.cosine:g}, {report.threshold.kept:.0%} of the top 10"
    )
    lines["made"] = f"{report.made}, NNCF {report.versions['nncf']}, {report.threads} threads"
    return lines


def cost_rows(report: Report) -> list[list[str]]:
    """What each tower takes in each precision, as COST_COLUMNS say."""
    return [
        [
            name,
            cost.precision,
            f"{cost.bytes / 1e6:,.1f} MB",
            f"{cost.single_ms:.1f}",
            f"{cost.batch_ms:.1f}",
        ]
        for name, tower in report.towers.items()
        for cost in tower.costs
    ]


def _outcome(tower: TowerReport) -> str:
    if tower.outcome != "quantized":
        what = "left as it was" if tower.outcome == "kept" else "not installed"
        return f"{what}: {tower.reason}"
    text = f"quantized, calibrated on {tower.calibrated_on:,} inputs"
    if tower.left:
        text += f"; in floating point: {', '.join(tower.left)}"
    return text


def _agreement(found: Agreement) -> str:
    return (
        f"cosine {found.cosine_mean:.4f} (worst {found.cosine_worst:.4f}), "
        f"top {found.top} kept {found.kept:.1%}, rank correlation {found.rank_correlation:.4f}, "
        f"on {found.count:,} held out"
    )
