"""docs/benchmarks.md, from what the benchmarks found: `python -m benchmarks.report --from .bench/figures`.

The folder has a JSON file of each benchmark's figures: encoder, catalog, ingest, service, growth, budget and
peers. What is there is written between its markers in the page, with the machine that it was measured on, and
its plots into docs/images; what isn't there is left as it is. Nothing between markers is ever typed by hand.

    <!-- figures: NAME -->
    ...
    <!-- end: NAME -->
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import catalog, encoder, ingest
from benchmarks.budget import report as budget
from benchmarks.growth import report as growth
from benchmarks.peers import report as peers
from benchmarks.rendering import IMAGES, Rendered

DOCS = Path(__file__).parents[1] / "docs"
PAGE = "benchmarks.md"
_MARKED = re.compile(r"<!-- figures: (\S+) -->\n(.*?)<!-- end: (\S+) -->", re.DOTALL)
_MARK = re.compile(r"<!-- (?:figures|end): \S+ -->")


@dataclass(frozen=True, slots=True)
class Section:
    """A marked place of the page: the file whose figures it shows, and how. None: it has none of these."""

    name: str
    source: str
    render: Callable[[Any], Rendered | None]


def measured_on(machine: Mapping[str, Any], rendered: Rendered) -> Rendered:
    """The same, under a line that says on what machine."""
    line = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB; "
        f"load when it began: {machine['load']:.1f}."
    )
    return Rendered([line, "", *rendered.lines], rendered.plots)


def _whole(render: Callable[[Any], Rendered]) -> Callable[[Any], Rendered]:
    return lambda document: measured_on(document["machine"], render(document))


def _growth(part: str) -> Callable[[Any], Rendered | None]:
    def render(document: Any) -> Rendered | None:
        found = document.get(part)
        if not found or not found["rows"]:
            return None
        return measured_on(found["machine"], growth.PARTS[part](found["rows"]))

    return render


def _service(rows: Any) -> Rendered:
    head = [
        "",
        "",
        "load",
        "a second",
        "p50, ms",
        "p95",
        "p99",
        "processor, ms",
        "refused",
        "failed",
    ]
    return Rendered().table(
        head,
        [
            [
                row["server"],
                row["kind"],
                row["load"],
                *(f"{row[name]:.1f}" for name in ("rate", "p50", "p95", "p99", "processor_ms")),
                str(row["refused"]),
                str(row["failed"]),
            ]
            for row in rows
        ],
    )


SECTIONS = (
    Section("encoder", "encoder", _whole(encoder.rendered)),
    *(Section(f"growth.{part}", "growth", _growth(part)) for part in growth.PARTS),
    Section("budget", "budget", _whole(lambda found: budget.budget(found["budget"]))),
    Section("service", "service", _service),
    Section("catalog", "catalog", _whole(catalog.rendered)),
    Section("ingest", "ingest", _whole(ingest.rendered)),
    Section("peers", "peers", lambda found: Rendered(peers.markdown(found).strip().splitlines())),
)


class MarkersBroken(Exception):
    """The page's markers don't fit the sections."""


def names_of(page: str) -> list[str]:
    """The marked places of a page, in order. Raises MarkersBroken where a marker has no partner, or two places
    have one name."""
    pairs = _MARKED.findall(page)
    broken = [f"{begin} ends as {end}" for begin, _, end in pairs if begin != end]
    names = [begin for begin, _, _ in pairs]
    if len(_MARK.findall(page)) != 2 * len(pairs):
        broken.append("a marker has no partner")
    if len(set(names)) != len(names):
        broken.append("two places have one name")
    if broken:
        raise MarkersBroken("; ".join(broken))
    return names


def filled(page: str, found: Mapping[str, Rendered]) -> str:
    """The page with new content in the places that `found` names. Raises MarkersBroken."""
    missing = set(found) - set(names_of(page))
    if missing:
        raise MarkersBroken(f"the page has no place for {', '.join(sorted(missing))}")

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name not in found:
            return match[0]
        content = "\n".join(found[name].lines)
        return f"<!-- figures: {name} -->\n\n{content}\n\n<!-- end: {name} -->"

    return _MARKED.sub(replaced, page)


def collect(folder: Path) -> dict[str, Rendered]:
    """The sections whose figures are in the folder."""
    found: dict[str, Rendered] = {}
    for section in SECTIONS:
        file = folder / f"{section.source}.json"
        if file.exists() and (rendered := section.render(json.loads(file.read_text()))):
            found[section.name] = rendered
    return found


def write(folder: Path, docs: Path) -> dict[str, Rendered]:
    """Bring the page and its plots up to date; what was found. Raises MarkersBroken, having written nothing."""
    found = collect(folder)
    page = docs / PAGE
    text = filled(page.read_text(encoding="utf-8"), found)
    (docs / IMAGES).mkdir(exist_ok=True)
    for rendered in found.values():
        for name, svg in rendered.plots.items():
            (docs / IMAGES / name).write_text(svg, encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--from", dest="folder", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of the page")
    given = parser.parse_args()
    try:
        found = write(given.folder, given.docs)
    except MarkersBroken as error:
        print(f"{given.docs / PAGE}: {error}", file=sys.stderr)
        return 1
    for section in SECTIONS:
        print(f"{section.name:18} {'written' if section.name in found else 'left as it was'}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
