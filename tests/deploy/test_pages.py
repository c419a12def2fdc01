"""The pages about deploying name only what there is: files, settings, alerts, commands, links."""

import re
from pathlib import Path

import pytest
import yaml

from lookalike.cli.app import COMMANDS
from lookalike.settings import Settings
from tests.deploy.dockerfile import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *(DOCS / f"{name}.md" for name in ("deploy", "scaling", "operations", "security")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
]
SETTINGS = {f"LOOKALIKE_{name.upper()}" for name in Settings.model_fields}
OF_COMPOSE = {
    "LOOKALIKE_IMAGE",
    "LOOKALIKE_BIND",
    "LOOKALIKE_CPUS",
    "LOOKALIKE_MEMORY",
    "LOOKALIKE_REPLICAS",
}
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub and mkdocs make them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in found}


@named
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        to = (page.parent / name) if name else page
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target


@named
def test_files_that_are_named_exist(page: Path) -> None:
    pattern = (
        r"\b(?:deploy|tests|requirements|benchmarks|docs)/[\w./-]+\w|docker-compose[\w.]*\.yml"
    )
    for name in re.findall(pattern, page.read_text()):
        assert (ROOT / name).exists(), name


@named
def test_settings_that_are_named_exist(page: Path) -> None:
    named_here = set(re.findall(r"\bLOOKALIKE_[A-Z_]+\b", page.read_text()))
    assert named_here - SETTINGS - OF_COMPOSE == set()


@named
def test_variables_of_compose_are_in_compose(page: Path) -> None:
    compose = "".join(path.read_text() for path in ROOT.glob("docker-compose*.yml"))
    for name in set(re.findall(r"\bLOOKALIKE_[A-Z_]+\b", page.read_text())) & OF_COMPOSE:
        assert f"${{{name}" in compose


@named
def test_commands_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"(?:^|`|/bin/|lookalike )lookalike ([a-z]+)\b", page.read_text(), re.M):
        assert name in COMMANDS, name
    modules = re.findall(r"python -m (benchmarks\.\w+|lookalike\.\w+)", page.read_text())
    for module in modules:
        path = module.replace(".", "/") + ".py"
        assert (ROOT / path).exists() or (ROOT / "src" / path).exists(), module


@named
def test_targets_of_make_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", page.read_text())) <= targets


def test_the_pages_say_of_alerts_what_the_rules_say() -> None:
    groups = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    page = (DOCS / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `(Lookalike\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert rows.keys() == rules.keys()
    for name, after in rows.items():
        waits = rules[name].get("for", "")
        assert after == (f"{waits.removesuffix('m')} min" if waits else "at once"), name


def test_qdrant_is_one_version_in_page_and_templates() -> None:
    version = re.search(r"QDRANT_VERSION:-(v[\d.]+)", (ROOT / "docker-compose.yml").read_text())
    assert version
    page = (DOCS / "operations.md").read_text()
    assert set(re.findall(r"qdrant/qdrant:(v[\d.]+)", page)) == {version[1]}
