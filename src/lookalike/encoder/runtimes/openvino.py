"""OpenVINO, on the CPU."""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.runtimes.base import OUTPUT, Plan
from lookalike.encoder.runtimes.mapping import release_mapped
from lookalike.errors import InferenceFailed
from lookalike.models.bundle import data_name

# OpenVINO tells Google Analytics that it was imported, unless it can't import what tells it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402 (after the line above)

_HINT = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}
"""Of int8 none: what isn't int8 may run as the processor likes."""

_INT8_GROUP = "128"
"""Activations that share a scale in an int8 product. OpenVINO's own 32 costs ViT-B/32 a quarter more time for
pictures (36 and 34 ms of one core at batch 1 and 8, with this 29 and 26) and for texts (8.2 and 5.6; 7.1 and
4.2). The cosine to fp32 stays at 0.9997 with random weights, and goes from 0.9994 to 0.9991 with those of a
trained text transformer, MiniLM. A layer whose width it does not divide is not calculated in int8 at all.
"""


def has_native_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512-BF16, AMX, or Arm's BF16)."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    if words:
        return bool({"avx512_bf16", "amx_bf16", "bf16"}.intersection(words))
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoTower:
    """A tower compiled by OpenVINO. Raises InferenceFailed if it can't be."""

    def __init__(self, graph: Path, plan: Plan, warm_up: NDArray[Any]) -> None:
        properties: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": plan.threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Pinned threads would fight with the decoding ones, and with the neighbours of a container.
            "ENABLE_CPU_PINNING": False,
        }
        if plan.precision in _HINT:
            properties["INFERENCE_PRECISION_HINT"] = _HINT[plan.precision]
        if plan.precision == "int8":
            properties["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = _INT8_GROUP
        mapped = [graph.with_name(data_name(graph.name))]
        if plan.compile_cache is not None:
            properties["CACHE_DIR"] = str(plan.compile_cache)
        try:
            self._compiled = ov.Core().compile_model(graph, "CPU", properties)
            self._request = self._compiled.create_infer_request()
        except RuntimeError as error:
            raise InferenceFailed(
                f"OpenVINO can't load {graph.name}: {_last_line(error)}"
            ) from error
        # One stream uses all the threads, so two inferences at once would only get in each other's way.
        self._lock = threading.Lock()
        # The first inference packs the weights for the processor; after it the file's pages are not needed.
        self(warm_up)
        if plan.compile_cache is not None:
            mapped += plan.compile_cache.glob("*.blob")
        for path in mapped:
            release_mapped(path)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        with self._lock:
            try:
                self._request.infer([np.ascontiguousarray(batch)], share_inputs=True)
            except RuntimeError as error:
                raise InferenceFailed(f"OpenVINO: {_last_line(error)}") from error
            vectors: NDArray[np.float32] = self._request.get_tensor(OUTPUT).data.copy()
        return vectors


def _last_line(error: RuntimeError) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"
