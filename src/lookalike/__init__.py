"""Lookalike: pictures and words as vectors of one shared space, and a catalogue to search with them.

from lookalike import Encoder, similarity

encoder = Encoder.load("ViT-B-32")
vectors = encoder.encode_images([open("dress.jpg", "rb").read()])
print(similarity(vectors, encoder.encode_texts(["a red dress", "a pair of boots"])))
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike.encoder import Encoder, TextCutWarning, similarity

__all__ = ["Encoder", "LookalikeError", "TextCutWarning", "__version__", "similarity"]

__version__ = _version("lookalike")


def __getattr__(name: str) -> Any:
    # Imported when first used: the command line's help must not wait for the runtimes to load.
    if name in {"Encoder", "TextCutWarning", "similarity"}:
        return getattr(import_module("lookalike.encoder"), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
