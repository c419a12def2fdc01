"""A small hand for writing ONNX graphs: nodes by operator, weights streamed to a file beside the graph.

Weights go into the data file the moment they are added, so building needs the memory of one tensor. The data
file also lifts protobuf's limit of 2 GB, and lets a runtime map the weights instead of reading them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lookalike.models.weights import Array

OPSET = 20
"""The first with Gelu, which both runtimes have. Needs IR version 9."""
IR_VERSION = 9

_INLINE_BYTES = 1024
_ALIGNMENT = 4096
"""Offsets in the data file are multiples of a page, so that a runtime can map each tensor."""

Tensor = str
"""The name of a value in the graph."""


class GraphBuilder:
    """Builds `NAME.onnx` with its weights in `NAME.onnx.data`; a context manager that owns the data file.

    With `float16`, matrices are stored so and cast back to float32 in the graph, which the runtimes fold
    away; the caller vouches that this loses nothing. Vectors are too small to matter.
    """

    def __init__(self, path: Path, *, float16: bool) -> None:
        self.path = path
        self.data_path = path.with_name(path.name + ".data")
        self.parameters = 0
        self._float16 = float16
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

    def weight(self, name: str, array: Array, *, derived: bool = False) -> Tensor:
        """A learned tensor, as float32 in the graph. `derived`: computed from weights here, so that float16
        may not hold it; it is stored as float32 whatever the rest is."""
        self.parameters += array.size
        if self._float16 and array.ndim > 1 and not derived:
            self._initialize(name, array.astype(np.float16))
            return self.op("Cast", name, to=TensorProto.FLOAT)
        self._initialize(name, array.astype(np.float32))
        return name

    def constant(self, value: NDArray[Any] | Sequence[int] | int | float) -> Tensor:
        """A small fixed value: Python's ints become int64, floats float32. Equal ones are shared."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        elif array.dtype.kind == "i":
            array = array.astype(np.int64)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._initialize(name, array)
            self._constants[key] = name
        return self._constants[key]

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
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lookalike",
        )
        self._data.flush()
        self.path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(self.path), full_check=True)

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
        self._data.write(array.data)
        self._initializers.append(tensor)
