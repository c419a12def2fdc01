"""The golden check: a bundle must give the vectors that it gave when it was installed, and published ones.

Some pictures and texts that are made here, the same everywhere, go through the whole path from bytes to
vectors. This module holds the inputs and the verdict. What runs the graphs is passed in as a `Probe`, for it
lives in a room above this one.

- The first installation of a commit *records* its vectors, in the bundle (`golden.json`) and in the lock. Every
  later check, on whatever machine, compares with these. That finds damage, and a runtime or processor that
  calculates wrongly. It can't find a conversion that was wrong from the start.
- Where somebody has *published* numbers for a model, the bundle must give these too. That does find a wrong
  conversion.
"""

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from lookalike.errors import BundleInvalid, GoldenMismatch
from lookalike.models.bundle import Bundle, GraphPrecision
from lookalike.models.cards import Frozen, TowerName
from lookalike.models.registry import PublishedText

GOLDEN: Final = "golden.json"
INPUTS: Final = 1
"""Version of the inputs below. Vectors of other inputs are not compared."""

TEXTS: Final = (
    "hello world",
    "a photo of a cat",
    "Red leather boots, size 38 & a half; waterproof",
)

_FLOORS: Final[dict[GraphPrecision, float]] = {
    "fp32": 0.9999,
    "fp16": 0.999,
    "bf16": 0.99,
    "int8": 0.9,
}
"""Least cosine to a recorded vector. Of two precisions the coarser one decides."""

_PUBLISHED_SLACK: Final[dict[GraphPrecision, float]] = {
    "fp32": 1,
    "fp16": 2,
    "bf16": 4,
    "int8": 10,
}
"""How many times the published tolerance a number may be off."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Probed:
    """What a bundle makes of the inputs: unit vectors `[n, dimension]`, for each tower that it has."""

    precision: GraphPrecision
    vectors: dict[TowerName, Vectors]


Probe = Callable[[Bundle], Probed]


class Golden(Frozen):
    """Recorded vectors: float32, little-endian, row by row, as base64."""

    format: Literal[1] = 1
    inputs: int = INPUTS
    precision: GraphPrecision
    dimension: Annotated[int, Field(gt=0)]
    vectors: dict[TowerName, str]

    @classmethod
    def of(cls, probed: Probed) -> Self:
        return cls(
            precision=probed.precision,
            dimension=next(iter(probed.vectors.values())).shape[1],
            vectors={
                tower: base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii")
                for tower, rows in probed.vectors.items()
            },
        )

    @classmethod
    def read(cls, bundle: Path) -> Self | None:
        """What a bundle has recorded, if it has. Raises BundleInvalid."""
        try:
            return cls.model_validate_json((bundle / GOLDEN).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise BundleInvalid(bundle, f"{GOLDEN} can't be read: {error}") from None

    def write(self, bundle: Path) -> None:
        text = json.dumps(self.model_dump(mode="json"), indent=1)
        (bundle / GOLDEN).write_text(text + "\n", encoding="utf-8")

    def rows(self, tower: TowerName) -> Vectors:
        """Raises ValueError if they are damaged."""
        raw = base64.b64decode(self.vectors[tower], validate=True)
        return np.frombuffer(raw, "<f4").reshape(-1, self.dimension)


def pictures() -> tuple[bytes, ...]:
    """Two BMP files: a wide one of smooth colours, and a tall one of fine stripes."""
    y, x = np.mgrid[0:200, 0:300]
    smooth = np.stack([x * 255 // 299, y * 255 // 199, (x + y) % 256], axis=-1)
    y, x = np.mgrid[0:320, 0:240]
    stripes = np.stack([(x * y) % 251, (x // 7 % 2) * 255, (x * 3 + y * 5) % 256], axis=-1)
    return _bmp(smooth), _bmp(stripes)


def _bmp(pixels: NDArray[np.int_]) -> bytes:
    """A 24-bit BMP file; the width is such that rows need no padding."""
    height, width, _ = pixels.shape
    body = pixels[::-1, :, ::-1].astype(np.uint8).tobytes()
    header = struct.pack("<2sIHHI", b"BM", 54 + len(body), 0, 0, 54)
    return (
        header
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(body), 2835, 2835, 0, 0)
        + body
    )


def check(
    name: str, probed: Probed, golden: Golden | None, published: PublishedText | None = None
) -> tuple[str, ...]:
    """Hold a bundle's vectors against what is recorded and what is published; what they were compared with.

    Raises GoldenMismatch.
    """
    for tower, rows in probed.vectors.items():
        _plausible(name, tower, rows)
    done = []
    if golden is not None and golden.inputs == INPUTS:
        _recorded(name, probed, golden)
        done.append("recorded")
    if published is not None and published.text in TEXTS and "text" in probed.vectors:
        row = probed.vectors["text"][TEXTS.index(published.text)]
        check_published(name, row, published.values, published.tolerance, probed.precision)
        done.append("published")
    return tuple(done)


def check_published(
    name: str,
    vector: Vectors,
    values: tuple[float, ...],
    tolerance: float,
    precision: GraphPrecision,
) -> None:
    """Hold the first numbers of a vector `[dimension]` against published ones. Raises GoldenMismatch."""
    allowed = tolerance * _PUBLISHED_SLACK[precision]
    found = vector[: len(values)]
    worst = float(np.abs(found - np.array(values, np.float32)).max())
    if not worst <= allowed:  # also if it is not a number
        shown = ", ".join(f"{number:.4f}" for number in found)
        wanted = ", ".join(f"{number:.4f}" for number in values)
        raise GoldenMismatch(
            name, "published numbers", f"it gives {shown} where {wanted} is published"
        )


def _plausible(name: str, tower: TowerName, rows: Vectors) -> None:
    lengths = np.linalg.norm(rows, axis=1)
    if not np.all(np.abs(lengths - 1) < 0.01):
        raise GoldenMismatch(name, f"{tower} tower", "its vectors are not of length 1")
    if np.allclose(rows, rows[0], atol=1e-6):
        raise GoldenMismatch(name, f"{tower} tower", "it gives one vector whatever the input")


def _recorded(name: str, probed: Probed, golden: Golden) -> None:
    floor = min(_FLOORS[probed.precision], _FLOORS[golden.precision])
    for tower, rows in probed.vectors.items():
        if tower not in golden.vectors:
            continue
        try:
            expected = golden.rows(tower)
            cosines = np.sum(rows * expected, axis=1)
        except ValueError:
            raise GoldenMismatch(
                name, f"{tower} tower", "the recorded vectors are damaged or of another size"
            ) from None
        if not float(cosines.min()) >= floor:
            raise GoldenMismatch(
                name,
                f"{tower} tower",
                f"cosine {float(cosines.min()):.5f} to the recorded vector at {probed.precision} "
                f"(recorded at {golden.precision}), where {floor} is the least",
            )
