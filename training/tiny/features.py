"""What the shipped backbone says of the training pictures, computed once and kept on disk."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image
from training.tiny import colours

from lookalike.encoder.images import ImagePreprocessor
from lookalike.encoder.runtimes.openvino import ov  # imported without its telemetry
from lookalike.models.cards import ImageSpec

POOLED, CLASSES = 1280, 1000


@dataclass(frozen=True)
class FeatureTable:
    """One row a picture, float32."""

    pooled: NDArray[np.float32]
    early: NDArray[np.float32]
    logits: NDArray[np.float32]
    shares: NDArray[np.float32]
    """Of the prototype colours."""

    @classmethod
    def split(cls, rows: NDArray[np.float32]) -> "FeatureTable":
        k = len(colours.PROTOTYPES)
        early = rows.shape[1] - CLASSES - k
        return cls(rows[:, :POOLED], rows[:, POOLED:early], rows[:, early:-k], rows[:, -k:])


@dataclass(frozen=True)
class Variation:
    """Showing every picture a little differently: cropped, mirrored, in other light, sometimes other hues."""

    seed: int
    hues: Sequence[bool]
    """Which pictures may change their hue: not those whose name depends on it, as a red pepper's does."""


def extract(
    graph: onnx.ModelProto,
    spec: ImageSpec,
    paths: Sequence[Path],
    cache: Path,
    variation: Variation | None = None,
) -> FeatureTable:
    """Features of the pictures in `paths`, in order, from `cache` if it was made of just these."""
    data = graph.SerializeToString(deterministic=True)
    made_of = [sha256(data).hexdigest(), spec.model_dump(), [str(p) for p in paths]]
    if variation is not None:
        made_of += [_VARIED, asdict(variation)]
    key = sha256(json.dumps(made_of).encode()).hexdigest()
    file = cache / f"features-{key[:16]}.npy"
    if not file.exists():
        rows = _run(data, _shown(spec, paths, variation), len(paths))
        temporary = file.with_suffix(".part.npy")
        np.save(temporary, rows)
        temporary.rename(file)
    return FeatureTable.split(np.load(file))


def _run(graph: bytes, pixels: Iterable[NDArray[np.uint8]], count: int) -> NDArray[np.float32]:
    core = ov.Core()
    compiled = core.compile_model(
        core.read_model(graph),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1},
    )
    request = compiled.create_infer_request()
    rows = np.empty((count, compiled.output(0).partial_shape[1].get_length()), np.float32)
    for row, picture in zip(rows, pixels, strict=True):
        row[:] = request.infer({"pixels": picture[None]})[0][0]
    return rows


def _shown(
    spec: ImageSpec, paths: Sequence[Path], variation: Variation | None
) -> Iterable[NDArray[np.uint8]]:
    preprocess = ImagePreprocessor(spec)
    if variation is None:
        for path in paths:
            yield preprocess(path.read_bytes())
        return
    rng = np.random.default_rng(variation.seed)
    for path, hue in zip(paths, variation.hues, strict=True):
        picture = preprocess.decode(path.read_bytes()).convert("RGB")
        yield preprocess.pixels(_varied(picture, rng, hue=hue))


_VARIED = 1
"""To be raised with every change of `_varied`: the cache's names depend on it."""


def _varied(picture: Image.Image, rng: np.random.Generator, *, hue: bool) -> Image.Image:
    width, height = picture.size
    scale = float(rng.uniform(0.7, 1.0))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    picture = picture.crop((left, top, left + w, top + h))
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turned, turn = hue and rng.random() < 0.5, int(rng.integers(0, 256))
    if turned:
        hues, saturation, value = picture.convert("HSV").split()
        hues = hues.point([(i + turn) % 256 for i in range(256)])
        picture = Image.merge("HSV", (hues, saturation, value)).convert("RGB")
    # brighter or darker, and a little warmer or colder: other lamps and other cameras
    gains = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.05, 3))
    return picture.point([min(255, round(i * gain)) for gain in gains for i in range(256)])


def calibration_pixels(spec: ImageSpec, paths: Sequence[Path]) -> NDArray[np.uint8]:
    """[n, height, width, 3] of some pictures."""
    return np.stack(list(_shown(spec, paths, None)))
