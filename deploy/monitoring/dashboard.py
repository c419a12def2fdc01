"""Writes Grafana's dashboard: `python deploy/monitoring/dashboard.py`. A test holds the file to this."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "grafana" / "dashboards" / "lookalike.json"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH = 24
HERE = 'instance=~"$instance"'


@dataclass(frozen=True)
class Panel:
    """A chart, or a number. `queries`: PromQL and the legend."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    about: str = ""


def quantiles(metric: str, *labels: str) -> tuple[tuple[str, str], ...]:
    by = ", ".join((*labels, "le"))
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    rate = f"sum by ({by}) (rate(lookalike_{metric}_bucket{{{HERE}}}[$__rate_interval]))"
    return tuple(
        (f"histogram_quantile({q}, {rate})", f"{legend} p{100 * q:.0f}".strip())
        for q in (0.5, 0.95)
    )


def rate(metric: str, by: str, where: str = "") -> str:
    inside = ", ".join(filter(None, (HERE, where)))
    return f"sum by ({by}) (rate(lookalike_{metric}{{{inside}}}[$__rate_interval]))"


PANELS = (
    Panel("Ready", ((f"sum(lookalike_ready{{{HERE}}})", "replicas"),), "short", "stat", 4, 4),
    Panel(
        "Model",
        ((f"lookalike_model_info{{{HERE}}}", "{{model}} {{precision}} {{fingerprint}}"),),
        "short",
        "stat",
        12,
        4,
        "More than one fingerprint: replicas whose vectors must not be mixed.",
    ),
    Panel(
        "Worker failures",
        ((f"sum(increase(lookalike_worker_failures_total{{{HERE}}}[$__range]))", ""),),
        "short",
        "stat",
        4,
        4,
        "Should stay 0.",
    ),
    Panel(
        "Requests in flight",
        ((f"sum(lookalike_requests_in_flight{{{HERE}}})", ""),),
        "short",
        "stat",
        4,
        4,
    ),
    Panel("Requests by route", ((rate("requests_total", "route"), "{{route}}"),), "reqps"),
    Panel("Requests by status", ((rate("requests_total", "status"), "{{status}}"),), "reqps"),
    Panel("Request time", quantiles("request_seconds", "route"), "s"),
    Panel(
        "Queue",
        (
            (f"sum by (tower) (lookalike_queue_items{{{HERE}}})", "{{tower}}"),
            (
                f"sum by (tower) (lookalike_background_items{{{HERE}}})",
                "{{tower}} in the background",
            ),
        ),
        about="Pictures and texts that are admitted and not done: what replicas are scaled by.",
    ),
    Panel("Waiting", quantiles("queue_seconds", "tower"), "s"),
    Panel(
        "Refused and dropped",
        (
            (rate("rejected_total", "tower"), "{{tower}} refused"),
            (rate("dropped_total", "tower, reason"), "{{tower}} dropped: {{reason}}"),
        ),
        "cps",
    ),
    Panel("Decoding", quantiles("decode_seconds", "tower"), "s"),
    Panel("Inference, one batch", quantiles("inference_seconds", "tower"), "s"),
    Panel(
        "Batch size",
        (
            (
                f"{rate('batch_size_sum', 'tower')} / {rate('batch_size_count', 'tower')}",
                "{{tower}} mean",
            ),
        ),
    ),
    Panel(
        "Embedded",
        ((rate("batch_size_sum", "tower"), "{{tower}}"),),
        "cps",
        about="Pictures and texts that went through the model. Texts from the cache are not among them.",
    ),
    Panel("Search in the store", quantiles("search_seconds"), "s"),
    Panel(
        "Text cache",
        ((f"{rate('text_cache_total', 'result')}", "{{result}}"),),
        "cps",
    ),
    Panel(
        "Memory",
        (
            (f"lookalike_resident_bytes{{{HERE}}}", "{{instance}} resident"),
            (f"lookalike_body_bytes{{{HERE}}}", "{{instance}} bodies"),
            (f"sum by (instance) (lookalike_queue_bytes{{{HERE}}})", "{{instance}} queued"),
        ),
        "bytes",
        width=16,
        about="The processes of the embedded store have memory of their own, which is not in here.",
    ),
    Panel("Texts in the cache", ((f"lookalike_text_cache_entries{{{HERE}}}", "{{instance}}"),)),
)


def laid_out(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """Left to right, row by row."""
    made: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y = 0, y + panels[number - 2].height
        defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
        options: dict[str, Any] = {"legend": {"displayMode": "list", "placement": "bottom"}}
        if panel.kind == "stat":
            named = panel.title == "Model"
            options = {"textMode": "name" if named else "value", "graphMode": "none"}
        made.append(
            {
                "id": number,
                "title": panel.title,
                "type": panel.kind,
                "description": panel.about,
                "datasource": SOURCE,
                "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
                "fieldConfig": {"defaults": defaults, "overrides": []},
                "options": options,
                "targets": [
                    {
                        "refId": chr(65 + i),
                        "datasource": SOURCE,
                        "expr": query,
                        "legendFormat": legend,
                    }
                    for i, (query, legend) in enumerate(panel.queries)
                ],
            }
        )
        x += panel.width
    return made


def dashboard() -> dict[str, Any]:
    return {
        "uid": "lookalike",
        "title": "Lookalike",
        "tags": ["lookalike"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "instance",
                    "type": "query",
                    "datasource": SOURCE,
                    "query": {
                        "query": "label_values(lookalike_ready, instance)",
                        "refId": "instance",
                    },
                    "definition": "label_values(lookalike_ready, instance)",
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".*",
                    "current": {"text": "All", "value": "$__all"},
                }
            ]
        },
        "panels": laid_out(PANELS),
    }


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
