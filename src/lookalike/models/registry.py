"""The names that everybody knows, as `architecture/tag`, and the repositories behind them.

Repository names as OpenCLIP's own table has them (open-clip-torch 3.3.0, `open_clip/pretrained.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lookalike.errors import ModelUnknown

DEFAULT_TAG = "openai"
DEFAULT_LABEL = "default"
"""Stands for a name without `@revision`."""
REPOSITORY_PREFIX = "hf:"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LOCAL = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]*")


@dataclass(frozen=True, slots=True)
class PublishedText:
    """The first numbers of a text's vector, as somebody else's tests publish them."""

    text: str
    values: tuple[float, ...]
    tolerance: float
    """Largest difference of one number at fp32."""
    source: str


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
    pins: Mapping[str, str] = field(default_factory=dict)
    """sha256 of source files that are known to be good, by file name. What the hub says counts for nothing
    against them."""
    published: "PublishedText | None" = None

    @property
    def name(self) -> str:
        return f"{self.architecture}/{self.tag}"


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What a model's name stands for: a repository, and perhaps a revision of it."""

    name: str
    """As it is shown, and as the cache calls it."""
    repository: str | None
    """None: the model was imported from files, and no hub has it."""
    revision: str | None
    """What to ask the hub for; None: its newest."""
    label: str = DEFAULT_LABEL
    """The revision that the name gives, or `default`: what the cache files the commit under."""
    pins: Mapping[str, str] = field(default_factory=dict)
    published: PublishedText | None = None

    @property
    def full_name(self) -> str:
        """The name with the revision, if it was given."""
        return self.name if self.label == DEFAULT_LABEL else f"{self.name}@{self.label}"


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

PUBLISHED_TOLERANCE = 1e-3
"""By how much FastEmbed's own tests let a number differ."""

_PUBLISHED = {
    "timm/vit_base_patch32_clip_224.openai": PublishedText(
        text="hello world",
        values=(0.0083, 0.0103, -0.0138, 0.0199, -0.0069),
        tolerance=PUBLISHED_TOLERANCE,
        source="FastEmbed, tests/test_text_onnx_embeddings.py, Qdrant/clip-ViT-B-32-text",
    ),
}

PUBLISHED_PICTURE = (-0.0098, 0.0128, -0.0274, 0.002, -0.0059)
"""The first numbers of OpenAI's ViT-B-32 for FastEmbed's own test picture (its tests/misc/image.jpeg; the
numbers are in its tests/test_image_onnx_embeddings.py). The picture is not part of this project."""

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
                published=_PUBLISHED.get(repository),
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
        return ModelReference(base, repository, revision or None, label=revision or DEFAULT_LABEL)
    full = base if "/" in base else f"{base}/{DEFAULT_TAG}"
    entry = REGISTRY.get(full)
    if entry is None:
        raise ModelUnknown(name, known_names())
    shown = entry.architecture if entry.tag == DEFAULT_TAG else entry.name
    return ModelReference(
        shown,
        entry.repository,
        revision or entry.revision,
        label=revision or DEFAULT_LABEL,
        # another revision than the known one has other files, and perhaps other weights
        pins=entry.pins if revision in ("", entry.revision) else {},
        published=entry.published,
    )


def local(name: str) -> ModelReference | None:
    """What a name that an import gave stands for; None if no import can have given it."""
    return ModelReference(name, None, None) if _LOCAL.fullmatch(name) else None


def known_names() -> list[str]:
    """The registry's names, shortened where the tag is the default one."""
    return [e.architecture if e.tag == DEFAULT_TAG else e.name for e in REGISTRY.values()]
