"""What the cache, the registry and the cards know of models, as plain data."""

from typing import Any

from lookalike.errors import ModelError
from lookalike.evaluation.quantization.report import Report
from lookalike.models.bundle import CARD, Bundle, fingerprint, open_bundle
from lookalike.models.inventory import Installed, installed
from lookalike.models.registry import REGISTRY, RegistryEntry, find
from lookalike.models.store import BUILT_IN, ModelStore
from lookalike.settings import load_settings

QUANTIZATION = "quantization"
"""The fact that is the report of `models quantize`, if there was one."""


def listed() -> list[dict[str, Any]]:
    """The built-in model, the named ones, and all others that are in the cache, one entry for each version.

    `parameters` counts both towers'. Of what is in the cache: version, size in bytes, where it is from, when
    all its hashes were last found right, whether a process serves from it, and what the fast check finds wrong.
    Raises LockInvalid.
    """
    store = _store()
    here: dict[str, list[Installed]] = {}
    for version in installed(store):
        here.setdefault(version.name, []).append(version)
    models = _built_in(store)
    for entry in REGISTRY.values():
        facts = _registered(entry)
        versions = here.pop(find(entry.name).name, [])
        models += [facts | _installed(version) for version in versions] or [facts | _ABSENT]
    for versions in here.values():
        models += [_foreign(version) | _installed(version) for version in versions]
    return models


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
            return _registered(entry) | _ABSENT | {"revision": reference.revision}
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


_ABSENT: dict[str, Any] = {"cached": False}


def _registered(entry: RegistryEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "architecture": entry.architecture,
        "tag": entry.tag,
        "repository": entry.repository,
        "dimension": entry.dimension,
        "image_size": entry.image_size,
        "parameters": entry.parameters * 1_000_000,
    }


def _foreign(entry: Installed) -> dict[str, Any]:
    """What the card of an installed model says, or nothing if it can't be read."""
    facts: dict[str, Any] = {"name": entry.name, "repository": entry.repository}
    try:
        card = open_bundle(entry.path).card
    except ModelError:
        return facts | {"dimension": None, "image_size": None, "parameters": None}
    return facts | {
        "architecture": card.architecture,
        "tag": None,
        "dimension": card.dimension,
        "image_size": card.image.height if card.image else None,
        "parameters": sum(graphs.parameters for graphs in card.graphs.values()),
    }


def _installed(entry: Installed) -> dict[str, Any]:
    return {
        "cached": True,
        "version": entry.version,
        "state": entry.state,
        "origin": entry.origin,
        "revision": entry.commit,
        "bytes": entry.size,
        "installed": entry.installed,
        "verified": entry.verified,
        "golden": entry.golden,
        "in_use": entry.in_use,
        "problem": entry.problem,
        "folder": str(entry.path),
    }


def _bundle(bundle: Bundle) -> dict[str, Any]:
    files = (CARD, *bundle.card.files)
    facts = bundle.card.model_dump(mode="json") | {
        "fingerprint": fingerprint(bundle.card),
        "cached": True,
        "folder": str(bundle.path),
        "bytes": sum((bundle.path / name).stat().st_size for name in files),
    }
    if report := Report.read(bundle):
        facts |= {
            "fingerprint_int8": fingerprint(bundle.card, "int8"),
            QUANTIZATION: report.model_dump(mode="json"),
        }
    return facts
