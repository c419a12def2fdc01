"""ONNX Runtime on the graphs that PyTorch exports, fp32; pictures by Pillow and NumPy, texts by `tokenizers`.

`export` in the setting writes those graphs with transformers and PyTorch first (in that environment), so that
measuring needs neither.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure
import numpy as np
from PIL import Image

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def export(material: Path) -> None:
    """The two towers with their projections, both with a free batch, texts with a free length."""
    import torch
    import transformers

    model = transformers.CLIPModel.from_pretrained(
        material / "hf", attn_implementation="eager"
    ).eval()

    class Tower(torch.nn.Module):
        def __init__(self, tower: Any, projection: Any) -> None:
            super().__init__()
            self.tower, self.projection = tower, projection

        def forward(self, given: Any) -> Any:
            return self.projection(self.tower(given).pooler_output)

    target = material / "onnx"
    target.mkdir(exist_ok=True)
    for name, tower, projection, example, axes in (
        ("vision", model.vision_model, model.visual_projection,
         torch.zeros(2, 3, 224, 224), {0: "batch"}),
        ("text", model.text_model, model.text_projection,
         torch.full((2, 9), 49407), {0: "batch", 1: "length"}),
    ):  # fmt: skip
        torch.onnx.export(
            Tower(tower, projection).eval(),
            (example,),
            target / f"{name}.onnx",
            input_names=["given"],
            output_names=["embeds"],
            dynamic_axes={"given": axes, "embeds": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


def prepare(data: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    scale = 224 / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float32) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


class OnnxRuntime:
    def __init__(self, task: measure.Task) -> None:
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = len(os.sched_getaffinity(0))

        def session(name: str) -> Any:
            path = str(task.material / "onnx" / f"{name}.onnx")
            return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

        self._image, self._text = session("vision"), session("text")
        self._tokenizer = tokenizers.Tokenizer.from_file(
            str(task.material / "hf" / "tokenizer.json")
        )
        self._tokenizer.enable_truncation(77)
        self._tokenizer.enable_padding(pad_id=49407, pad_token="<|endoftext|>")
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def images(self, pictures: Sequence[bytes]) -> np.ndarray:
        return self._image.run(None, {"given": np.stack(list(self._pool.map(prepare, pictures)))})[
            0
        ]

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        ids = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        return self._text.run(None, {"given": np.array(ids, np.int64)})[0]

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        pixels = np.stack([prepare(one) for one in pictures])
        return lambda: self._image.run(None, {"given": pixels})


def versions() -> dict[str, str]:
    import onnxruntime

    return {"onnxruntime": onnxruntime.__version__}


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]))
    else:
        measure.run(OnnxRuntime, versions)
