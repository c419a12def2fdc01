"""Quantizing a model where it is: in the cache, in a folder, or beside, as another bundle."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lookalike.durable import sync
from lookalike.errors import SettingInvalid
from lookalike.evaluation.material import Material
from lookalike.evaluation.quantization.graphs import need_nncf
from lookalike.evaluation.quantization.installing import switch
from lookalike.evaluation.quantization.report import Report
from lookalike.evaluation.quantization.run import Options, Tell, quantize
from lookalike.models.bundle import Bundle, open_bundle
from lookalike.models.store import BUILT_IN, ModelStore


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of it. `bundle` None: nothing was installed (a dry run, or nothing is good enough)."""

    report: Report
    bundle: Bundle | None
    unreadable: int
    """Pictures that were passed over."""


def quantize_model(
    store: ModelStore,
    name: str,
    material: Material,
    options: Options,
    tell: Tell = lambda _: None,
    *,
    output: Path | None = None,
    dry_run: bool = False,
) -> Installed:
    """Quantize a model and let the result serve in its place, if it passes.

    A model of the cache gets a new version, so that `models rollback` takes it back; a bundle in a folder is
    changed there. With `output`, a folder that must not exist, the result is a bundle of its own, and the
    model stays as it was. Raises ExtraMissing, SettingInvalid, what `ModelStore.bundle` and `quantize` raise,
    and OSError.
    """
    need_nncf()
    if output is not None and output.exists():
        raise SettingInvalid("--output", f"{output} is there already")
    if name == BUILT_IN and output is None and not dry_run:
        raise SettingInvalid(
            "--output",
            f"{BUILT_IN} is part of the package, so say where the quantized copy is to be",
        )
    bundle = store.bundle(name)
    in_cache = store.folder_of(name) is None
    work = Path(tempfile.mkdtemp(prefix=".quantize.", dir=_beside(bundle, output, dry_run)))
    try:
        made = work / "bundle"
        made.mkdir()
        result = quantize(bundle, material, made, options, tell, link=output is None)
        if result.bundle is None or dry_run:
            return Installed(result.report, None, result.unreadable)
        tell("installing it")
        if output is not None:
            installed = _put(result.bundle, output)
        elif in_cache:
            installed = store.adopt(name, result.bundle.path, derived="int8")
        else:
            installed = switch(bundle, result.bundle)
        return Installed(result.report, installed, result.unreadable)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _beside(bundle: Bundle, output: Path | None, dry_run: bool) -> Path | None:
    """Where to work: on the disk that the result is for, so that it can be moved there at once."""
    if dry_run:
        return None
    folder = bundle.path.parent if output is None else output.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _put(made: Bundle, output: Path) -> Bundle:
    for path in made.path.iterdir():
        sync(path)
    made.path.rename(output)
    sync(output.absolute().parent)
    return open_bundle(output)
