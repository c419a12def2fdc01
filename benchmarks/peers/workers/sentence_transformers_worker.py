"""sentence-transformers' CLIP, as its docs show it: `SentenceTransformer(...).encode` of both kinds."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import measure
import numpy as np
import sentence_transformers
import torch
from PIL import Image


class Sentence:
    def __init__(self, task: measure.Task) -> None:
        kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[task.setting]
        self._model = sentence_transformers.SentenceTransformer(
            str(task.material / "sentence"), device="cpu", model_kwargs={"torch_dtype": kind}
        )

    def _encode(self, things: list[Any]) -> np.ndarray:
        return self._model.encode(things, convert_to_numpy=True, show_progress_bar=False)

    def images(self, pictures: Sequence[bytes]) -> np.ndarray:
        return self._encode([Image.open(io.BytesIO(one)).convert("RGB") for one in pictures])

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._encode(list(texts))

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        features = self._model.tokenize(
            [Image.open(io.BytesIO(one)).convert("RGB") for one in pictures]
        )

        def call() -> Any:
            with torch.inference_mode():
                return self._model.forward(dict(features))

        return call


def versions() -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }


if __name__ == "__main__":
    measure.run(Sentence, versions)
