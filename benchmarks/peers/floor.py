"""What this processor could do at best, and the share of it that each stage reaches.

The floor of the image tower is a chain of nothing but its matrix products, in OpenVINO, with the same shapes
and as many different weights: no attention, no normalisation, no activation, no softmax. The floor of decoding
is libjpeg's alone. What lies between a stage and its floor is what could still be won.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, INNER, LAYERS, TOKENS = 768, 3072, 12, 50
BATCHES = (1, 8, 32)
MULTIPLICATIONS = LAYERS * TOKENS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER) + 49 * 3072 * WIDTH
"""Of one picture, in multiply-adds: blocks and patches; attention's own products left out."""


def products(precision: str, batch: int) -> Any:
    """The compiled chain of a batch's matrix products."""
    import openvino as ov
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    rows = batch * TOKENS

    def weight(inputs: int, outputs: int) -> Any:
        noise = rng.standard_normal((inputs, outputs), dtype=np.float32) / np.sqrt(inputs)
        return ops.constant(noise.astype(np.float32))

    def product(given: Any, inputs: int, outputs: int) -> Any:
        return ops.matmul(given, weight(inputs, outputs), False, False)

    start = ops.parameter([rows, WIDTH], np.float32)
    state: Any = start
    for _ in range(LAYERS):
        mixed = product(state, WIDTH, 3 * WIDTH)
        third = (ops.constant([number]) for number in (0, WIDTH, 1, 1))
        state = product(ops.slice(mixed, *third), WIDTH, WIDTH)
        state = product(product(state, WIDTH, INNER), INNER, WIDTH)
    core = ov.Core()
    kind = {"fp32": "f32", "bf16": "bf16"}[precision]
    hints = {"INFERENCE_PRECISION_HINT": kind, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(ov.Model([state], [start]), "CPU", hints)
    request = compiled.create_infer_request()
    given = rng.standard_normal((rows, WIDTH), dtype=np.float32)
    return lambda: request.infer({0: given})


def run(material: Path, seconds: float) -> Iterator[dict[str, Any]]:
    import simplejpeg

    from benchmarks.encoder import milliseconds, pixels
    from benchmarks.random_model import random_bundle
    from lookalike.encoder import Encoder
    from lookalike.encoder.runtimes import Wanted

    for precision in ("fp32", "bf16"):
        encoder = Encoder(random_bundle("ViT-B-32"), wanted=Wanted("cpu", precision, 0, "openvino"))  # type: ignore[arg-type]
        for batch in BATCHES:
            best = milliseconds(products(precision, batch), seconds=seconds) / batch
            given = pixels(batch)
            ours = milliseconds(partial(encoder.encode_pixels, given), seconds=seconds) / batch
            yield {"stage": f"image tower, {precision}, batch {batch}", "floor_ms": best,
                   "ours_ms": ours, "share": best / ours,
                   "floor_gmacs": MULTIPLICATIONS / best / 1e6}  # fmt: skip
        encoder.close()
    picture = (material / "pictures" / "00.jpg").read_bytes()
    encoder = Encoder(random_bundle("ViT-B-32"), towers=["image"])
    best = milliseconds(lambda: simplejpeg.decode_jpeg(picture), seconds=seconds)
    ours = milliseconds(lambda: encoder.prepare_images([picture]), seconds=seconds)
    yield {"stage": "JPEG of 800x800 to pixels", "floor_ms": best, "ours_ms": ours,
           "share": best / ours}  # fmt: skip
