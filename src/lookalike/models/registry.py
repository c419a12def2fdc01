"""The names that everybody knows, as `architecture/tag`, and the repositories behind them.

Repository names as OpenCLIP's own table has them (open-clip-torch 3.3.0, `open_clip/pretrained.py`).
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from lookalike.errors import ModelUnknown

DEFAULT_TAG = "openai"
REPOSITORY_PREFIX = "hf:"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]*")


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A published model."""

    architecture: str
    tag: str
    repository: str
    dimension: int
    image_size: int
    parameters: int
    """In millions, both towers."""
    revision: str | None = None
    """A commit that is known to be good; None: the repository's newest."""

    @property
    def name(self) -> str:
        return f"{self.architecture}/{self.tag}"


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What a model's name stands for: a repository, and perhaps a revision of it."""

    name: str
    """As it is shown, and as the cache calls it."""
    repository: str
    revision: str | None


# architecture: dimension, picture size, millions of parameters, repository by tag
_TABLE: dict[str, tuple[int, int, int, dict[str, str]]] = {
    "ViT-B-32": (512, 224, 151, {
        "openai": "timm/vit_base_patch32_clip_224.openai",
        "laion400m_e32": "timm/vit_base_patch32_clip_224.laion400m_e32",
        "laion2b_s34b_b79k": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
    }),
    "ViT-B-16": (512, 224, 150, {
        "openai": "timm/vit_base_patch16_clip_224.openai",
        "laion400m_e32": "timm/vit_base_patch16_clip_224.laion400m_e32",
        "laion2b_s34b_b88k": "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
        "datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
    }),
    "ViT-L-14": (768, 224, 428, {
        "openai": "timm/vit_large_patch14_clip_224.openai",
        "laion400m_e32": "timm/vit_large_patch14_clip_224.laion400m_e32",
        "laion2b_s32b_b82k": "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        "datacomp_xl_s13b_b90k": "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
    }),
    "ViT-L-14-336": (768, 336, 428, {"openai": "timm/vit_large_patch14_clip_336.openai"}),
    "RN50": (1024, 224, 102, {"openai": "timm/resnet50_clip.openai"}),
}  # fmt: skip

_KNOWN_REVISIONS = {
    "timm/vit_base_patch32_clip_224.openai": "ab5b8ef490e86faa07d3523926b842c765de1de5",
}

REGISTRY: MappingProxyType[str, RegistryEntry] = MappingProxyType(
    {
        entry.name: entry
        for architecture, (dimension, size, parameters, tags) in _TABLE.items()
        for tag, repository in tags.items()
        for entry in [
            RegistryEntry(
                architecture=architecture,
                tag=tag,
                repository=repository,
                dimension=dimension,
                image_size=size,
                parameters=parameters,
                revision=_KNOWN_REVISIONS.get(repository),
            )
        ]
    }
)


def find(name: str) -> ModelReference:
    """What `ViT-B-32`, `ViT-B-32/laion2b_s34b_b79k` or `hf:owner/repo`, each perhaps with `@revision`,
    stands for. Raises ModelUnknown."""
    base, _, revision = name.partition("@")
    if "@" in name and not _REVISION.fullmatch(revision):
        raise ModelUnknown(name, known_names())
    if base.startswith(REPOSITORY_PREFIX):
        repository = base.removeprefix(REPOSITORY_PREFIX)
        if not _REPOSITORY.fullmatch(repository) or ".." in name:
            raise ModelUnknown(name, known_names())
        return ModelReference(base, repository, revision or None)
    full = base if "/" in base else f"{base}/{DEFAULT_TAG}"
    entry = REGISTRY.get(full)
    if entry is None:
        raise ModelUnknown(name, known_names())
    shown = entry.architecture if entry.tag == DEFAULT_TAG else entry.name
    return ModelReference(shown, entry.repository, revision or entry.revision)


def known_names() -> list[str]:
    """The registry's names, shortened where the tag is the default one."""
    return [e.architecture if e.tag == DEFAULT_TAG else e.name for e in REGISTRY.values()]
