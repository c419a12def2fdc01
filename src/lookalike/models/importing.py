"""Models that come as files: an archive of ours, a folder in either layout, a bundle, OpenAI's own .pt."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lookalike.durable import remove_tree
from lookalike.errors import ImportInvalid, ModelUnknown
from lookalike.models import archive, torchscript
from lookalike.models.bundle import CARD, Bundle, open_bundle
from lookalike.models.convert import convert
from lookalike.models.hub import Progress
from lookalike.models.layouts import huggingface, openclip
from lookalike.models.lock import Origin
from lookalike.models.registry import DEFAULT_LABEL, find, local
from lookalike.models.shelf import Arrival, Shelf
from lookalike.models.space import need, writing
from lookalike.models.store import ModelStore, Quiet, card_digest, precisions
from lookalike.models.vocabulary import MERGES, tokenizer_from_merges

_WEIGHTS = (openclip.WEIGHTS, huggingface.WEIGHTS, huggingface.SHARDS)
_ROOM = 3


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    name: str
    version: str
    bundle: Bundle


def import_model(
    store: ModelStore,
    path: Path,
    *,
    name: str | None = None,
    tokenizer: Path | None = None,
    progress: Progress | None = None,
    checked: bool = True,
) -> Imported:
    """Take a model from `path` into the cache, where it then serves under `name`.

    An archive and OpenAI's files bring their name; all else needs one. `tokenizer` is for files that come
    without: a `tokenizer.json`, or OpenAI's `bpe_simple_vocab_16e6.txt.gz`. Raises ImportInvalid,
    ArchiveInvalid, ExtraMissing, and what `Shelf.install` raises.
    """
    progress = progress or Quiet()
    if not path.exists():
        raise ImportInvalid(path, "there is no such file or folder")
    if path.is_file() and archive.looks_like_archive(path):
        return _from_archive(store, path, name, progress, checked=checked)
    if path.is_dir() and (path / CARD).is_file():
        return _from_bundle(store, path, name, progress, checked=checked)
    if path.is_dir():
        return _from_folder(store, path, _named(path, name), "folder", progress, checked=checked)
    if path.suffix == ".pt":
        return _from_pt(store, path, name, tokenizer, progress, checked=checked)
    if path.name in _WEIGHTS:
        return _from_folder(
            store, path.parent, _named(path, name), "file", progress, checked=checked
        )
    raise ImportInvalid(path, _why_not(path))


def _why_not(path: Path) -> str:
    if path.suffix in {".gz", ".tgz", ".xz", ".zst", ".bz2"}:
        return "it is compressed; unpack it first (an archive of ours is a plain .tar)"
    if path.suffix == ".safetensors":
        return f"weights alone are no model: name it {openclip.WEIGHTS}, beside its configuration"
    if path.suffix in {".bin", ".pth", ".ckpt"}:
        return "it is a pickle, and reading one runs what is in it; only safetensors is read"
    return (
        "it is neither an archive of `lookalike models export`, nor a model's folder, nor "
        f"{openclip.WEIGHTS}, nor one of OpenAI's .pt files"
    )


def _named(path: Path, name: str | None) -> str:
    if name is None:
        raise ImportInvalid(path, "it doesn't say what it is; give it a name with --name")
    return name


def _shelf(store: ModelStore, name: str) -> Shelf:
    try:
        return Shelf(store.models, find(name))
    except ModelUnknown:
        reference = local(name)
        if reference is None or store.folder_of(name) is not None:
            raise ImportInvalid(name, "such a name can't be given to a model") from None
        return Shelf(store.models, reference)


def _from_archive(
    store: ModelStore, path: Path, name: str | None, progress: Progress, *, checked: bool
) -> Imported:
    manifest = archive.peek(path)
    label = manifest.label
    asked = name or (manifest.name if label == DEFAULT_LABEL else f"{manifest.name}@{label}")
    shelf = _shelf(store, asked)
    with shelf.exclusive():
        staged = _fresh(shelf)
        try:
            need(shelf.folder, path.stat().st_size)
            archive.unpack(path, staged, progress)
            progress.stage("checking")
            arrival = Arrival(manifest.version, "archive", manifest.commit)
            bundle = shelf.install(staged, arrival, store.probe if checked else None)
        finally:
            remove_tree(staged)
    return Imported(asked, manifest.version, bundle)


def _from_bundle(
    store: ModelStore, path: Path, name: str | None, progress: Progress, *, checked: bool
) -> Imported:
    source = open_bundle(path)
    asked = name or source.card.name
    shelf = _shelf(store, asked)
    with shelf.exclusive():
        staged = _fresh(shelf)
        try:
            progress.stage("copying")
            for file in (CARD, *source.card.files):
                shutil.copyfile(path / file, staged / file)
            progress.stage("checking")
            version = source.card.source.revision or f"import-{card_digest(source.card)}"
            arrival = Arrival(version, "folder", source.card.source.revision)
            bundle = shelf.install(staged, arrival, store.probe if checked else None)
        finally:
            remove_tree(staged)
    return Imported(asked, version, bundle)


def _from_folder(
    store: ModelStore, folder: Path, name: str, origin: Origin, progress: Progress, *, checked: bool
) -> Imported:
    shelf = _shelf(store, name)
    with shelf.exclusive():
        staged = _fresh(shelf)
        try:
            need(shelf.folder, _ROOM * sum(f.stat().st_size for f in folder.glob("*.safetensors")))
            progress.stage("converting")
            staged.rmdir()  # it must not be there yet, for it appears whole
            with writing(shelf.folder):
                bundle = convert(folder, staged, name=shelf.reference.name, precisions=precisions())
            progress.stage("checking")
            version = f"import-{_source_digest(bundle)}"
            bundle = shelf.install(
                staged, Arrival(version, origin), store.probe if checked else None
            )
        finally:
            remove_tree(staged)
    return Imported(name, version, bundle)


def _from_pt(
    store: ModelStore,
    path: Path,
    name: str | None,
    tokenizer: Path | None,
    progress: Progress,
    *,
    checked: bool,
) -> Imported:
    asked = name or torchscript.known_as(path)
    shelf = _shelf(store, asked)
    with writing(shelf.folder):
        shelf.folder.mkdir(parents=True, exist_ok=True)
        need(shelf.folder, 2 * _ROOM * path.stat().st_size)
        work = Path(tempfile.mkdtemp(prefix=".torchscript.", dir=shelf.folder))
        try:
            _place_tokenizer(path, tokenizer, work)
            progress.stage("reading with PyTorch")
            torchscript.extract(path, work)
            return _from_folder(store, work, asked, "file", progress, checked=checked)
        finally:
            remove_tree(work)


def _place_tokenizer(path: Path, given: Path | None, work: Path) -> None:
    """OpenAI's files come without their tokenizer: take the one that is given, or one that lies beside."""
    beside = [path.with_name(openclip.TOKENIZER), path.with_name(MERGES)]
    found = given or next((file for file in beside if file.exists()), None)
    if found is None or not found.exists():
        raise ImportInvalid(
            path,
            f"it comes without a tokenizer; put {openclip.TOKENIZER} or OpenAI's {MERGES} beside it, or "
            "give one with --tokenizer",
        )
    if found.name.endswith(".gz"):
        tokenizer_from_merges(found).save(str(work / openclip.TOKENIZER), pretty=False)
    else:
        shutil.copyfile(found, work / openclip.TOKENIZER)


def _fresh(shelf: Shelf) -> Path:
    staged = shelf.folder / ".new-import"
    remove_tree(staged)
    staged.mkdir()
    return staged


def _source_digest(bundle: Bundle) -> str:
    """12 hex digits of what the bundle was converted from, so that the same files are the same version."""
    source = bundle.card.source.files
    return card_digest(bundle.card.model_copy(update={"files": source}))
