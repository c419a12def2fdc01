"""Calibrating a graph with NNCF, and taking single blocks out of it again.

NNCF works on OpenVINO's form of the graph, and the result is saved in it (`.xml` and `.bin`): ONNX Runtime
can't run it.
"""

import contextlib
import importlib.util
import io
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# First of all: it keeps OpenVINO, and so NNCF, from telling anybody that they are used.
import lookalike.encoder.runtimes.openvino  # noqa: F401  # isort: skip
import openvino as ov  # isort: skip

from lookalike.errors import ExtraMissing, QuantizationFailed

Input = NDArray[Any]
_QUANTIZER = "FakeQuantize"


def need_nncf() -> None:
    """Raises ExtraMissing if NNCF is not installed."""
    if importlib.util.find_spec("nncf") is None:
        raise ExtraMissing("quantizing", "quantize")


def is_quantized(graph: Path) -> bool:
    """Whether a graph's activations are in int8 already, as it was made."""
    return any(op.get_type_name() == _QUANTIZER for op in _read(graph).get_ops())


def calibrate(graph: Path, inputs: Sequence[Input], destination: Path) -> None:
    """Write an int8 graph (`destination` ends in .xml): matrices by row, activations by the ranges that
    `inputs` (batches of one) show.

    Raises ExtraMissing, QuantizationFailed.
    """
    need_nncf()
    import nncf

    nncf.set_log_level("ERROR")
    model = _folded(_read(graph))
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
            quantized = nncf.quantize(
                model,
                nncf.Dataset(list(inputs)),
                model_type=nncf.ModelType.TRANSFORMER,
                # Activations with a zero point of their own: GELU's and attention's are not symmetric.
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(inputs),
            )
    except (RuntimeError, ValueError, nncf.errors.InternalError) as error:
        raise QuantizationFailed(graph.name, str(error)) from error
    _save(quantized, destination)


def leave(graph: Path, destination: Path, blocks: Iterable[str], of: Mapping[str, str]) -> None:
    """Copy a calibrated graph with some blocks' arithmetic back in floating point. `of`: `blocks_of` the exact.

    Their matrices stay in int8 by row, which alone costs next to nothing: it is rounding the activations that
    harms.
    """
    model, chosen = _read(graph), set(blocks)
    for op in model.get_ordered_ops():
        if op.get_type_name() == _QUANTIZER and _block(op, of) in chosen:
            source = op.input_value(0)
            for target in op.output(0).get_target_inputs():
                target.replace_source_output(source)
    _save(model, destination)


def quantized_blocks(graph: Path, of: Mapping[str, str]) -> list[str]:
    """The blocks of a calibrated graph that calculate in int8, in the order of `of`."""
    ops = _read(graph).get_ordered_ops()
    found = {_block(op, of) for op in ops if op.get_type_name() == _QUANTIZER}
    return [block for block in dict.fromkeys(of.values()) if block in found]


def _block(op: Any, of: Mapping[str, str]) -> str | None:
    """The block that a quantizer works for: that of the first multiplication by a weight behind it."""
    waiting, seen = deque([op]), set()
    while waiting:
        node = waiting.popleft()
        name = node.get_friendly_name()
        if name in of:
            return of[name]
        if name not in seen:
            seen.add(name)
            waiting += [
                target.get_node()
                for output in node.outputs()
                for target in sorted(
                    output.get_target_inputs(), key=lambda t: str(t.get_node().get_friendly_name())
                )
            ]
    # Behind the last multiplication by a weight: it goes with that.
    return next(reversed(list(of.values())), None)


def _read(graph: Path) -> Any:
    return ov.Core().read_model(graph)


def _folded(model: Any) -> Any:
    """With every weight as it is used: NNCF passes over those that are cast or unpacked on their way."""
    from openvino.passes import ConstantFolding, Manager

    passes = Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(model)
    return model


def _save(model: Any, destination: Path) -> None:
    # What is left in floating point is stored as float16, which is finer than anything int8 needs.
    ov.save_model(model, destination, compress_to_fp16=True)


def single(batch: Input) -> list[Input]:
    """A batch as batches of one."""
    return [np.ascontiguousarray(row) for row in np.split(batch, len(batch))]
