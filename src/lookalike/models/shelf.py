"""One model's folder in the cache: its versions, which of them serves, and the lock that all is held against.

home/models/ViT-B-32/lock.json           what was installed, and its hashes
home/models/ViT-B-32/<version>/          a bundle; the version is the commit, or a hash for imported files
home/models/ViT-B-32/.incoming/<commit>  a download that is under way, or was cut off
"""

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.durable import remove_tree, sync
from lookalike.errors import (
    BundleInvalid,
    CardInvalid,
    LockInvalid,
    ModelInUse,
    ModelNotInstalled,
    SourceChanged,
)
from lookalike.models import golden, lease
from lookalike.models.bundle import CARD, Bundle, open_bundle, sha256
from lookalike.models.golden import GOLDEN, Golden, Probe
from lookalike.models.lock import (
    FileRecord,
    ModelLock,
    Origin,
    VersionRecord,
    check_files,
    record_files,
)
from lookalike.models.registry import ModelReference
from lookalike.models.space import writing

INCOMING = ".incoming"
_OURS = (INCOMING, ".new-", ".gone.")
"""What `exclusive` protects: whoever has that knows that nobody works there."""
_LONGEST_WORK = 24 * 3600.0
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9+-]*")  # no dot: lock.json is no version


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a bundle that is to be installed comes from."""

    version: str
    origin: Origin
    commit: str | None = None
    golden: Golden | None = None


class Shelf:
    """The place of one model in the cache. What changes it needs `exclusive` around it."""

    def __init__(self, models: Path, reference: ModelReference) -> None:
        self.reference = reference
        self.folder = models / re.sub(r"[^\w.-]", "--", reference.name.removeprefix("hf:"))

    @property
    def label(self) -> str:
        return self.reference.label

    def lock(self) -> ModelLock:
        """What is recorded; an empty lock if nothing is. Raises LockInvalid."""
        found = ModelLock.read(self.folder)
        if found is None:
            return ModelLock(name=self.reference.name, repository=self.reference.repository)
        if found.name != self.reference.name:
            raise LockInvalid(self.folder, f"it is of {found.name}, whose folder has the same name")
        return found

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from changing the shelf; wait for one that does.

        Raises CacheUnwritable.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                yield

    def busy(self) -> bool:
        """Whether another process changes the shelf just now."""
        guard = self.folder / ".lock"
        if not guard.exists():
            return False
        try:
            with FileLock(guard, timeout=0):
                return False
        except (Timeout, OSError):
            return True

    def path(self, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise LockInvalid(self.folder, f"{version!r} can't be a version")
        return self.folder / version

    def open(self, *, full: bool = False) -> Bundle | None:
        """The bundle that serves under the reference's label, held against the lock; None if there is none.

        It counts as in use while it lives. Raises LockInvalid, FileAltered, BundleInvalid, CardInvalid,
        SourceChanged.
        """
        lock = self.lock()
        version = lock.current.get(self.label)
        if version is None or not self.path(version).is_dir():
            return None
        return self.open_version(lock, version, full=full)

    def open_version(self, lock: ModelLock, version: str, *, full: bool) -> Bundle:
        """As `open`, of any version that the lock has."""
        path = self.path(version)
        held = lease.hold(path)  # first of all, so that nobody removes it while it is looked at
        record = lock.versions.get(version)
        if record is None:
            raise LockInvalid(self.folder, f"it has no record of version {version}")
        files = check_files(path, record.files, full=full)
        bundle = replace(open_bundle(path), lease=held)
        hold_to_pins(self.reference, bundle.card.source.files)
        if files != record.files or full:
            self._note_check(version, files, verified=full)
        return bundle

    def _note_check(self, version: str, files: dict[str, FileRecord], *, verified: bool) -> None:
        """Keep what a check has found. Where the cache is read-only, or just being changed, it isn't kept."""
        with contextlib.suppress(OSError, Timeout), FileLock(self.folder / ".lock", timeout=0):
            lock = self.lock()
            if record := lock.versions.get(version):
                changes: dict[str, object] = {"files": files}
                if verified:
                    changes["verified"] = now()
                self.record(lock, version, record.model_copy(update=changes))

    def record(self, lock: ModelLock, version: str, record: VersionRecord) -> None:
        lock.but(versions={**lock.versions, version: record}).write(self.folder)

    def staging(self, version: str) -> Path:
        """Where the files of a version arrive. What is left of an earlier attempt is there still."""
        return self.folder / INCOMING / version

    def has(self, version: str) -> bool:
        """Whether a version is installed, and unaltered."""
        lock = self.lock()
        try:
            return version in lock.versions and bool(self.open_version(lock, version, full=False))
        except (BundleInvalid, CardInvalid):
            return False

    def point(self, version: str) -> None:
        """Let an installed version serve under the reference's label."""
        lock = self.lock()
        before = lock.current.get(self.label)
        previous = lock.previous.get(self.label, [])
        if before not in (None, version):
            previous = [*(v for v in previous if v not in (before, version)), before]
        lock.but(
            current={**lock.current, self.label: version},
            previous={**lock.previous, self.label: previous},
            followed={**lock.followed, self.label: lock.versions[version].commit},
        ).write(self.folder)

    def hold_sources(self, version: str, found: dict[str, str]) -> None:
        """Hold the hashes of source files against the registry, then the lock. Raises SourceChanged."""
        hold_to_pins(self.reference, found)
        for file, expected in self.lock().sources.get(version, {}).items():
            if found.get(file) != expected:
                raise SourceChanged(
                    self.reference.full_name,
                    file,
                    expected,
                    found.get(file, "none, for it is missing"),
                    f"the lock {self.folder / 'lock.json'}",
                )

    def install(self, staged: Path, arrival: Arrival, probe: Probe | None) -> Bundle:
        """Check a bundle, take it into the shelf, and let it serve under the reference's label.

        `staged` must lie in the shelf's folder; it is gone afterwards. `probe` None leaves out the golden
        check. Until all is checked nothing that was there is touched. Raises BundleInvalid, CardInvalid,
        SourceChanged, GoldenMismatch, and OSError if the folder can't be written.
        """
        version = arrival.version
        bundle = open_bundle(staged)
        bundle.verify()
        self.hold_sources(version, bundle.card.source.files)
        compared = self._golden(bundle, arrival, probe)
        bundle = open_bundle(staged)
        for name in (CARD, *bundle.card.files):
            sync(staged / name)
        record = VersionRecord(
            origin=arrival.origin,
            repository=bundle.card.source.repository,
            commit=arrival.commit,
            source=bundle.card.source.files,
            files=record_files(bundle),
            installed=now(),
            verified=now(),
            golden=compared,
        )
        self._place(staged, self.path(version))
        lock = self.lock()
        sources, vectors = dict(lock.sources), dict(lock.golden)
        if record.source:
            sources[version] = record.source
        if known := Golden.read(self.path(version)):
            vectors[version] = known
        self.record(lock.but(sources=sources, golden=vectors), version, record)
        self.point(version)
        return replace(bundle, path=self.path(version), lease=lease.hold(self.path(version)))

    def _golden(self, bundle: Bundle, arrival: Arrival, probe: Probe | None) -> str | None:
        """Run the golden check, and see that the bundle carries its reference vectors."""
        known = self.lock().golden.get(arrival.version) or Golden.read(bundle.path)
        compared: tuple[str, ...] = ()
        if probe is not None:
            probed = probe(bundle)
            compared = golden.check(
                self.reference.full_name, probed, known, self.reference.published
            )
            known = known or Golden.of(probed)
        if known is not None and GOLDEN not in bundle.card.files:
            known.write(bundle.path)
            files = {**bundle.card.files, GOLDEN: sha256(bundle.path / GOLDEN)}
            bundle.card.model_copy(update={"files": files}).write(bundle.path / CARD)
        if probe is None:
            return None
        return " and ".join(compared) or "nothing yet: its vectors were recorded"

    def _place(self, staged: Path, target: Path) -> None:
        """Put a bundle where it belongs. What lay there, which is damaged, goes only then."""
        aside = None
        if target.exists():
            aside = Path(tempfile.mkdtemp(prefix=".gone.", dir=self.folder)) / target.name
            target.rename(aside)
        try:
            staged.rename(target)
        except OSError:
            if aside is not None:
                aside.rename(target)
            raise
        sync(self.folder)
        if aside is not None:
            remove_tree(aside.parent)

    def rollback(self) -> str:
        """Let the version serve that served before; which that is.

        Raises ModelNotInstalled if there is none, and what `open` raises if it is damaged: then all stays.
        """
        lock = self.lock()
        previous = [
            v
            for v in lock.previous.get(self.label, [])
            if v in lock.versions and self.path(v).is_dir()
        ]
        if not previous:
            raise ModelNotInstalled(
                self.reference.full_name,
                "there is no earlier version to go back to (`models prune` removes them)",
            )
        *rest, version = previous
        self.open_version(lock, version, full=True)
        self.lock().but(
            current={**lock.current, self.label: version},
            previous={**lock.previous, self.label: rest},
            followed={**lock.followed, self.label: lock.versions[version].commit},
        ).write(self.folder)
        return version

    def remove(self, *, forget: bool = False) -> int:
        """Remove what serves under the label, and what served before, unless another label needs it; the bytes.

        The lock stays, so that the same model is held against it if it comes back; `forget` ends that too.
        Raises ModelNotInstalled, ModelInUse.
        """
        lock = self.lock()
        if self.label not in lock.current and not forget:
            raise ModelNotInstalled(self.reference.full_name)
        current = {k: v for k, v in lock.current.items() if k != self.label}
        previous = {k: v for k, v in lock.previous.items() if k != self.label}
        followed = {k: v for k, v in lock.followed.items() if k != self.label or not forget}
        kept = {*current.values(), *(v for versions in previous.values() for v in versions)}
        going = [v for v in lock.versions if v not in kept]
        self._refuse_in_use(going)
        if forget and not current:
            (self.folder / "lock.json").unlink(missing_ok=True)
        else:
            versions = {k: v for k, v in lock.versions.items() if k in kept}
            lock.but(
                current=current, previous=previous, followed=followed, versions=versions
            ).write(self.folder)
        return sum(self._discard(v) for v in going)

    def superseded(self) -> list[str]:
        """The versions that serve under no label and that nobody uses, and what interrupted work has left.

        Names of folders in the shelf.
        """
        serving = set(self.lock().current.values())
        return [
            path.name
            for path in sorted(self.folder.iterdir())
            if path.is_dir()
            and path.name not in serving
            and not lease.in_use(path)
            and not _may_be_at_work(path)
        ]

    def prune(self) -> int:
        """Remove what `superseded` names; the bytes."""
        names = self.superseded()
        lock = self.lock()
        lock.but(
            versions={k: v for k, v in lock.versions.items() if k not in names},
            previous={
                label: [v for v in versions if v not in names]
                for label, versions in lock.previous.items()
            },
        ).write(self.folder)
        return sum(self._discard(name) for name in names)

    def _refuse_in_use(self, versions: list[str]) -> None:
        for version in versions:
            if lease.in_use(self.path(version)):
                raise ModelInUse(self.reference.full_name, self.path(version))

    def _discard(self, name: str) -> int:
        path = self.folder / name
        size = folder_size(path)
        remove_tree(path)
        return size


def _may_be_at_work(path: Path) -> bool:
    """Whether a folder may belong to work that goes on outside of `exclusive`, as quantizing does for hours."""
    if not path.name.startswith(".") or path.name.startswith(_OURS):
        return False
    return time.time() - path.stat().st_mtime < _LONGEST_WORK


def hold_to_pins(reference: ModelReference, found: dict[str, str]) -> None:
    """Hold hashes of source files against those that are pinned in the registry. Raises SourceChanged."""
    for file, expected in reference.pins.items():
        if file in found and found[file] != expected:
            raise SourceChanged(
                reference.full_name, file, expected, found[file], "the registry's pinned hash"
            )


def folder_size(path: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
