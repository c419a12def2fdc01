"""What the cache, the registry and the cards know of models, as plain data."""

from typing import Any

from lookalike.errors import ModelError
from lookalike.models.bundle import CARD, Bundle, fingerprint
from lookalike.models.registry import REGISTRY, RegistryEntry, find
from lookalike.models.store import BUILT_IN, ModelStore
from lookalike.settings import load_settings


def listed() -> list[dict[str, Any]]:
    """The named models, the built-in one first: name, where they come from, their sizes, and whether they are
    on this machine. `parameters` counts both towers'."""
    store = _store()
    return [*_built_in(store), *(_entry(entry, store) for entry in REGISTRY.values())]


def shown(name: str) -> dict[str, Any]:
    """All of a model's card if it is on this machine, else what the registry knows of it.

    Raises ModelUnknown, CardInvalid, BundleInvalid.
    """
    store = _store()
    if bundle := store.find(name):
        return _bundle(bundle)
    reference = find(name)
    for entry in REGISTRY.values():
        if entry.repository == reference.repository:
            return _entry(entry, store) | {"revision": reference.revision}
    return {
        "name": reference.name,
        "repository": reference.repository,
        "revision": reference.revision,
        "cached": False,
    }


def _store() -> ModelStore:
    return ModelStore(load_settings().home, offline=True)


def _built_in(store: ModelStore) -> list[dict[str, Any]]:
    try:
        bundle = store.find(BUILT_IN)
    except ModelError:  # a damaged installation; `models show tiny` says of what kind
        return []
    if bundle is None or bundle.card.image is None:
        return []
    card = bundle.card
    return [
        {
            "name": BUILT_IN,
            "architecture": card.architecture,
            "tag": None,
            "repository": None,
            "dimension": card.dimension,
            "image_size": bundle.card.image.height,
            "parameters": sum(graphs.parameters for graphs in card.graphs.values()),
            "cached": True,
        }
    ]


def _entry(entry: RegistryEntry, store: ModelStore) -> dict[str, Any]:
    return {
        "name": entry.name,
        "architecture": entry.architecture,
        "tag": entry.tag,
        "repository": entry.repository,
        "dimension": entry.dimension,
        "image_size": entry.image_size,
        "parameters": entry.parameters * 1_000_000,
        "cached": store.is_here(entry.name),
    }


def _bundle(bundle: Bundle) -> dict[str, Any]:
    files = (CARD, *bundle.card.files)
    return bundle.card.model_dump(mode="json") | {
        "fingerprint": fingerprint(bundle.card),
        "cached": True,
        "folder": str(bundle.path),
        "bytes": sum((bundle.path / name).stat().st_size for name in files),
    }
