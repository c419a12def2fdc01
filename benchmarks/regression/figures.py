"""A figure, the bound that a committed one sets for it, and what is said of one that is beyond."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

BASELINE = Path(__file__).with_name("baseline.json")


class Bound(NamedTuple):
    """How far above the committed figure one may be: `was * times + more`."""

    times: float
    more: float = 0.0


class Kind(Enum):
    """Figures by what can move them beside the code."""

    EXACT = Bound(1.0)
    """Counts of few large things."""
    BYTES = Bound(1.05, 64)
    """Digits of scores and of times."""
    MEMORY = Bound(1.0, 0.5)
    """Half a body, or half a KiB: what else is held meanwhile."""
    CALLS = Bound(1.2, 40)
    """Versions of Python and of the libraries, and how often a thread had to be woken."""
    RATIO = Bound(2.0)
    """Times of two stages of one run, the shortest of many each: processors differ in what they are good at."""


@dataclass(frozen=True)
class Figure:
    """One measured figure; less is better in all of them."""

    name: str
    value: float
    unit: str
    kind: Kind


@dataclass(frozen=True)
class Verdict:
    """A figure beside the committed one; None: there is none."""

    figure: Figure
    was: float | None

    @property
    def most(self) -> float | None:
        if self.was is None:
            return None
        times, more = self.figure.kind.value
        return self.was * times + more

    @property
    def failed(self) -> bool:
        return self.most is None or self.figure.value > self.most + 1e-9

    @property
    def line(self) -> str:
        figure = self.figure
        unit = f" {figure.unit}" if figure.unit else ""
        if self.was is None:
            return f"{figure.name}: is {figure.value:,.6g}{unit}, and the baseline does not have it"
        return (
            f"{figure.name}: was {self.was:,.6g}, is {figure.value:,.6g}{unit} "
            f"({figure.kind.name.lower()}: up to {self.most:,.6g} passes)"
        )


def judge(figures: Iterable[Figure], baseline: Mapping[str, float]) -> list[Verdict]:
    return [Verdict(figure, baseline.get(figure.name)) for figure in figures]


def read_baseline(path: Path = BASELINE) -> dict[str, float]:
    return dict(json.loads(path.read_text()))


def write_baseline(figures: Iterable[Figure], path: Path = BASELINE) -> None:
    rounded = {figure.name: float(f"{figure.value:.6g}") for figure in figures}
    path.write_text(json.dumps(rounded, indent=1) + "\n")


ADVICE = """\
Each line names a request or a stage, and what of it costs more than it did:
  decodings, inferences, dumps, store calls: something is done twice
  copies, memory: another copy of a body or of pixels is held
  calls: more code runs for each request; `python -X importtime` and cProfile over subject.ask show which
  a ratio: that stage has become slower beside the thing that it is compared with
If it is meant, renew the baseline, and say in the commit what it buys: make bench-check RENEW=1"""
