"""A small hand for writing ONNX graphs: nodes by operator, weights streamed to a file beside the graph.

Weights go into the data file the moment they are added, so building needs the memory of one tensor. The data
file also lifts protobuf's limit of 2 GB, and lets a runtime map the weights instead of reading them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lookalike.models.bundle import DATA_SUFFIX
from lookalike.models.weights import Array

OPSET = {"float32": 20, "float16": 20, "int8": 20, "bfloat16": 22}
"""By the graph's type: 20 is the first with Gelu, 22 the first that allows bfloat16 wherever it occurs here.
Both runtimes read the first; only OpenVINO is given the second."""
IR_VERSION = 10

Compute = Literal["float32", "float16", "bfloat16", "int8"]

_TYPES = {
    "float32": (np.float32, TensorProto.FLOAT),
    "float16": (np.float16, TensorProto.FLOAT16),
    "int8": (np.float32, TensorProto.FLOAT),
    "bfloat16": (ml_dtypes.bfloat16, TensorProto.BFLOAT16),
}

_INLINE_BYTES = 1024
_ALIGNMENT = 4096
"""Offsets in the data file are multiples of a page, so that a runtime can map each tensor."""

Tensor = str
"""The name of a value in the graph."""


class GraphBuilder:
    """Builds `NAME.onnx` with its weights in `NAME.onnx.data`; a context manager that owns the data file.

    `compute` is the type the graph calculates in. With `float16`, a float32 graph's matrices (and of an int8
    graph those that aren't int8) are stored so
    and cast back in the graph, which the runtimes fold away; the caller vouches that this loses nothing.
    Vectors are too small to matter.

    A graph in bfloat16 says so in every type, though OpenVINO would round a float32 one by itself: given
    bfloat16 constants it packs them straight from the mapped file, where of others it keeps a float32 copy
    (ViT-B/32's image tower at bf16: 224 MB of own memory against 550 MB).

    A graph in int8 stores the large matrices so, with a scale for each row, and calculates in float32 or in
    what the runtime makes of it (OpenVINO quantizes the other factor as it goes). It needs no calibration:
    cosines to float32 are above 0.999.
    """

    def __init__(self, path: Path, *, compute: Compute = "float32", float16: bool = False) -> None:
        self.path = path
        self.data_path = path.with_name(path.name + DATA_SUFFIX)
        self.parameters = 0
        self._compute = compute
        self._dtype, self._onnx_type = _TYPES[compute]
        self._float16 = float16 and compute in {"float32", "int8"}
        self._data: BinaryIO = self.data_path.open("wb")
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._data.close()

    def op(self, kind: str, *inputs: Tensor, **attributes: Any) -> Tensor:
        """A node with one output."""
        return self.ops(kind, *inputs, outputs=1, **attributes)[0]

    def ops(self, kind: str, *inputs: Tensor, outputs: int, **attributes: Any) -> list[Tensor]:
        """A node with several outputs."""
        self._count += 1
        names = [f"{kind.lower()}_{self._count}" + (f"_{i}" if i else "") for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names

    def weight(
        self, name: str, array: Array, *, exact: bool = False, by_row: bool = False
    ) -> Tensor:
        """A learned tensor, in the graph's type. `exact`: kept as float32, because what it is used for needs
        it or because it was computed here from weights, so that float16 may not hold it. `by_row`: a matrix
        whose rows are used apart from each other, so that each may have a scale of its own.
        """
        self.parameters += array.size
        if self._compute == "int8" and by_row:
            return self._quantized(name, array)
        if self._float16 and array.ndim > 1 and not exact:
            self._initialize(name, array.astype(np.float16))
            return self.op("Cast", name, to=self._onnx_type)
        self._initialize(name, array.astype(np.float32 if exact else self._dtype))
        return name

    def constant(
        self, value: NDArray[Any] | Sequence[int] | int | float, *, exact: bool = False
    ) -> Tensor:
        """A small fixed value: whole numbers become int64, others the graph's type (float32 if `exact`).
        Equal ones are shared.
        """
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32 if exact else self._dtype)
        elif array.dtype.kind == "i":
            array = array.astype(np.int64)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._initialize(name, array)
            self._constants[key] = name
        return self._constants[key]

    def enter(self, x: Tensor) -> Tensor:
        """A float32 value, in the graph's type from here on."""
        if self._onnx_type == TensorProto.FLOAT:
            return x
        return self.op("Cast", x, to=self._onnx_type)

    def leave(self, x: Tensor) -> Tensor:
        """A value in the graph's type, as float32 from here on."""
        if self._onnx_type == TensorProto.FLOAT:
            return x
        return self.op("Cast", x, to=TensorProto.FLOAT)

    def save(
        self,
        inputs: Sequence[tuple[str, int, Sequence[int | str]]],
        output: tuple[Tensor, str, Sequence[int | str]],
    ) -> None:
        """Check the graph and write it. `inputs`: name, ONNX type, shape. `output`: value, name, shape."""
        value, name, shape = output
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        graph = helper.make_graph(
            self._nodes,
            self.path.stem,
            [helper.make_tensor_value_info(*i) for i in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
            initializer=self._initializers,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET[self._compute])],
            ir_version=IR_VERSION,
            producer_name="lookalike",
        )
        self._data.flush()
        self.path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(self.path), full_check=True)

    def _quantized(self, name: str, array: Array) -> Tensor:
        rows = array.astype(np.float32)
        largest = np.abs(rows).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        self._initialize(name, np.round(rows / scale[:, None]).astype(np.int8))
        self._initialize(f"{name}.scale", scale)
        return self.op("DequantizeLinear", name, f"{name}.scale", axis=0)

    def _initialize(self, name: str, array: Array) -> None:
        array = np.ascontiguousarray(array)
        if array.nbytes <= _INLINE_BYTES:
            self._initializers.append(numpy_helper.from_array(array, name))
            return
        self._data.write(b"\0" * (-self._data.tell() % _ALIGNMENT))
        tensor = TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        place = {
            "location": self.data_path.name,
            "offset": self._data.tell(),
            "length": array.nbytes,
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._data.write(array.reshape(-1).view(np.uint8).data)
        self._initializers.append(tensor)
