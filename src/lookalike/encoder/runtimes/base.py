"""The protocol that both runtimes keep, and the choice that is made before one is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.settings import Device, Precision

RuntimeName = Literal["openvino", "onnxruntime"]
ActualPrecision = Literal["fp32", "bf16", "fp16", "int8"]

OUTPUT = "embedding"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asks for; `auto` leaves it to the machine."""

    device: Device = "auto"
    precision: Precision = "auto"
    threads: int = 0
    runtime: Literal["auto", "openvino", "onnxruntime"] = "auto"
    compile_cache: Path | None = None
    """Where OpenVINO keeps compiled models; None: it compiles at every start."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be used: every `auto` decided."""

    runtime: RuntimeName
    device: Literal["cpu", "cuda"]
    precision: ActualPrecision
    threads: int
    compile_cache: Path | None = None


class LoadedTower(Protocol):
    """One tower, ready to run. Safe to call from many threads."""

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Image: uint8 [n, height, width, 3] to [n, dimension]; text: int64 [n, length] likewise.

        The rows are unit vectors. Raises InferenceFailed.
        """
        ...
