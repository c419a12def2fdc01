"""transformers' CLIPModel: eager, or through torch.compile, at fp32 or bf16.

As its docs show it: AutoProcessor with the fast image processor, `get_image_features`, inference mode. Pictures
are decoded with Pillow, in a pool of as many threads as there are cores, as the service of such a user would.
"""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import measure
import numpy as np
import torch
import transformers
from PIL import Image


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def rows(features: Any) -> np.ndarray:
    """transformers 5 returns an output object, 4 a tensor."""
    tensor = features if isinstance(features, torch.Tensor) else features.pooler_output
    return tensor.float().numpy()


class Transformers:
    def __init__(self, task: measure.Task) -> None:
        way, _, precision = task.setting.partition(" ")
        self._kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        folder = task.material / "hf"
        self._model = transformers.CLIPModel.from_pretrained(folder, dtype=self._kind).eval()
        self._process = transformers.AutoProcessor.from_pretrained(folder, use_fast=True)
        self._image, self._text = self._model.get_image_features, self._model.get_text_features
        if way == "compiled":
            # pictures come in three sizes of batch, each worth a compilation; texts in any length
            self._image = torch.compile(self._image, dynamic=False)
            self._text = torch.compile(self._text, dynamic=True)
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def _pixels(self, pictures: Sequence[bytes]) -> torch.Tensor:
        decoded = list(self._pool.map(decode, pictures))
        return self._process(images=decoded, return_tensors="pt")["pixel_values"].to(self._kind)

    def images(self, pictures: Sequence[bytes]) -> np.ndarray:
        with torch.inference_mode():
            return rows(self._image(pixel_values=self._pixels(pictures)))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        tokens = self._process(
            text=list(texts), return_tensors="pt", padding=True, truncation=True, max_length=77
        )
        with torch.inference_mode():
            return rows(self._text(**tokens))

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        pixels = self._pixels(pictures)

        def call() -> Any:
            with torch.inference_mode():
                return self._image(pixel_values=pixels)

        return call


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "transformers": transformers.__version__}


if __name__ == "__main__":
    measure.run(Transformers, versions)
