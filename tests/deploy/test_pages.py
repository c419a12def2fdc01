"""The pages about deploying name only what there is: files, alerts, links. (Commands: tests/docs.)"""

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.dockerfile import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *(DOCS / f"{name}.md" for name in ("deploy", "scaling", "operations", "security")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
]
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
