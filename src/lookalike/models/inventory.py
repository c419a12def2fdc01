"""What is in the cache, and how much of it is needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lookalike.errors import BundleInvalid, LockInvalid, ModelUnknown
from lookalike.models import lease
from lookalike.models.lock import LOCK, ModelLock, Origin, check_files
from lookalike.models.registry import DEFAULT_LABEL, ModelReference, find, local
from lookalike.models.shelf import Shelf
from lookalike.models.store import ModelStore

State = Literal["serves", "previous", "unused"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A version of a model in the cache."""

    name: str
    """With the revision, if the name gives one."""
    version: str
    state: State
    """`serves` under its name; served before (`previous`), so that a rollback could bring it back; `unused`."""
    origin: Origin
    repository: str | None
    commit: str | None
    size: int
    installed: str
    verified: str | None
    golden: str | None
    in_use: bool
    problem: str | None
    """What the fast check finds wrong."""
    path: Path


def shelves(store: ModelStore) -> list[Shelf]:
    """Every model of the cache. Raises LockInvalid."""
    found = []
    for path in sorted(store.models.glob(f"*/{LOCK}")):
        lock = ModelLock.read(path.parent)
        if lock is not None:
            found.append(Shelf(store.models, _reference(lock.name)))
    return found


def installed(store: ModelStore) -> list[Installed]:
    """All versions of all models, those that serve first. Raises LockInvalid."""
    return [entry for shelf in shelves(store) for entry in _of(shelf)]


def _reference(name: str) -> ModelReference:
    try:
        return find(name)
    except ModelUnknown:
        reference = local(name)
        if reference is None:
            raise LockInvalid(name, "it is of a model that can't be called so") from None
        return reference


def _of(shelf: Shelf) -> list[Installed]:
    lock = shelf.lock()
    roles: list[tuple[str, str, State]] = [
        (label, version, "serves") for label, version in lock.current.items()
    ]
    roles += [
        (label, version, "previous")
        for label, versions in lock.previous.items()
        for version in versions
    ]
    seen = {version for _, version, _ in roles}
    roles += [
        (DEFAULT_LABEL, version, "unused") for version in lock.versions if version not in seen
    ]
    return [_entry(shelf, lock, *role) for role in roles if role[1] in lock.versions]


def _entry(shelf: Shelf, lock: ModelLock, label: str, version: str, state: State) -> Installed:
    record, path = lock.versions[version], shelf.path(version)
    problem = None
    try:
        check_files(path, record.files, full=False)
    except BundleInvalid as error:
        problem = str(error)
    return Installed(
        name=lock.name if label == DEFAULT_LABEL else f"{lock.name}@{label}",
        version=version,
        state=state,
        origin=record.origin,
        repository=record.repository,
        commit=record.commit,
        size=record.size,
        installed=record.installed,
        verified=record.verified,
        golden=record.golden,
        in_use=lease.in_use(path),
        problem=problem,
        path=path,
    )
