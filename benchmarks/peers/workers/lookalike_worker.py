"""Lookalike's own encoder; the settings are its precisions, and `, fast` behind one is the mode of pictures."""

from collections.abc import Callable, Sequence
from typing import Any

import measure
import numpy as np


class Ours:
    def __init__(self, task: measure.Task) -> None:
        from benchmarks.random_model import random_bundle

        from lookalike.encoder import Encoder
        from lookalike.encoder.runtimes import Wanted

        precision, _, mode = task.setting.partition(", ")
        wanted = Wanted("cpu", precision, 0, "openvino", compile_cache=task.cache)  # type: ignore[arg-type]
        self._encoder = Encoder(
            random_bundle("ViT-B-32"),
            wanted=wanted,
            image_mode=mode or "natural",  # type: ignore[arg-type]
        )

    def images(self, pictures: Sequence[bytes]) -> np.ndarray:
        return self._encoder.encode_images(list(pictures))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._encoder.encode_texts(list(texts))

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        prepare = self._encoder.images
        pixels = np.stack([prepare(picture) for picture in pictures])
        return lambda: self._encoder.encode_pixels(pixels)


def versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("lookalike", "openvino")}


if __name__ == "__main__":
    measure.run(Ours, versions)
