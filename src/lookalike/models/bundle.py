"""A bundle: the folder with one model ready to run. The unit that is cached, verified and served."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from lookalike.errors import BundleInvalid
from lookalike.models.cards import ModelCard, TowerName

CARD = "model.json"
DATA_SUFFIX = ".data"
"""A graph's weights lie in the file of its name with this behind it, if they are not in the graph."""

IR_SUFFIX = ".xml"
"""Of a graph in OpenVINO's own form, as calibrating for int8 makes it. Its weights are in `.bin` beside."""

GraphPrecision = Literal["fp32", "bf16", "fp16", "int8"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk. Made by `open_bundle`."""

    path: Path
    card: ModelCard
    lease: BinaryIO | None = field(default=None, repr=False, compare=False)
    """While it is open, the cache knows that the bundle is in use, and doesn't remove it."""

    def graph(self, tower: TowerName, precision: GraphPrecision = "fp32") -> Path | None:
        """The graph file, or None if the bundle has none of that precision."""
        name = getattr(self.card.graphs[tower], precision)
        return self.path / name if name else None

    @property
    def tokenizer(self) -> Path:
        if self.card.text is None:
            raise BundleInvalid(self.path, "has no text tower, so no tokenizer")
        return self.path / self.card.text.tokenizer

    def verify(self) -> None:
        """Hash every file and hold it against the card. Raises BundleInvalid, naming the file."""
        for name, expected in self.card.files.items():
            if sha256(self.path / name) != expected:
                raise BundleInvalid(self.path, f"{name} is not the file that the card describes")


def open_bundle(path: Path) -> Bundle:
    """The bundle in a folder; every file of the card must be there. Raises CardInvalid, BundleInvalid.

    The files' contents are not hashed here (`Bundle.verify` does that): opening must stay instant.
    """
    card = ModelCard.read(path / CARD)
    for name in card.files:
        if not (path / name).is_file():
            raise BundleInvalid(path, f"{name} is missing")
    return Bundle(path, card)


def fingerprint(card: ModelCard, precision: str = "fp32", mode: str = "natural") -> str:
    """16 hex digits that change with all that changes a vector: weights, preprocessing, tokenizer.

    bf16 and fp16 round the same weights, and vectors stay comparable (cosine above 0.999), so they share the
    fingerprint of fp32; int8 has a graph of its own and gets one of its own. The mode `fast` shares that of
    `natural`: its pixels move a vector less than bf16 does (cosine above 0.9999). Of a converted model the
    source's hashes count, so that a better graph builder does not make old vectors foreign.
    """
    weights = card.source.files or _hashes(card, "fp32")
    facts = {
        "weights": sorted(weights.items()),
        "image": card.image.model_dump() if card.image else None,
        "text": card.text.model_dump() if card.text else None,
        "mode": "natural" if mode == "fast" else mode,
        "int8": sorted(_hashes(card, "int8").items()) if precision == "int8" else None,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def data_name(graph: str) -> str:
    """The name of the file with a graph's weights, if they are not in the graph."""
    if graph.endswith(IR_SUFFIX):
        return graph.removesuffix(IR_SUFFIX) + ".bin"
    return graph + DATA_SUFFIX


def _hashes(card: ModelCard, precision: GraphPrecision) -> dict[str, str]:
    """The hashes of the graphs of one precision, and of their data files."""
    graphs = [name for graph in card.graphs.values() if (name := getattr(graph, precision))]
    names = {*graphs, *map(data_name, graphs)}
    return {n: h for n, h in card.files.items() if n in names}


def sha256(path: Path) -> str:
    """Raises BundleInvalid if the file can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleInvalid(path.parent, f"{path.name} can't be read: {error.strerror}") from error
