"""The models: where they are kept, what is there, and whether more could come."""

import os
from pathlib import Path

from lookalike.diagnosis.finding import Finding, State
from lookalike.errors import LookalikeError, ModelError
from lookalike.models import hub as hub_client
from lookalike.models.inventory import installed
from lookalike.models.space import free_bytes
from lookalike.models.store import ModelStore
from lookalike.settings import Settings

_ROOM = 2 * 10**9
"""What pulling ViT-B-32 needs for a moment: 605 MB of weights, and graphs of them in each precision."""
_SECONDS = 5.0


def folder(settings: Settings) -> Finding:
    home = settings.home
    free = free_bytes(home)
    facts = {"path": str(home), "free": free, "writable": writable(home)}
    text = f"{home}, {(free or 0) / 1e9:,.1f} GB free"
    if not facts["writable"]:
        return Finding(
            State.WARNING,
            f"{text}, not writable: what is there serves, but nothing can be pulled",
            f"give this user the right to write to {home}, or set LOOKALIKE_HOME",
            facts,
        )
    if free is not None and free < _ROOM:
        return Finding(
            State.WARNING,
            f"{text}: too little to pull ViT-B-32",
            "`lookalike models prune` removes earlier versions",
            facts,
        )
    return Finding(State.OK, text, facts=facts)


def contents(settings: Settings) -> Finding:
    store = _store(settings)
    try:
        entries = installed(store)
    except LookalikeError as error:
        return Finding(
            State.BROKEN, str(error), "remove that model's folder, and pull or import it again"
        )
    facts = {
        "models": [
            {
                "name": entry.name,
                "version": entry.version,
                "state": entry.state,
                "bytes": entry.size,
                "verified": entry.verified,
                "in_use": entry.in_use,
                "problem": entry.problem,
            }
            for entry in entries
        ]
    }
    damaged = [entry for entry in entries if entry.problem]
    if damaged:
        first = damaged[0]
        return Finding(
            State.BROKEN,
            str(first.problem),
            f"`lookalike models pull {first.name}` mends it (import it again if there is no hub)",
            facts,
        )
    if not entries:
        return Finding(State.OK, "none in the cache; tiny is in the package", facts=facts)
    size = sum(entry.size for entry in entries)
    names = ", ".join(dict.fromkeys(entry.name for entry in entries))
    return Finding(
        State.OK, f"{names}: {size / 1e6:,.0f} MB, sizes and times as installed", facts=facts
    )


def wanted(settings: Settings) -> Finding:
    """The model that the settings name."""
    name, store = settings.model_name, _store(settings)
    try:
        bundle = store.find(name)
    except ModelError as error:
        return Finding(
            State.BROKEN,
            str(error),
            "`lookalike models pull NAME` mends a damaged model; `lookalike models list` has the names",
        )
    if bundle is not None:
        return Finding(
            State.OK, f"{name} is here: {bundle.path}", facts={"folder": str(bundle.path)}
        )
    if store.offline:
        return Finding(
            State.BROKEN,
            f"{name} is not here, and offline mode forbids to pull it",
            f"`lookalike models pull {name}` and `lookalike models export {name} FILE` where there is "
            "internet, then `lookalike models import FILE` here",
        )
    return Finding(
        State.WARNING,
        f"{name} is not here; the first start pulls it",
        f"`lookalike models pull {name}` does so now",
    )


def hub(settings: Settings) -> Finding:
    store = _store(settings)
    address = hub_client.endpoint()
    if store.offline:
        return Finding(State.OK, "offline mode: it is never asked", facts={"endpoint": address})
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    facts = {"endpoint": address, "token": bool(os.environ.get("HF_TOKEN"))}
    try:
        status = get_session().head(address, timeout=_SECONDS).status_code
    except Exception as error:  # the client's transport has a tree of errors of its own
        return _without_hub(settings, f"{address} can't be reached: {error}", facts)
    facts["status"] = status
    if status >= 500:
        return _without_hub(settings, f"{address} answers {status}", facts)
    return Finding(State.OK, f"{address} answers", facts=facts)


def _without_hub(settings: Settings, text: str, facts: dict[str, object]) -> Finding:
    try:
        here = _store(settings).is_here(settings.model_name)
    except ModelError:
        here = True  # it is the finding about the model that says what is wrong
    return Finding(
        State.WARNING if here else State.BROKEN,
        text
        + ("; the model is here, so nothing is missing" if here else ", and the model is not here"),
        "check the network, HTTPS_PROXY and HF_ENDPOINT; if there shall be no internet, set "
        "LOOKALIKE_OFFLINE=1 and import models",
        facts,
    )


def writable(path: Path) -> bool:
    """Whether this user may write in a folder, or make it where it is not there yet."""
    for place in (path, *path.absolute().parents):
        if place.exists():
            return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False


def _store(settings: Settings) -> ModelStore:
    return ModelStore(settings.home, offline=settings.offline)
