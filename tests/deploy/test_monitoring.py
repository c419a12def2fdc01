"""The dashboard and the alerts ask for what the service really tells."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.conftest import starting, wait_for
from tests.deploy.dockerfile import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "lookalike.json"
PROMETHEUS_OWN = {"instance", "job", "le"}
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
    "info": ("",),
}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The names of the real /metrics with the labels of each, after some traffic."""
    with starting(tmp_path_factory.mktemp("metrics"), LOOKALIKE_CATALOGUE="no") as served:
        wait_for(f"{served.url}/readyz", served.process, served.log)
        httpx.post(f"{served.url}/embed/text", json={"text": "a red dress"}, timeout=30)
        yield names_of(httpx.get(f"{served.url}/metrics").text)


def names_of(text: str) -> dict[str, set[str]]:
    """Every series name that Prometheus would store, and its labels where there is a sample."""
    names: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        kind = "gauge" if family.type == "unknown" else family.type
        for suffix in SUFFIXES[kind]:
            names.setdefault(family.name + suffix, set())
        for sample in family.samples:
            names.setdefault(sample.name, set()).update(sample.labels)
    return names


def dashboard_queries() -> dict[str, str]:
    found = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for number, target in enumerate(panel["targets"]):
            found[f"{panel['title']} {number}"] = target["expr"]
    return found


def alert_queries() -> dict[str, str]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


QUERIES = {**dashboard_queries(), **alert_queries()}
LABELS = {
    "lookalike_dropped_total": {"tower", "reason"},
    "lookalike_rejected_total": {"tower"},
    "lookalike_worker_failures_total": {"tower", "restarted"},
}
"""Of series that a healthy service has none of; from docs/service.md."""


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_names_a_metric_and_labels_that_exist(
    name: str, metrics: dict[str, set[str]]
) -> None:
    query = QUERIES[name]
    asked = set(re.findall(r"\blookalike_\w+", query))
    assert asked or "up{" in query
    assert asked <= metrics.keys(), f"{asked - metrics.keys()} are not in /metrics"
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query))
    for inside in re.findall(r"\bby \(([^)]*)\)", query):
        labels |= {one.strip() for one in inside.split(",")}
    known = set().union(*(metrics[one] | LABELS.get(one, set()) for one in asked))
    assert labels - PROMETHEUS_OWN <= known, f"{labels - PROMETHEUS_OWN - known} are no labels"


def test_every_metric_of_the_page_is_on_the_dashboard(metrics: dict[str, set[str]]) -> None:
    shown = set(re.findall(r"\blookalike_\w+", " ".join(dashboard_queries().values())))
    families = {re.sub(r"_(bucket|sum|count|total|info)$", "", one) for one in shown}
    told = {
        re.sub(r"_(bucket|sum|count|total|info|created)$", "", one)
        for one in re.findall(r"`(lookalike_\w+)`", (ROOT / "docs/service.md").read_text())
    }
    assert told - families == set()


def test_the_committed_dashboard_is_what_its_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("dashboard", MONITORING / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["dashboard"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    assert DASHBOARD.read_text() == module.text(), "run: python deploy/monitoring/dashboard.py"
    panels = json.loads(DASHBOARD.read_text())["panels"]
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}
    assert len(places) == len(panels)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels)


@pytest.mark.parametrize("name", alert_queries())
def test_every_alert_says_what_to_do(name: str) -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    rule = next(r for g in groups for r in g["rules"] if r["alert"] == name)
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "action"}
    assert f"`{name}`" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "command", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]
)
def test_alerts_fire_when_they_should_and_only_then(command: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=MONITORING, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_overlay_mounts_what_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.monitoring.yml").read_text())
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith("./") or Path(ROOT / source).exists(), source
