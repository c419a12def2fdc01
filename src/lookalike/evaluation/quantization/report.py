"""What quantizing a model came to: stored in the bundle, shown by `models show`."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import ValidationError

from lookalike.errors import BundleInvalid
from lookalike.evaluation.retrieval import Agreement
from lookalike.models.bundle import Bundle
from lookalike.models.cards import Frozen, TowerName

REPORT: Final = "quantization.json"
"""The file's name in the bundle."""

Outcome = Literal["quantized", "kept", "failed"]


class Threshold(Frozen):
    """What the held-out inputs must show for a tower to be installed."""

    cosine: float = 0.99
    """Least mean cosine to the exact vectors."""
    kept: float = 0.95
    """Least share of the exact top 10 that is kept."""

    def passed_by(self, found: Agreement) -> bool:
        return found.cosine_mean >= self.cosine and found.kept >= self.kept


class Cost(Frozen):
    """What a tower takes in one precision, on the machine where it was quantized."""

    precision: str
    bytes: int
    single_ms: float
    """Median of one input at a time."""
    batch_ms: float
    """Median for each input of a batch of `batch`."""
    batch: int


class Attempt(Frozen):
    """One try: the blocks whose arithmetic was left in floating point, and what that gave."""

    left: tuple[str, ...]
    agreement: Agreement


class TowerReport(Frozen):
    outcome: Outcome
    """`kept`: the exact graph is in int8 already. `failed`: no attempt passed; the tower stays as it was."""
    reason: str | None = None
    blocks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    calibrated_on: int = 0
    agreement: Agreement | None = None
    """Of the tower as it is installed, through the whole encoder, on inputs that calibration has not seen."""
    before: Agreement | None = None
    """The same of the int8 graph that the bundle had until then, if it had one."""
    costs: tuple[Cost, ...] = ()


class Report(Frozen):
    format: Literal[1] = 1
    made: str
    versions: dict[str, str]
    threads: int
    threshold: Threshold
    texts_from: str | None
    towers: dict[TowerName, TowerReport]

    @property
    def passed(self) -> bool:
        """Whether there is anything to install."""
        return any(tower.outcome == "quantized" for tower in self.towers.values())

    @classmethod
    def read(cls, bundle: Bundle) -> Self | None:
        """The report of a bundle, if it has one. Raises BundleInvalid."""
        if REPORT not in bundle.card.files:
            return None
        try:
            return cls.model_validate_json((bundle.path / REPORT).read_bytes())
        except (OSError, ValidationError) as error:
            raise BundleInvalid(bundle.path, f"{REPORT} can't be read: {error}") from None

    def write(self, folder: Path) -> None:
        (folder / REPORT).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
