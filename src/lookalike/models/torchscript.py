"""OpenAI's own files, such as `ViT-B-32.pt`: TorchScript archives, read with the extra `torch`.

Loading one runs what is in it, and unpickling anything else runs whatever its maker liked. So only the files
that OpenAI has published are loaded, known by their sha256, and with `torch.jit.load`, which reads TorchScript
and nothing else. This module needs nothing of the package but its errors.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike.errors import ExtraMissing, ImportInvalid

PUBLISHED: Mapping[str, str] = {
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af": "ViT-B-32",
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": "ViT-B-16",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836": "ViT-L-14",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02": "ViT-L-14-336",
    "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762": "RN50",
}
"""The names by the sha256 that OpenAI's own loader checks: it is in the address of each file (clip/clip.py of
github.com/openai/CLIP)."""

_LAYER = re.compile(r"transformer\.resblocks\.(\d+)\.")


def known_as(path: Path, published: Mapping[str, str] = PUBLISHED) -> str:
    """The name of the model in one of OpenAI's files. Raises ImportInvalid if it is none of them."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest not in published:
        raise ImportInvalid(
            path,
            f"its sha256 is {digest}, which is none of those that OpenAI has published; loading a .pt file "
            "runs what is in it, so no other is loaded. Convert it to safetensors where you trust it",
        )
    return published[digest]


def extract(path: Path, folder: Path, published: Mapping[str, str] = PUBLISHED) -> str:
    """Write the weights and configuration of one of OpenAI's files into `folder`, in OpenCLIP's layout but
    for the tokenizer; the model's name.

    Raises ImportInvalid, ExtraMissing.
    """
    name = known_as(path, published)
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError:
        raise ExtraMissing("importing OpenAI's .pt files", "torch") from None
    state = torch.jit.load(str(path), map_location="cpu").state_dict()
    numbers = ("input_resolution", "context_length", "vocab_size")
    weights = {key: value.contiguous() for key, value in state.items() if key not in numbers}
    config = configuration({key: tuple(value.shape) for key, value in weights.items()})
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    save_file(weights, str(folder / "open_clip_model.safetensors"))
    return name


def configuration(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """OpenCLIP's configuration of one of OpenAI's models, from the shapes of its weights: the files carry
    none."""
    width = shapes["ln_final.weight"][0]
    text = {
        "context_length": shapes["positional_embedding"][0],
        "vocab_size": shapes["token_embedding.weight"][0],
        "width": width,
        "heads": width // 64,
        "layers": _layers(shapes, "transformer."),
    }
    if "visual.proj" in shapes:
        inner, _, patch, _ = shapes["visual.conv1.weight"]
        side = round((shapes["visual.positional_embedding"][0] - 1) ** 0.5)
        vision: dict[str, Any] = {
            "image_size": side * patch,
            "layers": _layers(shapes, "visual.transformer."),
            "width": inner,
            "patch_size": patch,
        }
    else:
        stem = shapes["visual.layer1.0.conv1.weight"][0]
        side = round((shapes["visual.attnpool.positional_embedding"][0] - 1) ** 0.5)
        blocks = [
            len({key.split(".")[2] for key in shapes if key.startswith(f"visual.layer{stage}.")})
            for stage in (1, 2, 3, 4)
        ]
        vision = {"image_size": side * 32, "layers": blocks, "width": stem, "patch_size": None}
    return {
        "model_cfg": {
            "embed_dim": shapes["text_projection"][1],
            "quick_gelu": True,
            "vision_cfg": vision,
            "text_cfg": text,
        },
        "preprocess_cfg": {},
    }


def _layers(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    found = {match[1] for key in shapes if key.startswith(prefix) and (match := _LAYER.search(key))}
    return len(found)
