"""Full-size models of random weights, in OpenCLIP's layout: for speed, memory and exactness, not for meaning.

python -m benchmarks.random_model ViT-B-32 FOLDER
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tests.vocabulary import MERGES

from lookalike.models.architecture import ModifiedResNet
from lookalike.models.bundle import CARD, Bundle, open_bundle
from lookalike.models.convert import convert
from lookalike.models.graphs.builder import GraphBuilder
from lookalike.models.graphs.resnet import build_modified_resnet
from lookalike.models.graphs.text import build_text_transformer
from lookalike.models.graphs.vision import build_vision_transformer
from lookalike.models.layouts import describe
from lookalike.models.vocabulary import tokenizer_from_merges

CACHE = Path(__file__).parents[1] / ".bench"
OPENAI = {"quick_gelu": True}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}
CONFIGS: dict[str, dict[str, Any]] = {
    "ViT-B-32": {
        "embed_dim": 512,
        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
        "text_cfg": TEXT,
    },
    "ViT-B-16": {
        "embed_dim": 512,
        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 16},
        "text_cfg": TEXT,
    },
    "ViT-L-14": {
        "embed_dim": 768,
        "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
        "text_cfg": {**TEXT, "width": 768, "heads": 12},
    },
    "RN50": {
        "embed_dim": 1024,
        "vision_cfg": {"image_size": 224, "layers": [3, 4, 6, 3], "width": 64, "patch_size": None},
        "text_cfg": TEXT,
    },
}


class RandomWeights:
    """Answers a graph builder's requests with seeded noise of a sensible scale, and remembers it."""

    def __init__(self, seed: int = 0) -> None:
        self.made: dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(seed)

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self.made:
            self.made[name] = self._make(name, shape)
        return self.made[name]

    def _make(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        noise = self._random.standard_normal(shape, dtype=np.float32)
        if name.endswith("running_var"):
            value = 0.5 + np.abs(noise)
        elif len(shape) == 1:
            value = (1.0 if name.endswith("weight") else 0.0) + 0.1 * noise
        elif "embedding" in name:
            value = 0.02 * noise
        else:
            inputs = shape[0] if name in {"visual.proj", "text_projection"} else np.prod(shape[1:])
            value = noise / np.sqrt(inputs)
        # as OpenAI's: trained as float16, published as float32
        return value.astype(np.float16).astype(np.float32)


def write_random_model(name: str, folder: Path) -> None:
    """A folder in OpenCLIP's layout, as a repository of the hub would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not MERGES.exists():
        sys.exit("CLIP's vocabulary is not installed; `make test` installs it")
    tokenizer_from_merges(MERGES).save(str(folder / "tokenizer.json"))
    document = {"model_cfg": OPENAI | CONFIGS[name], "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(document, indent=1))
    weights_file = folder / "open_clip_model.safetensors"
    weights_file.touch()
    description = describe(folder)
    weights: Any = RandomWeights()
    with tempfile.TemporaryDirectory(dir=folder) as work:
        image, spec = description.image, description.image_spec
        with GraphBuilder(Path(work) / "image.onnx") as graph:
            build_image = (
                build_modified_resnet
                if isinstance(image, ModifiedResNet)
                else build_vision_transformer
            )
            build_image(graph, weights, image, spec.mean, spec.std)  # type: ignore[operator]
        with GraphBuilder(Path(work) / "text.onnx") as graph:
            build_text_transformer(graph, weights, description.text)
    save_file({**weights.made, "logit_scale": np.array(np.log(100), np.float32)}, weights_file)


def random_source(name: str) -> Path:
    """The folder of a random model in OpenCLIP's layout, made when first asked for."""
    folder = CACHE / f"{name}.source"
    if not (folder / "done").exists():
        write_random_model(name, folder)
        (folder / "done").touch()
    return folder


def random_bundle(name: str) -> Bundle:
    """The bundle of a random model, made when first asked for."""
    target = CACHE / f"{name}.bundle"
    if not (target / CARD).exists():
        convert(random_source(name), target, name=f"{name} (random weights)")
    return open_bundle(target)


if __name__ == "__main__":
    write_random_model(sys.argv[1], Path(sys.argv[2]))
