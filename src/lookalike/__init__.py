"""Lookalike: pictures and words as vectors of one shared space, and a catalogue to search with them.

from lookalike import Encoder, similarity

encoder = Encoder.load("ViT-B-32")
vectors = encoder.encode_images([open("dress.jpg", "rb").read()])
print(similarity(vectors, encoder.encode_texts(["a red dress", "a pair of boots"])))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike.encoder import Encoder, TextCutWarning, similarity

    __version__: str

__all__ = ["Encoder", "LookalikeError", "TextCutWarning", "__version__", "similarity"]


def __getattr__(name: str) -> Any:
    # Looked up when first used: neither the command line's help nor the engine's processes should wait
    # for the runtimes to load, or for the package's metadata to be found.
    if name == "__version__":
        return import_module("importlib.metadata").version("lookalike")
    if name in {"Encoder", "TextCutWarning", "similarity"}:
        return getattr(import_module("lookalike.encoder"), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
