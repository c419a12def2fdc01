"""From a bundle, pictures and texts to a bundle with calibrated int8 graphs, if they are good enough."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

import numpy as np

from lookalike.encoder import Encoder
from lookalike.encoder.images import ImageLimits
from lookalike.encoder.runtimes import Wanted, plan
from lookalike.encoder.runtimes.base import Plan
from lookalike.encoder.runtimes.openvino import OpenVinoTower
from lookalike.errors import QuantizationFailed
from lookalike.evaluation.inputs import Input, Inputs, encode, inputs_for, together
from lookalike.evaluation.material import Material
from lookalike.evaluation.quantization.blocks import blocks_of
from lookalike.evaluation.quantization.graphs import (
    calibrate,
    is_quantized,
    leave,
    need_nncf,
    quantized_blocks,
)
from lookalike.evaluation.quantization.installing import assemble, graph_bytes
from lookalike.evaluation.quantization.report import (
    Attempt,
    Cost,
    Report,
    Threshold,
    TowerReport,
)
from lookalike.evaluation.quantization.search import Left, attempts
from lookalike.evaluation.retrieval import Agreement, Vectors, agreement
from lookalike.evaluation.timing import median_seconds
from lookalike.models.bundle import Bundle, GraphPrecision
from lookalike.models.cards import TowerName

Tell = Callable[[str], None]
"""Is called with what is being done, for people."""

_THRESHOLD = Threshold()
_RANKING = 64
"""Calibration inputs that the blocks' harm is measured on: an order needs no more."""
_BATCH = 16
_ALREADY = "its exact graph is in int8, activations included, as the model was made"


@dataclass(frozen=True, slots=True)
class Options:
    threshold: Threshold = _THRESHOLD
    calibrate: int = 300
    """Pictures, and as many texts, that NNCF sees."""
    held_out: int = 300
    """Others, that the result is measured on."""
    threads: int = 0
    limits: ImageLimits = ImageLimits()


@dataclass(frozen=True, slots=True)
class Quantized:
    """The outcome. `bundle` None: nothing is good enough, and `report` says how bad it is."""

    report: Report
    bundle: Bundle | None
    unreadable: int


def quantize(
    bundle: Bundle,
    material: Material,
    work: Path,
    options: Options = Options(),
    tell: Tell = lambda _: None,
    *,
    link: bool = True,
) -> Quantized:
    """Calibrate both towers and measure them; the new bundle is made in `work`, an empty folder.

    Nothing of `bundle` is changed. Raises ExtraMissing, SettingInvalid (too few pictures or texts),
    QuantizationFailed, InferenceFailed.
    """
    need_nncf()
    towers: dict[TowerName, TowerReport] = {}
    graphs: dict[TowerName, Path] = {}
    samples: dict[TowerName, Inputs] = {}
    scratch = Path(tempfile.mkdtemp(prefix=".graphs.", dir=work.parent))
    try:
        for tower in bundle.card.towers:
            exact = bundle.graph(tower)
            assert exact is not None, "every card names an fp32 graph"
            if is_quantized(exact):
                towers[tower] = TowerReport(outcome="kept", reason=_ALREADY)
                continue
            tell(f"{tower} tower: reading what to calibrate with")
            samples[tower] = inputs_for(
                bundle,
                tower,
                material,
                calibrate=options.calibrate,
                held_out=options.held_out,
                limits=options.limits,
            )
            attempt = _Tower(bundle, tower, samples[tower], scratch, options, tell)
            towers[tower], graph = attempt.run()
            if graph is not None:
                graphs[tower] = graph
        report = Report(
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: version(name) for name in ("lookalike", "nncf", "openvino")},
            threads=_plan(bundle, options).threads,
            threshold=options.threshold,
            texts_from=material.texts_from if "text" in samples else None,
            towers=towers,
        )
        made = None
        if graphs:
            made = assemble(bundle, work, graphs, report, link=link)
            for tower in graphs:
                _confirm(made, tower, samples[tower], bundle, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Quantized(report, made, sum(sample.unreadable for sample in samples.values()))


class _Tower:
    """One tower's way from exact to int8."""

    def __init__(
        self,
        bundle: Bundle,
        tower: TowerName,
        inputs: Inputs,
        scratch: Path,
        options: Options,
        tell: Tell,
    ) -> None:
        self.bundle, self.tower, self.inputs = bundle, tower, inputs
        self.scratch, self.options = scratch, options
        self._tell = tell
        self._ranking = inputs.calibration[:_RANKING]
        with _encoder(bundle, tower, "fp32", options) as encoder:
            self._exact = encode(encoder, tower, inputs.held_out)
            self._exact_ranking = encode(encoder, tower, self._ranking)

    def tell(self, text: str) -> None:
        self._tell(f"{self.tower} tower: {text}")

    def run(self) -> tuple[TowerReport, Path | None]:
        """What it came to, and the graph if it passed."""
        exact = self.bundle.graph(self.tower)
        assert exact is not None, "every card names an fp32 graph"
        of = blocks_of(exact)
        full = self.scratch / f"{self.tower}.full.xml"
        self.tell(f"calibrating on {len(self.inputs.calibration)} inputs")
        calibrate(exact, self.inputs.calibration, full)
        blocks = quantized_blocks(full, of)
        best = self.scratch / f"{self.tower}.xml"

        def measure(left: Left) -> Agreement:
            leave(full, best, left, of)
            found = agreement(self._exact, self._run(best, self.inputs.held_out))
            self.tell(
                f"cosine {found.cosine_mean:.4f}, top {found.top} kept {found.kept:.1%}"
                + (f", with {len(left)} of {len(blocks)} blocks in floating point" if left else "")
            )
            return found

        def gain(block: str) -> float:
            self.tell(f"how much harm does {block} do?")
            trial = self.scratch / f"{self.tower}.trial.xml"
            leave(full, trial, [block], of)
            vectors = self._run(trial, self._ranking)
            return float(np.sum(vectors * self._exact_ranking, axis=1).mean())

        tries = list(attempts(blocks, self.options.threshold, measure, gain))
        return self._report(tries, blocks, best)

    def _report(
        self, tries: Sequence[Attempt], blocks: Sequence[str], best: Path
    ) -> tuple[TowerReport, Path | None]:
        last = tries[-1]
        passed = self.options.threshold.passed_by(last.agreement)
        self.tell("timing it")
        report = TowerReport(
            outcome="quantized" if passed else "failed",
            reason=None
            if passed
            else f"below the threshold even with {len(last.left)} blocks left",
            blocks=tuple(blocks),
            left=last.left,
            attempts=tuple(tries),
            calibrated_on=len(self.inputs.calibration),
            agreement=last.agreement,
            before=self._before(),
            costs=self._costs(best),
        )
        return report, best if passed else None

    def _run(self, graph: Path, inputs: Sequence[Input]) -> Vectors:
        tower = self._load(graph, "int8")
        return np.concatenate([tower(one) for one in inputs])

    def _load(self, graph: Path, precision: GraphPrecision) -> OpenVinoTower:
        threads = _plan(self.bundle, self.options).threads
        return OpenVinoTower(
            graph, Plan("openvino", "cpu", precision, threads), self.inputs.held_out[0]
        )

    def _before(self) -> Agreement | None:
        graph = self.bundle.graph(self.tower, "int8")
        if graph is None:
            return None
        return agreement(self._exact, self._run(graph, self.inputs.held_out))

    def _costs(self, new: Path) -> tuple[Cost, ...]:
        kinds: tuple[tuple[str, GraphPrecision], ...] = (
            ("fp32", "fp32"),
            ("bf16", "bf16"),
            ("int8 before", "int8"),
        )
        costs = []
        for name, precision in kinds:
            if graph := self.bundle.graph(self.tower, precision):
                size = graph_bytes(self.bundle, graph.name)
                costs.append(self._cost(name, self._load(graph, precision), size))
        size = sum(path.stat().st_size for path in (new, new.with_suffix(".bin")))
        costs.append(self._cost("int8 calibrated", self._load(new, "int8"), size))
        return tuple(costs)

    def _cost(self, name: str, tower: OpenVinoTower, size: int) -> Cost:
        inputs = self.inputs.held_out[:_BATCH]
        text = self.bundle.card.text
        batch = together(inputs, text.pad_id if text else 0)
        turn = cycle(inputs)
        return Cost(
            precision=name,
            bytes=size,
            single_ms=1e3 * median_seconds(lambda: tower(next(turn))),
            batch_ms=1e3 * median_seconds(lambda: tower(batch), least=3) / len(inputs),
            batch=len(inputs),
        )


def _plan(bundle: Bundle, options: Options) -> Plan:
    return plan(_wanted("fp32", options), bundle, bundle.card.towers)


def _wanted(precision: GraphPrecision, options: Options) -> Wanted:
    return Wanted("cpu", precision, options.threads, "openvino")


def _encoder(
    bundle: Bundle, tower: TowerName, precision: GraphPrecision, options: Options
) -> Encoder:
    return Encoder(bundle, wanted=_wanted(precision, options), towers=[tower])


def _confirm(
    made: Bundle, tower: TowerName, inputs: Inputs, bundle: Bundle, options: Options
) -> None:
    """Measure the bundle itself, through the encoder as the service uses it. Raises QuantizationFailed."""
    with _encoder(bundle, tower, "fp32", options) as encoder:
        exact = encode(encoder, tower, inputs.held_out)
    with _encoder(made, tower, "int8", options) as encoder:
        found = agreement(exact, encode(encoder, tower, inputs.held_out))
    if not options.threshold.passed_by(found):
        raise QuantizationFailed(
            bundle.card.name,
            f"the {tower} tower in its bundle gives cosine {found.cosine_mean:.4f} "
            f"and keeps {found.kept:.1%}, not what its graph gave",
        )
