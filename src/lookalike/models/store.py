"""Where models live on this machine: the one inside the package, bundles anywhere, and the cache."""

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from lookalike.durable import remove_tree
from lookalike.errors import (
    BundleInvalid,
    CacheFull,
    CardInvalid,
    LockInvalid,
    ModelNotCached,
    ModelNotInstalled,
    ModelUnknown,
    SourceChanged,
)
from lookalike.models import hub
from lookalike.models.bundle import CARD, Bundle, GraphPrecision, open_bundle
from lookalike.models.cards import ModelCard
from lookalike.models.convert import convert
from lookalike.models.golden import Probe
from lookalike.models.hub import DEFAULT_PATIENCE, Patience, Progress
from lookalike.models.lock import LOCK
from lookalike.models.precision import has_cuda
from lookalike.models.registry import find, local
from lookalike.models.shelf import Arrival, Shelf
from lookalike.models.space import need, writing

log = logging.getLogger(__name__)

BUILT_IN = "tiny"
"""The model that comes inside the package."""

_ROOM = 3
"""How many times the size of a download must be free: itself, and graphs in several precisions."""


class Quiet:
    """A progress that only writes to the log."""

    def stage(self, what: str, total: int | None = None) -> None:
        log.info("%s%s", what, f" {total / 1e6:,.0f} MB" if total else "")

    def advance(self, done: int) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull or an update came to."""

    bundle: Bundle
    version: str
    changed: bool
    """Whether another version serves now than before."""
    downloaded: bool


class ModelStore:
    """The cache of models under `home`. With `offline`, or HF_HUB_OFFLINE set, nothing is downloaded.

    `full`: hold every bundle against its lock by hash at every start, not only by size and time. `probe` runs
    a bundle for the golden check, which is left out without one.
    """

    def __init__(
        self,
        home: Path,
        *,
        offline: bool = False,
        full: bool = False,
        probe: Probe | None = None,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        self.home = home
        self.full = full
        self.probe = probe
        self.patience = patience
        self.offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {
            "1",
            "ON",
            "YES",
            "TRUE",
        }

    @property
    def models(self) -> Path:
        """The folder of all shelves."""
        return self.home / "models"

    def bundle(self, name: str) -> Bundle:
        """The bundle of a model, downloaded and converted first if need be.

        `name` is `tiny`, a name of the registry, `hf:owner/repo[@revision]`, the name of an imported model, or
        a bundle's folder. Raises ModelUnknown, ModelNotCached, PullFailed, LockInvalid, GoldenMismatch,
        CardInvalid, BundleInvalid, WeightsInvalid, CacheUnwritable.
        """
        return self.find(name) or self.pull(name).bundle

    def find(self, name: str) -> Bundle | None:
        """The bundle, if it is on this machine, held against its lock.

        Raises ModelUnknown, LockInvalid, CardInvalid, BundleInvalid (FileAltered), SourceChanged.
        """
        folder = self.folder_of(name)
        if folder is None:
            return self.shelf(name).open(full=self.full)
        bundle = open_bundle(folder)
        if self.full:
            bundle.verify()
        return bundle

    def is_here(self, name: str) -> bool:
        """Whether a model is on this machine; nothing is checked. Raises ModelUnknown."""
        if self.folder_of(name) is not None:
            return True
        shelf = self.shelf(name)
        try:
            version = shelf.lock().current.get(shelf.label)
        except LockInvalid:
            return False
        return version is not None and (shelf.path(version) / CARD).is_file()

    def folder_of(self, name: str) -> Path | None:
        """The folder of a model that is not in the cache: the built-in one's, or a bundle's by its path."""
        if name == BUILT_IN:
            return Path(str(resources.files("lookalike.models") / BUILT_IN))
        folder = Path(name).expanduser()
        return folder if (folder / CARD).is_file() else None

    def shelf(self, name: str) -> Shelf:
        """A model's place in the cache, whether anything is there or not. Raises ModelUnknown."""
        try:
            return Shelf(self.models, find(name))
        except ModelUnknown:
            reference = local(name)
            if reference is None or not (Shelf(self.models, reference).folder / LOCK).exists():
                raise
            return Shelf(self.models, reference)

    def pull(self, name: str, progress: Progress | None = None, *, checked: bool = True) -> Pulled:
        """Bring a model here, unless it is here and unaltered. Two processes that do so do the work once.

        `checked` False leaves out the golden check. Raises what `bundle` raises.
        """
        progress = progress or Quiet()
        shelf = self.shelf(name)
        self._must_be_online(shelf)
        if shelf.busy():
            progress.stage("waiting for another process that works on this model")
        with shelf.exclusive():
            lock = shelf.lock()
            try:
                if bundle := shelf.open():
                    return Pulled(bundle, bundle.path.name, changed=False, downloaded=False)
            except (BundleInvalid, CardInvalid) as error:
                if self.offline:
                    raise
                log.warning("%s; it is pulled anew", error)
            revision = lock.followed.get(shelf.label) or shelf.reference.revision
            return self._bring(shelf, revision, progress, checked=checked)

    def update(
        self, name: str, progress: Progress | None = None, *, checked: bool = True
    ) -> Pulled:
        """Bring what the name stands for now; what served before stays for `rollback`.

        If anything fails, that goes on to serve. Raises what `pull` raises.
        """
        shelf = self.shelf(name)
        self._must_be_online(shelf)
        with shelf.exclusive():
            return self._bring(
                shelf, shelf.reference.revision, progress or Quiet(), checked=checked
            )

    def _must_be_online(self, shelf: Shelf) -> None:
        reference = shelf.reference
        if reference.repository is None:
            if shelf.open() is None:
                raise ModelNotCached(reference.name, "it was imported, so only an import brings it")
            return
        if not self.offline or shelf.lock().current.get(shelf.label):
            return
        name = reference.full_name
        file = f"{shelf.folder.name}.tar"
        raise ModelNotCached(
            name,
            "offline mode forbids to download it. On a machine with internet run "
            f"`lookalike models pull {name}` and `lookalike models export {name} {file}`, carry {file} here, "
            f"and run `lookalike models import {file}`",
        )

    def _bring(
        self, shelf: Shelf, revision: str | None, progress: Progress, *, checked: bool
    ) -> Pulled:
        reference = replace(shelf.reference, revision=revision)
        before = shelf.lock().current.get(shelf.label)
        if reference.repository is None:
            raise ModelNotInstalled(
                reference.full_name,
                "it was imported, so only another import brings another version",
            )
        if self.offline:
            raise ModelNotCached(reference.full_name, "offline mode forbids to ask the hub")
        progress.stage("asking the hub")
        snapshot = hub.resolve(reference, self.patience)
        version = snapshot.commit
        if shelf.has(version):
            shelf.point(version)
            bundle = shelf.open()
            assert bundle is not None, "it has just been seen"
            return Pulled(bundle, version, changed=before != version, downloaded=False)
        incoming = shelf.staging(version)
        staged = shelf.folder / f".new-{version}"
        try:
            with writing(shelf.folder):
                incoming.mkdir(parents=True, exist_ok=True)
                need(shelf.folder, _ROOM * snapshot.size)
                hashes = hub.fetch(reference, snapshot, incoming, progress, self.patience)
                shelf.hold_sources(version, hashes)
                progress.stage("converting")
                remove_tree(staged)
                convert(
                    incoming,
                    staged,
                    name=reference.name,
                    repository=reference.repository,
                    revision=version,
                    precisions=precisions(),
                )
                progress.stage("checking")
                bundle = shelf.install(
                    staged, Arrival(version, "hub", version), self.probe if checked else None
                )
        except (SourceChanged, CacheFull):  # these files are wrong, or the room they take is needed
            remove_tree(incoming)
            raise
        finally:
            remove_tree(staged)
        remove_tree(incoming)
        return Pulled(bundle, version, changed=before != version, downloaded=True)

    def adopt(
        self, name: str, folder: Path, *, derived: str, progress: Progress | None = None
    ) -> Bundle:
        """Let a bundle that was made from an installed one serve in its place; `rollback` takes it back.

        `folder` is moved, so it must be the caller's own; `derived` says of what kind it is (`int8`). For the
        same files as before the version is the same. Raises what `Shelf.install` raises.
        """
        shelf = self.shelf(name)
        (progress or Quiet()).stage("checking")
        with shelf.exclusive():
            base = shelf.lock().current.get(shelf.label, "")
            digest = card_digest(ModelCard.read(folder / CARD))
            version = f"{base.partition('+')[0]}+{derived}-{digest}"
            record = shelf.lock().versions.get(base)
            commit = record.commit if record else None
            staged = shelf.folder / f".new-{version}"
            remove_tree(staged)
            shutil.move(folder, staged)
            try:
                return shelf.install(staged, Arrival(version, "derived", commit), self.probe)
            finally:
                remove_tree(staged)


def card_digest(card: ModelCard) -> str:
    """12 hex digits that change with any file of a bundle."""
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(card.files.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def precisions() -> tuple[GraphPrecision, ...]:
    """The graphs worth building here; fp16 only where there is a GPU to use it."""
    return ("fp32", "bf16", "int8", "fp16") if has_cuda() else ("fp32", "bf16", "int8")
