"""FastEmbed's way of running CLIP: its own ImageEmbedding and TextEmbedding over exported graphs, fp32.

Its models come from a hub; here it is shown a folder that has what Qdrant's repositories have, with the graphs
that `onnxruntime_worker.py export` wrote, their inputs and outputs under the names that FastEmbed gives.
"""

import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastembed
import measure
import numpy as np
import onnx
from PIL import Image

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
         "preprocessor_config.json")  # fmt: skip


def repository(material: Path, tower: str, given: str, folder: Path) -> Path:
    """A folder as FastEmbed downloads one."""
    folder.mkdir()
    graph = onnx.load(material / "onnx" / f"{tower}.onnx")
    for node in graph.graph.node:
        node.input[:] = [given if name == "given" else name for name in node.input]
    graph.graph.input[0].name = given
    onnx.save(graph, folder / "model.onnx")
    for name in FILES:
        shutil.copy(material / "hf" / name, folder / name)
    return folder


class FastEmbed:
    def __init__(self, task: measure.Task) -> None:
        self._folder = tempfile.TemporaryDirectory()
        here = Path(self._folder.name)
        self._image = fastembed.ImageEmbedding(
            "Qdrant/clip-ViT-B-32-vision",
            specific_model_path=str(
                repository(task.material, "vision", "pixel_values", here / "vision")
            ),
        )
        self._text = fastembed.TextEmbedding(
            "Qdrant/clip-ViT-B-32-text",
            specific_model_path=str(repository(task.material, "text", "input_ids", here / "text")),
        )

    def images(self, pictures: Sequence[bytes]) -> np.ndarray:
        opened = [Image.open(io.BytesIO(one)) for one in pictures]
        return np.stack(list(self._image.embed(opened, batch_size=len(opened))))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack(list(self._text.embed(list(texts), batch_size=len(texts))))

    def prepared(self, pictures: Sequence[bytes]) -> Callable[[], Any]:
        session: Any = self._image.model.model  # type: ignore[attr-defined]
        pixels = np.zeros((len(pictures), 3, 224, 224), np.float32)
        return lambda: session.run(None, {"pixel_values": pixels})


def versions() -> dict[str, str]:
    import onnxruntime

    return {"fastembed": fastembed.__version__, "onnxruntime": onnxruntime.__version__}


if __name__ == "__main__":
    measure.run(FastEmbed, versions)
