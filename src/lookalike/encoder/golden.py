"""Running a bundle for the golden check, which lives in a room below and can't run anything itself."""

import warnings
from pathlib import Path
from typing import Any

from lookalike.encoder.encoder import Encoder, TextCutWarning
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import (
    DeviceUnavailable,
    InferenceFailed,
    ModelNotInstalled,
    PrecisionUnavailable,
)
from lookalike.models import golden
from lookalike.models.bundle import Bundle
from lookalike.models.cards import TowerName
from lookalike.models.golden import Golden, Probe, Probed
from lookalike.models.hub import Progress
from lookalike.models.registry import PUBLISHED_PICTURE, PUBLISHED_TOLERANCE
from lookalike.models.store import ModelStore, Quiet
from lookalike.settings import Precision, Settings


def store_of(settings: Settings) -> ModelStore:
    """The cache of models as the settings say, with the golden check for what is pulled."""
    return ModelStore(
        settings.home,
        offline=settings.offline,
        full=settings.verify == "full",
        probe=probe_with(settings),
    )


def probe_with(settings: Settings) -> Probe:
    """A probe that runs bundles as the service of these settings would, so that it needs no more memory; on the
    CPU where there is no such device, as when an image with a model is built on a machine without a GPU."""

    def probe(bundle: Bundle) -> Probed:
        wanted = Wanted(
            device=settings.model_device, precision=settings.precision, threads=settings.threads
        )
        try:
            return probe_bundle(bundle, wanted)
        except (DeviceUnavailable, PrecisionUnavailable, InferenceFailed):
            return probe_bundle(bundle, Wanted(device="cpu", threads=settings.threads))

    return probe


def probe_bundle(bundle: Bundle, wanted: Wanted = Wanted()) -> Probed:
    """What a bundle makes of the golden inputs: one tower after the other, so that one is in memory at a time.

    Raises what Encoder raises.
    """
    vectors: dict[TowerName, golden.Vectors] = {}
    precision = None
    for tower in bundle.card.towers:
        with Encoder(bundle, wanted=wanted, towers=[tower], batch_size=1) as encoder:
            precision = encoder.info.precision
            if tower == "image":
                vectors[tower] = encoder.encode_images(golden.pictures())
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore", TextCutWarning
                    )  # a short context cuts them; be it so
                    vectors[tower] = encoder.encode_texts(golden.TEXTS)
    assert precision is not None, "every card has a tower"
    return Probed(precision, vectors)


def verify(
    name: str,
    settings: Settings,
    *,
    precision: Precision | None = None,
    picture: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Hash every file of a model on this machine, and run the golden check: what was checked, by name.

    `picture` is the one that PUBLISHED_PICTURE is of. Raises ModelNotInstalled, ModelUnknown, FileAltered,
    BundleInvalid, CardInvalid, LockInvalid, SourceChanged, GoldenMismatch, and what Encoder raises.
    """
    progress = progress or Quiet()
    progress.stage("hashing")
    store = ModelStore(settings.home, offline=True, full=True)
    bundle = store.find(name)
    if bundle is None:
        raise ModelNotInstalled(name)
    bundle.verify()
    reference = store.shelf(name).reference if store.folder_of(name) is None else None
    known = Golden.read(bundle.path)
    progress.stage("running it")
    wanted = Wanted(
        device=settings.model_device,
        precision=precision or settings.precision,
        threads=settings.threads,
    )
    probed = probe_bundle(bundle, wanted)
    compared = golden.check(name, probed, known, reference.published if reference else None)
    if picture is not None:
        _check_picture(name, bundle, wanted, picture)
        compared = (*compared, "published picture")
    return {
        "name": name,
        "version": bundle.path.name if reference else None,
        "folder": str(bundle.path),
        "files": len(bundle.card.files) + 1,
        "hashes": "all as they were installed" if reference else "all as the card says",
        "vectors": " and ".join(compared) or "plausible; there is nothing to compare them with",
        "precision": probed.precision,
    }


def _check_picture(name: str, bundle: Bundle, wanted: Wanted, picture: Path) -> None:
    with Encoder(bundle, wanted=wanted, towers=["image"]) as encoder:
        vector = encoder.encode_images([picture.read_bytes()])[0]
        precision = encoder.info.precision
    golden.check_published(name, vector, PUBLISHED_PICTURE, PUBLISHED_TOLERANCE, precision)
