"""A bundle with calibrated graphs in the place of its int8 ones, and taking it into service."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lookalike.durable import sync
from lookalike.evaluation.quantization.report import REPORT, Report
from lookalike.models.bundle import CARD, IR_SUFFIX, Bundle, data_name, open_bundle, sha256
from lookalike.models.cards import TowerGraphs, TowerName


def assemble(
    bundle: Bundle,
    folder: Path,
    graphs: Mapping[TowerName, Path],
    report: Report,
    *,
    link: bool = True,
) -> Bundle:
    """Make the bundle with `graphs` (OpenVINO's form, weights beside them) as int8, in an empty folder.

    A tower without a new graph keeps the int8 one that it has, or uses its exact one. Files that stay the same
    are links (copies if not `link`, or where links can't be). The graphs' files are moved; their names
    become those of their contents, so that what a running service has mapped never changes.
    """
    added: dict[str, str] = {}
    towers = dict(bundle.card.graphs)
    for tower, old in bundle.card.graphs.items():
        if graph := graphs.get(tower):
            towers[tower] = old.model_copy(update={"int8": _place(graph, tower, folder, added)})
        elif old.int8 is None:
            towers[tower] = old.model_copy(update={"int8": old.fp32})
    report.write(folder)
    added[REPORT] = sha256(folder / REPORT)
    kept = {name: digest for name, digest in bundle.card.files.items() if name != REPORT}
    for name in _graph_files(bundle.card.graphs) - _graph_files(towers):
        kept.pop(name, None)
    for name in kept:
        _bring(bundle.path / name, folder / name, link=link)
    files = dict(sorted({**kept, **added}.items()))
    bundle.card.model_copy(update={"graphs": towers, "files": files}).write(folder / CARD)
    return open_bundle(folder)


def switch(bundle: Bundle, made: Bundle) -> Bundle:
    """Let a bundle's folder have what was made from it: the new files come, then the card at once, then what
    nothing names any more goes. Whatever happens in between, the folder is the old or the new bundle.

    `made` lies on the same disk; its folder is the caller's to remove. Raises OSError.
    """
    # What has the same name has the same content, but for the report.
    for name in made.card.files.keys() - (bundle.card.files.keys() - {REPORT}):
        (made.path / name).replace(bundle.path / name)
        sync(bundle.path / name)
    sync(made.path / CARD)
    (made.path / CARD).replace(bundle.path / CARD)
    sync(bundle.path)
    for name in bundle.card.files.keys() - made.card.files.keys():
        (bundle.path / name).unlink(missing_ok=True)
    return open_bundle(bundle.path)


def _place(graph: Path, tower: TowerName, folder: Path, added: dict[str, str]) -> str:
    weights = graph.with_name(data_name(graph.name))
    digests = sha256(graph), sha256(weights)
    both = hashlib.sha256("".join(digests).encode()).hexdigest()
    name = f"{tower}.int8-{both[:10]}{IR_SUFFIX}"
    for source, target, digest in zip(
        (graph, weights), (name, data_name(name)), digests, strict=True
    ):
        source.rename(folder / target)
        added[target] = digest
    return name


def _graph_files(graphs: Mapping[TowerName, TowerGraphs]) -> set[str]:
    named = {name for g in graphs.values() for name in (g.fp32, g.bf16, g.fp16, g.int8) if name}
    return named | {data_name(name) for name in named}


def _bring(source: Path, target: Path, *, link: bool) -> None:
    if link:
        try:
            os.link(source, target)
        except OSError:  # another disk, or one without links
            pass
        else:
            return
    shutil.copyfile(source, target)


def graph_bytes(bundle: Bundle, graph: str) -> int:
    """Of a graph and its weights."""
    paths = (bundle.path / graph, bundle.path / data_name(graph))
    return sum(path.stat().st_size for path in paths if path.is_file())
