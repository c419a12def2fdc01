"""Where models live on this machine: the one inside the package, bundles anywhere, and the cache."""

import logging
import os
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from filelock import FileLock

from lookalike.errors import ModelNotCached
from lookalike.models import hub
from lookalike.models.bundle import CARD, Bundle, GraphPrecision, open_bundle
from lookalike.models.convert import convert
from lookalike.models.precision import has_cuda
from lookalike.models.registry import ModelReference, find

log = logging.getLogger(__name__)

BUILT_IN = "tiny"
"""The model that comes inside the package."""


class ModelStore:
    """The cache of models under `home`. With `offline`, or HF_HUB_OFFLINE set, nothing is downloaded."""

    def __init__(self, home: Path, *, offline: bool = False) -> None:
        self.home = home
        self.offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {
            "1",
            "ON",
            "YES",
            "TRUE",
        }

    def bundle(self, name: str) -> Bundle:
        """The bundle of a model, downloaded and converted first if need be.

        `name` is `tiny`, a name of the registry, `hf:owner/repo[@revision]`, or a bundle's folder.
        Raises ModelUnknown, ModelNotCached, CardInvalid, BundleInvalid, WeightsInvalid.
        """
        if found := self.find(name):
            return found
        reference = find(name)
        if self.offline:
            raise ModelNotCached(
                name,
                "offline mode forbids to download it; run `lookalike embed --model "
                f"{name} hello` once on a machine with internet and copy its {self.path(reference)} here",
            )
        return self._pull(reference)

    def find(self, name: str) -> Bundle | None:
        """The bundle, if it is on this machine. Raises ModelUnknown, CardInvalid, BundleInvalid."""
        if name == BUILT_IN:
            return open_bundle(Path(str(resources.files("lookalike.models") / BUILT_IN)))
        folder = Path(name).expanduser()
        if (folder / CARD).is_file():
            return open_bundle(folder)
        path = self.path(find(name))
        return open_bundle(path) if path.exists() else None

    def path(self, reference: ModelReference) -> Path:
        """Where the cache keeps a model, whether it is there or not."""
        folder = re.sub(r"[^\w.-]", "--", reference.name.removeprefix("hf:"))
        return self.home / "models" / folder / (reference.revision or "main").replace("/", "--")

    def _pull(self, reference: ModelReference) -> Bundle:
        target = self.path(reference)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that want the same model do the work once.
        with FileLock(target.parent / f".{target.name}.lock"):
            if target.exists():
                return open_bundle(target)
            work = Path(tempfile.mkdtemp(prefix=".download.", dir=target.parent))
            try:
                commit = hub.download(reference, work)
                log.info("converting %s", reference.name)
                return convert(
                    work,
                    target,
                    name=reference.name,
                    repository=reference.repository,
                    revision=commit,
                    precisions=_precisions(),
                )
            finally:
                shutil.rmtree(work, ignore_errors=True)


def _precisions() -> tuple[GraphPrecision, ...]:
    """The graphs worth building here; fp16 only where there is a GPU to use it."""
    return ("fp32", "bf16", "int8", "fp16") if has_cuda() else ("fp32", "bf16", "int8")
