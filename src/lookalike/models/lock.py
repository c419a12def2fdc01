"""The lock: what was installed, recorded at the first pull, and held against ever after.

One JSON file for each model of the cache, beside its versions. It guards against what changes by accident or
upstream: a moved branch, a replaced file, a damaged disk. Whoever may write to the cache may rewrite the lock
as well, so it is no guard against them; hashes that are pinned in the registry are.
"""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError

from lookalike.durable import write_durably
from lookalike.errors import FileAltered, LockInvalid
from lookalike.models.bundle import CARD, Bundle, sha256
from lookalike.models.cards import FileName, Frozen, Sha256
from lookalike.models.golden import Golden

LOCK = "lock.json"
FORMAT: Final = 1
_SECOND = 10**9

Origin = Literal["hub", "archive", "folder", "file", "derived"]


class FileRecord(Frozen):
    """A file as it was when it was installed, or when a full check last found it unaltered."""

    sha256: Sha256
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, digest: str | None = None) -> Self:
        facts = path.stat()
        return cls(sha256=digest or sha256(path), size=facts.st_size, mtime_ns=facts.st_mtime_ns)


class VersionRecord(Frozen):
    """One installed bundle."""

    origin: Origin
    repository: str | None
    commit: str | None
    source: dict[str, Sha256]
    """Hashes of the files that it was converted from."""
    files: dict[FileName, FileRecord]
    """The bundle's own, the card included."""
    installed: str
    verified: str | None = None
    """When all hashes were last found to be right."""
    golden: str | None = None
    """What the golden check compared with when it last passed."""

    @property
    def size(self) -> int:
        return sum(record.size for record in self.files.values())


class ModelLock(Frozen):
    """All that is recorded of one model."""

    format: Literal[1] = FORMAT
    name: str
    repository: str | None = None
    current: dict[str, str] = Field(default_factory=dict)
    """The version that serves, by the revision that the name gives (`default` if it gives none)."""
    previous: dict[str, list[str]] = Field(default_factory=dict)
    """The versions that served before, the last one at the end."""
    followed: dict[str, str | None] = Field(default_factory=dict)
    """The commit that a label last stood for. A pull takes this one; only an update takes a newer."""
    versions: dict[str, VersionRecord] = Field(default_factory=dict)
    sources: dict[str, dict[str, Sha256]] = Field(default_factory=dict)
    """Hashes of the source files of every commit that was ever pulled: they stay when versions go."""
    golden: dict[str, Golden] = Field(default_factory=dict)
    """Reference vectors of every commit that was ever installed."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The lock in a model's folder of the cache, or None if there is none. Raises LockInvalid."""
        path = folder / LOCK
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockInvalid(path, error.strerror or str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            if first["loc"] == ("format",):
                raise LockInvalid(
                    path, "it was written by a newer version; update Lookalike"
                ) from None
            raise LockInvalid(path, first["msg"]) from None

    def write(self, folder: Path) -> None:
        """Raises OSError; then the old one stands."""
        write_durably(folder / LOCK, self.model_dump(mode="json"))

    def but(self, **changes: object) -> Self:
        """The same lock with some fields changed."""
        return self.model_copy(update=changes)


def record_files(bundle: Bundle) -> dict[str, FileRecord]:
    """What to record of a bundle that has just been verified."""
    hashes = {CARD: None, **bundle.card.files}
    return {name: FileRecord.of(bundle.path / name, digest) for name, digest in hashes.items()}


def check_files(path: Path, files: dict[str, FileRecord], *, full: bool) -> dict[str, FileRecord]:
    """Hold a bundle's files against their record; the record, with new times where only these differ.

    The fast check compares sizes and times, and hashes only files whose time is another: copying a cache or
    baking it into an image changes times and nothing else. Raises FileAltered, naming the file.
    """
    checked = {}
    for name, record in files.items():
        file = path / name
        try:
            facts = file.stat()
        except FileNotFoundError:
            raise FileAltered(path, name, "it is missing") from None
        if facts.st_size != record.size:
            raise FileAltered(
                path, name, f"it has {facts.st_size:,} bytes instead of {record.size:,}"
            )
        if full or not _same_time(facts.st_mtime_ns, record.mtime_ns):
            found = sha256(file)
            if found != record.sha256:
                raise FileAltered(path, name, f"its sha256 is {found}, not {record.sha256}")
            record = record.model_copy(update={"mtime_ns": facts.st_mtime_ns})
        checked[name] = record
    return checked


def _same_time(found: int, recorded: int) -> bool:
    """Whether a file has the time that is recorded; both in nanoseconds.

    The layers of an image keep whole seconds only, and there no start could ever note the time anew.
    """
    return found == recorded or found == recorded - recorded % _SECOND
