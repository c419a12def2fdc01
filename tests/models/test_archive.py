"""One file with one model: it arrives whole and where it should, or not at all."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from lookalike.errors import (
    ArchiveInvalid,
    BundleInvalid,
    CacheFull,
    CardInvalid,
    GoldenMismatch,
    ImportInvalid,
    LockInvalid,
)
from lookalike.models import archive, space
from lookalike.models.bundle import CARD, Bundle
from lookalike.models.convert import convert
from lookalike.models.importing import import_model
from lookalike.models.store import ModelStore, Quiet
from tests.models.conftest import GOLDEN


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    target = tmp_path_factory.mktemp("bundle") / "small"
    return convert(GOLDEN / "openclip-vit-gelu", target, name="hf:acme/small", precisions=("fp32",))


@pytest.fixture
def file(bundle: Bundle, tmp_path: Path) -> Path:
    path = tmp_path / "small.tar"
    archive.pack(bundle, path, name="hf:acme/small", label="v1", version="c0ffee", progress=Quiet())
    return path


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home", offline=True)


def changed(file: Path, change) -> Path:
    """The archive with its members changed: `change` gets a list of [header, content]."""
    with tarfile.open(file) as tar:
        members = [[info, tar.extractfile(info).read()] for info in tar]
    change(members)
    target = file.with_name("changed.tar")
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return target


def member(name: str, content: bytes = b"x", **facts) -> list:
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return [info, content]


def edit_manifest(change):
    def apply(members):
        manifest = json.loads(members[0][1])
        change(manifest)
        members[0][1] = json.dumps(manifest).encode()

    return apply


def nothing_came(models: ModelStore, file: Path) -> None:
    assert models.find("hf:acme/small@v1") is None
    left = [p for p in file.parent.rglob("*") if p.is_file() and p.parent != file.parent]
    assert {p.name for p in left} <= {".lock"}


def test_a_model_arrives_with_its_name_revision_and_version(models, file, bundle):
    imported = import_model(models, file)
    assert (imported.name, imported.version) == ("hf:acme/small@v1", "c0ffee")
    found = models.find("hf:acme/small@v1")
    assert found.card.files == bundle.card.files
    assert models.find("hf:acme/small") is None, "another revision than was carried"


def test_any_tar_shows_what_is_in_it(file, bundle):
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["manifest.json", CARD, *sorted(bundle.card.files)]


OUTSIDE = [
    "../evil", "a/../../evil", "/etc/evil", "..\\evil", "sub/file", "..", ".",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_is_written_outside(models, file, name):
    bad = changed(file, lambda members: members.insert(1, member(name)))
    with pytest.raises(ArchiveInvalid, match=r"outside|folder"):
        import_model(models, bad)
    nothing_came(models, file)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", ".hidden", "CON/../x"])
def test_a_manifest_that_names_a_path_is_refused(models, file, name):
    def add(manifest):
        manifest["files"][name] = {"sha256": "0" * 64, "size": 1}

    bad = changed(file, edit_manifest(add))
    with pytest.raises(ArchiveInvalid, match=r"manifest\.json"):
        import_model(models, bad)
    nothing_came(models, file)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.DIRTYPE, "folder"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.GNUTYPE_SPARSE, "sparse"),
        (tarfile.XHDTYPE, "no regular file"),
        (tarfile.GNUTYPE_LONGNAME, "no regular file"),
    ],
)
def test_only_regular_files_are_accepted(models, file, kind, says):
    content = bytearray(file.read_bytes())
    at = 512 + -(-int(content[124:135], 8) // 512) * 512  # the header of the second member
    info = tarfile.TarInfo("model.json")
    info.type, info.linkname = kind, "/etc/passwd"
    content[at : at + 512] = info.tobuf(tarfile.GNU_FORMAT)
    bad = file.with_name("kind.tar")
    bad.write_bytes(content)
    with pytest.raises(ArchiveInvalid, match=says):
        import_model(models, bad)
    nothing_came(models, file)


@pytest.mark.parametrize("version", ["../../evil", ".lock", "lock.json", "", "a/b"])
def test_a_version_that_is_a_path_is_refused(models, file, version):
    bad = changed(file, edit_manifest(lambda manifest: manifest.update(version=version)))
    with pytest.raises((ArchiveInvalid, LockInvalid)):
        import_model(models, bad)
    nothing_came(models, file)


def test_what_the_manifest_does_not_name_or_names_twice_is_refused(models, file):
    extra = changed(file, lambda members: members.append(member("extra.bin")))
    with pytest.raises(ArchiveInvalid, match=r"extra\.bin"):
        import_model(models, extra)
    twice = changed(file, lambda members: members.append(members[1]))
    with pytest.raises(ArchiveInvalid, match=r"model\.json"):
        import_model(models, twice)
    nothing_came(models, file)


def test_a_member_that_claims_to_be_huge_takes_no_room(models, file):
    content = bytearray(file.read_bytes())
    at = 512 + -(-int(content[124:135], 8) // 512) * 512
    info = tarfile.TarInfo("model.json")
    info.size = 2**50
    content[at : at + 512] = info.tobuf(tarfile.GNU_FORMAT)
    bad = file.with_name("huge.tar")
    bad.write_bytes(content)
    with pytest.raises(ArchiveInvalid, match="another size"):
        import_model(models, bad)
    nothing_came(models, file)


@pytest.mark.parametrize("place", [600, 30_000, -5000])
def test_one_altered_byte_is_found(models, file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    bad = file.with_name("altered.tar")
    bad.write_bytes(content)
    with pytest.raises((ArchiveInvalid, CardInvalid)):
        import_model(models, bad)
    nothing_came(models, file)


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9])
def test_an_archive_that_breaks_off_is_found(models, file, share):
    bad = file.with_name("short.tar")
    bad.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises((ArchiveInvalid, ImportInvalid), match=r"breaks off|neither an archive"):
        import_model(models, bad)
    nothing_came(models, file)


def test_an_archive_of_a_newer_version_says_so(models, file):
    bad = changed(file, edit_manifest(lambda manifest: manifest.update(format=2)))
    with pytest.raises(ArchiveInvalid, match="update Lookalike"):
        import_model(models, bad)


def test_a_damaged_bundle_is_not_carried_on(bundle, tmp_path, models):
    import_model(models, bundle.path)
    installed = models.find("hf:acme/small")
    with (installed.path / "text.onnx").open("ab") as out:
        out.write(b"x")
    target = tmp_path / "out.tar"
    with pytest.raises(BundleInvalid, match=r"text\.onnx"):
        archive.pack(installed, target, name="x", label="default", version="v", progress=Quiet())
    assert not target.exists()
    assert not list(tmp_path.glob(".out*"))


def test_no_room_for_an_archive_is_seen_before(models, file, monkeypatch):
    monkeypatch.setattr(space, "free_bytes", lambda _: 1000)
    with pytest.raises(CacheFull):
        import_model(models, file)


def test_an_archive_that_fails_the_golden_check_leaves_what_serves(models, file, bundle):
    import_model(models, bundle.path, name="hf:acme/small@v1")
    before = models.find("hf:acme/small@v1").path

    def wrong(_):
        raise GoldenMismatch("x", "text tower", "wrong")

    models.probe = wrong
    with pytest.raises(GoldenMismatch):
        import_model(models, file)
    assert models.find("hf:acme/small@v1").path == before
