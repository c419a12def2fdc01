"""What others have measured: shown as published, never mixed with what is measured here."""

from types import MappingProxyType
from typing import Final

SOURCE: Final = (
    "zero-shot top-1 accuracy on ImageNet-1k, as OpenCLIP publishes it in docs/openclip_results.csv "
    "of github.com/mlfoundations/open_clip (commit 0a1cc15083a7)"
)

IMAGENET: MappingProxyType[str, float] = MappingProxyType(
    {
        "ViT-B-32/openai": 0.6332,
        # the row ViT-B-32-quickgelu: these weights were trained with QuickGELU
        "ViT-B-32/laion400m_e32": 0.6293,
        "ViT-B-32/laion2b_s34b_b79k": 0.6656,
        "ViT-B-32/datacomp_xl_s13b_b90k": 0.6917,
        "ViT-B-16/openai": 0.6834,
        "ViT-B-16/laion400m_e32": 0.6705,
        "ViT-B-16/laion2b_s34b_b88k": 0.7023,
        "ViT-B-16/datacomp_xl_s13b_b90k": 0.7349,
        "ViT-L-14/openai": 0.7554,
        "ViT-L-14/laion400m_e32": 0.7277,
        "ViT-L-14/laion2b_s32b_b82k": 0.7525,
        "ViT-L-14/datacomp_xl_s13b_b90k": 0.7921,
        "ViT-L-14-336/openai": 0.7656,
        "RN50/openai": 0.5982,
    }
)
"""By the registry's full name; 0 to 1."""


def imagenet(name: str) -> float | None:
    """The published figure of a model that the registry names, else None."""
    base = name.partition("@")[0]
    return IMAGENET.get(base if "/" in base else f"{base}/openai")
