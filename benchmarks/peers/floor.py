"""What this processor could do at best, and the share of it that each stage reaches.

The floor of the image tower is a chain of nothing but its matrix products, in OpenVINO, with the same shapes
and as many different weights: no attention, no normalisation, no activation, no softmax. At int8 the products
take and give bytes, quantised in between, as calibrated models do; the kernels that OpenVINO chose are looked
up, and the row says what they are. The floor of decoding is libjpeg's alone. What lies between a stage and its
floor is what could still be won.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, INNER, LAYERS, TOKENS = 768, 3072, 12, 50
BATCHES = (1, 8, 32)
PRECISIONS = ("fp32", "bf16", "int8")
MULTIPLICATIONS = LAYERS * TOKENS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER) + 49 * 3072 * WIDTH
"""Of one picture, in multiply-adds: blocks and patches; attention's own products left out."""
RANGE = 4.0
"""Of a quantised activation, either side of 0; the chain's values have a standard deviation of 1."""


@cache
def weights(inputs: int, outputs: int) -> np.ndarray:
    """Noise that keeps the scale of what it is multiplied with."""
    noise = np.random.default_rng(0).standard_normal((inputs, outputs), dtype=np.float32)
    noise /= np.sqrt(inputs)
    return noise


def chain(precision: str, rows: int) -> Any:
    """The model of one batch's matrix products, `[rows, WIDTH]` to the same."""
    import openvino as ov
    from openvino import opset13 as ops

    def product(given: Any, inputs: int, outputs: int, layer: int) -> Any:
        noise = np.roll(weights(inputs, outputs), layer, axis=0)
        if precision != "int8":
            return ops.matmul(given, ops.constant(noise), False, False)
        scale = np.abs(noise).max(axis=0, keepdims=True) / 127
        stored = ops.convert(ops.constant(np.round(noise / scale).astype(np.int8)), np.float32)
        ends = [np.float32(end) for end in (-RANGE, RANGE, -RANGE, RANGE)]
        rounded = ops.fake_quantize(given, *ends, 256)
        return ops.matmul(rounded, ops.multiply(stored, ops.constant(scale)), False, False)

    start = ops.parameter([rows, WIDTH], np.float32)
    state: Any = start
    for layer in range(LAYERS):
        mixed = product(state, WIDTH, 3 * WIDTH, layer)
        third = (ops.constant([number]) for number in (0, WIDTH, 1, 1))
        state = product(ops.slice(mixed, *third), WIDTH, WIDTH, layer)
        state = product(product(state, WIDTH, INNER, layer), INNER, WIDTH, layer)
    return ov.Model([state], [start])


class Products:
    """The compiled chain; called, it multiplies one batch."""

    def __init__(self, precision: str, batch: int) -> None:
        import openvino as ov

        hints: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if precision != "int8":
            hints["INFERENCE_PRECISION_HINT"] = {"fp32": "f32", "bf16": "bf16"}[precision]
        rows = batch * TOKENS
        self._compiled = ov.Core().compile_model(chain(precision, rows), "CPU", hints)
        self._request = self._compiled.create_infer_request()
        self._given = np.random.default_rng(1).standard_normal((rows, WIDTH), dtype=np.float32)

    def __call__(self) -> None:
        self._request.infer([self._given], share_inputs=True)

    def kernels(self) -> dict[str, int]:
        """How many of the products run in which kernel, as `brgemm_avx512_i8` or the like."""
        found: Counter[str] = Counter()
        for operation in self._compiled.get_runtime_model().get_ordered_ops():
            facts = operation.get_rt_info()
            if facts["layerType"].value in ("FullyConnected", "MatMul"):
                found[facts["primitiveType"].value] += 1
        return dict(found)


def run(material: Path, seconds: float) -> Iterator[dict[str, Any]]:
    import simplejpeg

    from benchmarks.encoder import milliseconds, pixels
    from benchmarks.random_model import random_bundle
    from lookalike.encoder import Encoder
    from lookalike.encoder.runtimes import Wanted

    for precision in PRECISIONS:
        encoder = Encoder(random_bundle("ViT-B-32"), wanted=Wanted("cpu", precision, 0, "openvino"))  # type: ignore[arg-type]
        for batch in BATCHES:
            products, given = Products(precision, batch), pixels(batch)
            best = milliseconds(products, seconds=seconds / 2) / batch
            ours = milliseconds(partial(encoder.encode_pixels, given), seconds=seconds) / batch
            # before and after: whoever disturbs the machine is not taken for the floor
            best = min(best, milliseconds(products, seconds=seconds / 2) / batch)
            yield {"stage": f"image tower, {precision}, batch {batch}", "floor_ms": best,
                   "ours_ms": ours, "share": best / ours, "kernels": products.kernels(),
                   "floor_gmacs": MULTIPLICATIONS / best / 1e6}  # fmt: skip
        encoder.close()
    picture = (material / "pictures" / "00.jpg").read_bytes()
    encoder = Encoder(random_bundle("ViT-B-32"), towers=["image"])
    best = milliseconds(lambda: simplejpeg.decode_jpeg(picture), seconds=seconds)
    ours = milliseconds(lambda: encoder.prepare_images([picture]), seconds=seconds)
    yield {"stage": "JPEG of 800x800 to pixels", "floor_ms": best, "ours_ms": ours,
           "share": best / ours}  # fmt: skip
