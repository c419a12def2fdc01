"""Weights out of safetensors files, by name, with every name accounted for.

Nothing is executed on load and nothing is held: each tensor is read when a graph builder asks for it, so
building needs little more memory than the largest tensor.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lookalike.errors import (
    WeightMissing,
    WeightShapeWrong,
    WeightsInvalid,
    WeightsLeftOver,
)

Array = NDArray[Any]

_DTYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "BOOL": np.bool_,
}


class Checkpoint:
    """One or several safetensors files, seen as one table of named tensors. A context manager."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = ExitStack()
        self._where: dict[str, Any] = {}
        for path in files:
            try:
                file = self._files.enter_context(safe_open(str(path), framework="numpy"))
            except (SafetensorError, OSError) as error:
                self._files.close()
                raise WeightsInvalid(
                    f"{path.name} is not a readable safetensors file: {error}"
                ) from error
            self._where.update(dict.fromkeys(file.keys(), file))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._where.clear()
        self._files.close()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._where)

    def shape(self, name: str) -> tuple[int, ...]:
        """Raises WeightMissing."""
        return tuple(self._slice(name).get_shape())

    def read(self, name: str) -> Array:
        """The tensor, in the type it is stored in. Raises WeightMissing, WeightsInvalid."""
        kind = self._slice(name).get_dtype()
        if kind not in _DTYPES:
            raise WeightsInvalid(f"weight {name} has type {kind}, which is not supported")
        array: Array = self._where[name].get_tensor(name)
        return array

    def _slice(self, name: str) -> Any:
        if name not in self._where:
            raise WeightMissing(name)
        return self._where[name].get_slice(name)


@dataclass(frozen=True, slots=True)
class Piece:
    """A tensor in the file that makes up (a part of) a weight that a graph asks for."""

    name: str
    transposed: bool = False


class Weights:
    """The weights of a model under OpenCLIP's names, whatever the file calls them.

    `pieces` says which tensors of the file, joined along the first axis, make up a weight.
    """

    def __init__(self, checkpoint: Checkpoint, pieces: Callable[[str], Sequence[Piece]]) -> None:
        self._checkpoint = checkpoint
        self._pieces = pieces
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return all(piece.name in self._checkpoint.names for piece in self._pieces(name))

    def take(self, name: str, shape: Sequence[int]) -> Array:
        """The weight, checked. Raises WeightMissing and WeightShapeWrong with the file's own name for it."""
        pieces = self._pieces(name)
        expected = (shape[0] // len(pieces), *shape[1:]) if len(pieces) > 1 else tuple(shape)
        parts = []
        for piece in pieces:
            in_file = expected[::-1] if piece.transposed else expected
            found = self._checkpoint.shape(piece.name)
            if found != in_file and not _same_scalar(found, in_file):
                raise WeightShapeWrong(piece.name, found, in_file)
            array = self._checkpoint.read(piece.name).reshape(in_file)
            parts.append(array.T if piece.transposed else array)
            self._taken.add(piece.name)
        return np.concatenate(parts) if len(parts) > 1 else np.ascontiguousarray(parts[0])

    def close(self, ignored: Iterable[str]) -> None:
        """To be called when all is built. Raises WeightsLeftOver, but for names that match `ignored`."""
        patterns = tuple(ignored)
        left = self._checkpoint.names - self._taken
        if unknown := sorted(n for n in left if not any(fnmatch(n, p) for p in patterns)):
            raise WeightsLeftOver(unknown)


def _same_scalar(a: Sequence[int], b: Sequence[int]) -> bool:
    return sorted([tuple(a), tuple(b)]) == [(), (1,)]


def fits_float16(array: Array) -> bool:
    """Whether float16 holds every value of it exactly."""
    if array.dtype == np.float16:
        return True
    with np.errstate(over="ignore", under="ignore"):
        there = array.astype(np.float16)
        return bool(np.array_equal(there.astype(array.dtype), array))
