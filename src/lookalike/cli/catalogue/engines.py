"""Who encodes for `lookalike index`: this process, or workers on a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.catalogue.opening import settings_for
from lookalike.cli.console import waiting

if TYPE_CHECKING:
    from lookalike.catalog.bulk.supplying import RayWorkers


class Engine(StrEnum):
    """The choices of --engine."""

    local = "local"
    ray = "ray"


EngineOption = Annotated[
    Engine,
    typer.Option(
        help="Who encodes: this process, or workers on a Ray cluster (needs the extra ray)."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="With --engine ray: how many. [default: as many as fill the cluster]",
        metavar="N",
        min=1,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        help="With --engine ray: the cluster, as HOST:PORT, or local for this machine alone. "
        "[default: RAY_ADDRESS, or a Ray that runs on this machine, or local]",
        metavar="ADDRESS",
    ),
]


def check(engine: Engine, workers: int | None, address: str | None, url: str | None) -> None:
    """Refuse options that can't be meant together."""
    if engine is Engine.ray and url is not None:
        raise typer.BadParameter(
            "with --engine ray there is no service in between: set QDRANT_URL or --data, not --url"
        )
    if engine is Engine.local and (workers is not None or address is not None):
        raise typer.BadParameter("--workers and --ray-address go with --engine ray")


@contextmanager
def workers_of(
    engine: Engine, workers: int | None, address: str | None, model: str | None
) -> Iterator["RayWorkers | None"]:
    """Those of a cluster where they are wanted, when the first of them has loaded the model; None for this
    process's own. Raises ExtraMissing, SettingInvalid, ClusterError.
    """
    if engine is Engine.local:
        yield None
        return
    from lookalike.catalog.bulk.supplying import ray_workers  # the other commands need none of it

    with ray_workers(settings_for(None, model), workers=workers or 0, address=address) as ray:
        with waiting("waiting for the first worker to load the model"):
            _ = ray.model
        yield ray
