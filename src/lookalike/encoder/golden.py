"""Running a bundle for the golden check, which lives in a room below and can't run anything itself."""

import warnings

from lookalike.encoder.encoder import Encoder, TextCutWarning
from lookalike.encoder.runtimes import Wanted
from lookalike.models import golden
from lookalike.models.bundle import Bundle
from lookalike.models.cards import TowerName
from lookalike.models.golden import Probe, Probed
from lookalike.models.store import ModelStore
from lookalike.settings import Settings


def store_of(settings: Settings) -> ModelStore:
    """The cache of models as the settings say, with the golden check for what is pulled."""
    return ModelStore(
        settings.home,
        offline=settings.offline,
        full=settings.verify == "full",
        probe=probe_with(settings),
    )


def probe_with(settings: Settings) -> Probe:
    """A probe that runs bundles as the service of these settings would, so that it needs no more memory."""

    def probe(bundle: Bundle) -> Probed:
        wanted = Wanted(
            device=settings.model_device, precision=settings.precision, threads=settings.threads
        )
        return probe_bundle(bundle, wanted)

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
