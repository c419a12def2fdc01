"""Deciding every `auto`: device, runtime, precision, threads."""

import importlib.util
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lookalike.encoder.cores import inference_threads
from lookalike.encoder.runtimes.base import ActualPrecision, LoadedTower, Plan, RuntimeName, Wanted
from lookalike.errors import DeviceUnavailable, PrecisionUnavailable, RuntimeMissing
from lookalike.models.bundle import IR_SUFFIX, Bundle, GraphPrecision
from lookalike.models.cards import TowerName
from lookalike.models.precision import has_cuda


def plan(wanted: Wanted, bundle: Bundle, towers: tuple[TowerName, ...]) -> Plan:
    """What to run a bundle's towers with. Raises RuntimeMissing, DeviceUnavailable, PrecisionUnavailable."""
    device = wanted.device
    if device == "auto":
        # A GPU build of ONNX Runtime is only installed on purpose, so it is what its owner wants.
        device = "cuda" if wanted.runtime != "openvino" and has_cuda() else "cpu"
    elif device == "cuda" and not has_cuda():
        raise DeviceUnavailable("cuda", "install it with: pip install 'lookalike[cuda]'")
    if device == "cuda" and wanted.runtime == "openvino":
        raise DeviceUnavailable("cuda", "OpenVINO doesn't run on NVIDIA GPUs")
    runtime = wanted.runtime
    if runtime == "auto":
        use_openvino = device == "cpu" and _is_here("openvino")
        runtime = "openvino" if use_openvino else "onnxruntime"
    _need(runtime)
    if runtime == "openvino":
        precision = _openvino_precision(wanted, bundle, towers)
    else:
        precision = _onnxruntime_precision(wanted, device, bundle, towers)
    return Plan(runtime, device, precision, inference_threads(wanted.threads), wanted.compile_cache)


def _is_here(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # somebody has put None in its place among the modules
        return False


def _need(runtime: RuntimeName) -> None:
    """Raises RuntimeMissing."""
    if runtime == "openvino" and not _is_here("openvino"):
        raise RuntimeMissing("OpenVINO", "openvino")
    if runtime == "onnxruntime" and not _is_here("onnxruntime"):
        raise RuntimeMissing("ONNX Runtime", "lookalike[onnxruntime]")


def load_tower(plan: Plan, bundle: Bundle, tower: TowerName, warm_up: NDArray[Any]) -> LoadedTower:
    """Load and warm up one tower. Raises InferenceFailed, DeviceUnavailable."""
    graph = _graph(plan, bundle, tower)
    if plan.runtime == "openvino":
        from lookalike.encoder.runtimes.openvino import OpenVinoTower

        return OpenVinoTower(graph, plan, warm_up)
    from lookalike.encoder.runtimes.onnxruntime import OnnxRuntimeTower

    return OnnxRuntimeTower(graph, plan, warm_up)


def _graph(plan: Plan, bundle: Bundle, tower: TowerName) -> Path:
    graph = bundle.graph(tower, plan.precision)
    if graph is None:  # bf16 without a graph of its own: the runtime rounds the exact one
        graph = bundle.graph(tower, "fp32")
    assert graph is not None, "every card names an fp32 graph"
    return graph


def _openvino_precision(
    wanted: Wanted, bundle: Bundle, towers: tuple[TowerName, ...]
) -> ActualPrecision:
    from lookalike.encoder.runtimes.openvino import has_native_bf16

    match wanted.precision:
        case "auto":
            return "bf16" if has_native_bf16() else "fp32"
        case "fp16":
            raise PrecisionUnavailable("fp16", "it is for CUDA; on the CPU use bf16 or fp32")
        case "int8":
            _need_graphs("int8", bundle, towers)
    return wanted.precision


def _onnxruntime_precision(
    wanted: Wanted, device: str, bundle: Bundle, towers: tuple[TowerName, ...]
) -> ActualPrecision:
    match wanted.precision:
        case "auto":
            has_fp16 = all(bundle.graph(tower, "fp16") for tower in towers)
            return "fp16" if device == "cuda" and has_fp16 else "fp32"
        case "bf16":
            raise PrecisionUnavailable("bf16", "ONNX Runtime offers fp32 on the CPU, fp16 on CUDA")
        case "fp16" | "int8":
            _need_graphs(wanted.precision, bundle, towers)
            _need_onnx(wanted.precision, bundle, towers)
    return wanted.precision


def _need_onnx(precision: GraphPrecision, bundle: Bundle, towers: tuple[TowerName, ...]) -> None:
    for tower in towers:
        graph = bundle.graph(tower, precision)
        if graph is not None and graph.suffix == IR_SUFFIX:
            raise PrecisionUnavailable(
                precision, f"the {tower} tower was calibrated for OpenVINO, which is not used here"
            )


def _need_graphs(precision: GraphPrecision, bundle: Bundle, towers: tuple[TowerName, ...]) -> None:
    for tower in towers:
        if bundle.graph(tower, precision) is None:
            raise PrecisionUnavailable(
                precision, f"{bundle.card.name} has no {precision} graph of its {tower} tower"
            )
