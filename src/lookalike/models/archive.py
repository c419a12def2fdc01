"""One file with one model in it, to carry where no hub can be reached. It proves itself: nothing in it is
believed that its hashes don't confirm.

The format is a plain tar, uncompressed, so that `tar tf` shows what is in it. The first member is
`manifest.json`: what the archive holds and the sha256 and size of every further member; these are the bundle's
files. Members are regular files without folders in their names. Nothing else is read: no links, no devices, no
sparse or extended members, nothing that the manifest doesn't name, no byte more than it announces. So nothing
can be written outside the folder that is given, nor more than the archive itself is long.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal, Self

from pydantic import ValidationError

from lookalike.durable import sync
from lookalike.errors import ArchiveInvalid, BundleInvalid
from lookalike.models.bundle import CARD, Bundle, sha256
from lookalike.models.cards import FileName, Frozen, Sha256
from lookalike.models.hub import Progress

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
_BLOCK = 512
_MANIFEST_LIMIT = 2**20
_CHUNK = 2**20
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.DIRTYPE: "a folder",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class Member(Frozen):
    sha256: Sha256
    size: int


class Manifest(Frozen):
    """What an archive says of itself."""

    format: Literal[1] = FORMAT
    kind: Literal["lookalike-model"] = "lookalike-model"
    name: str
    label: str
    """The revision under which it served; `default` if its name gave none."""
    version: str
    commit: str | None = None
    files: dict[FileName, Member]

    @classmethod
    def parse(cls, text: bytes, path: Path) -> Self:
        """Raises ArchiveInvalid."""
        try:
            manifest = cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            if first["loc"] == ("format",):
                raise ArchiveInvalid(
                    path, "it was written by a newer version; update Lookalike"
                ) from None
            where = ".".join(map(str, first["loc"]))
            raise ArchiveInvalid(path, f"{MANIFEST}: {where}: {first['msg']}") from None
        if CARD not in manifest.files:
            raise ArchiveInvalid(path, f"{CARD} is not in it, so it holds no model")
        return manifest


def pack(
    bundle: Bundle, target: Path, *, name: str, label: str, version: str, progress: Progress
) -> Manifest:
    """Write a bundle into a new archive, which appears whole or not at all.

    Every file is hashed on its way and held against the card: a damaged model is not carried on. Raises
    BundleInvalid, OSError.
    """
    names = (CARD, *sorted(bundle.card.files))
    members = {
        file: Member(
            sha256=bundle.card.files.get(file) or sha256(bundle.path / file),
            size=(bundle.path / file).stat().st_size,
        )
        for file in names
    }
    manifest = Manifest(
        name=name,
        label=label,
        version=version,
        commit=bundle.card.source.revision,
        files=members,
    )
    progress.stage("exporting", sum(member.size for member in members.values()))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            text = json.dumps(manifest.model_dump(mode="json"), indent=1).encode()
            out.write(_header(MANIFEST, len(text)))
            out.write(text + _padding(len(text)))
            for file, member in members.items():
                out.write(_header(file, member.size))
                digest, size = hashlib.sha256(), 0
                with (bundle.path / file).open("rb") as source:
                    while chunk := source.read(_CHUNK):
                        out.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                        progress.advance(len(chunk))
                if digest.hexdigest() != member.sha256 or size != member.size:
                    raise BundleInvalid(bundle.path, f"{file} is not the file of the card")
                out.write(_padding(size))
            out.write(bytes(2 * _BLOCK))
        sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def looks_like_archive(path: Path) -> bool:
    """Whether a file begins as an archive of ours does."""
    with path.open("rb") as file:
        return file.read(len(MANIFEST)) == MANIFEST.encode()


def peek(path: Path) -> Manifest:
    """The manifest of an archive. Raises ArchiveInvalid, OSError."""
    with path.open("rb") as file:
        return _manifest(path, _members(path, file), file)


def unpack(path: Path, folder: Path, progress: Progress) -> Manifest:
    """Write an archive's files into an empty `folder`, each held against its hash.

    Raises ArchiveInvalid (the folder is then of no use), and OSError.
    """
    with path.open("rb") as file:
        members = _members(path, file)
        manifest = _manifest(path, members, file)
        progress.stage("importing", sum(member.size for member in manifest.files.values()))
        missing = dict(manifest.files)
        for name, size in members:
            member = missing.pop(name, None)
            if member is None:
                raise ArchiveInvalid(path, f"it holds {name!r}, which its manifest doesn't name")
            if member.size != size:
                raise ArchiveInvalid(path, f"{name} has another size than its manifest says")
            digest = hashlib.sha256()
            with (folder / name).open("xb") as out:
                for chunk in _content(path, name, file, size):
                    out.write(chunk)
                    digest.update(chunk)
                    progress.advance(len(chunk))
            if digest.hexdigest() != member.sha256:
                raise ArchiveInvalid(path, f"{name} is damaged: its hash is not the manifest's")
    if missing:
        raise ArchiveInvalid(path, f"it ends before {', '.join(sorted(missing))}")
    return manifest


def _manifest(path: Path, members: Iterator[tuple[str, int]], file: BinaryIO) -> Manifest:
    name, size = next(members, ("", 0))
    if name != MANIFEST or size > _MANIFEST_LIMIT:
        raise ArchiveInvalid(
            path, "it does not begin with a manifest, so Lookalike has not made it"
        )
    return Manifest.parse(b"".join(_content(path, name, file, size)), path)


def _members(path: Path, file: BinaryIO) -> Iterator[tuple[str, int]]:
    """Name and size of each member; the caller reads its content in between."""
    while True:
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            raise ArchiveInvalid(path, "it breaks off")
        if not any(block):
            return
        try:
            # One header is all that is parsed: long names and extended headers, which can hide or claim
            # anything, are members of other kinds, and refused as such.
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError):
            raise ArchiveInvalid(path, "it is damaged, or no archive at all") from None
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            kind = _KINDS.get(info.type, "no regular file")
            raise ArchiveInvalid(path, f"{info.name!r} is {kind}, and only files are accepted")
        if "/" in info.name or "\\" in info.name or info.name in ("", ".", ".."):
            raise ArchiveInvalid(path, f"{info.name!r} would be written outside the model's folder")
        yield info.name, info.size


def _content(path: Path, name: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    """A member's bytes, and past its padding."""
    left = size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise ArchiveInvalid(path, f"it breaks off in {name}")
        left -= len(chunk)
        yield chunk
    file.read(-size % _BLOCK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
