"""ONNX Runtime, on CUDA, and on the CPU where OpenVINO is not to be had."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lookalike.encoder.runtimes.base import OUTPUT, Plan
from lookalike.errors import DeviceUnavailable, InferenceFailed
from lookalike.models.precision import CUDA


class OnnxRuntimeTower:
    """A tower in an ONNX Runtime session. Raises DeviceUnavailable, InferenceFailed."""

    def __init__(self, graph: Path, plan: Plan, warm_up: NDArray[Any]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = plan.threads
        options.log_severity_level = 3
        providers = [CUDA] if plan.device == "cuda" else ["CPUExecutionProvider"]
        try:
            self._session = ort.InferenceSession(str(graph), options, providers=providers)
        except Exception as error:  # its exceptions have no common base but Exception
            raise InferenceFailed(f"ONNX Runtime can't load {graph.name}: {error}") from error
        if plan.device == "cuda" and CUDA not in self._session.get_providers():
            raise DeviceUnavailable("cuda", "ONNX Runtime found no GPU that it can use")
        self._input = self._session.get_inputs()[0].name
        self(warm_up)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        try:
            (vectors,) = self._session.run([OUTPUT], {self._input: np.ascontiguousarray(batch)})
        except Exception as error:  # as above
            raise InferenceFailed(f"ONNX Runtime: {error}") from error
        result: NDArray[np.float32] = vectors
        return result
