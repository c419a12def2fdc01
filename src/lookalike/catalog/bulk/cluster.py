"""Ray: the one module that calls it."""

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lookalike.catalog.bulk.messages import Answer, Asked, Greeting, Orders, Unfit
from lookalike.catalog.bulk.worker import Worker
from lookalike.errors import (
    ClusterError,
    ClusterUnreachable,
    ExtraMissing,
    LookalikeError,
    SettingInvalid,
)

OBJECTS = 512 * 2**20
"""Bytes of the shared memory of a Ray that is started here. Parcels and answers under way are in it."""

ANSWER = 10.0
"""Seconds in which a cluster has to accept a connection."""

AT_ONCE = 2
"""Parcels that a worker has under way: one is encoded, one is read and decoded."""


class WorkerGoneError(Exception):
    """The process or its machine has ended. Its words say why."""


class Hand(Protocol):
    """A worker as this side holds it. Its methods block; they raise WorkerGoneError."""

    def greet(self) -> Greeting | Unfit:
        """See Worker."""
        ...

    def work(self, orders: Orders, parcel: Sequence[Asked]) -> list[Answer]:
        """See Worker. Raises what it raises there."""
        ...

    def dismiss(self) -> None:
        """End it."""
        ...


class Cluster(Protocol):
    """Somewhere workers are started."""

    def cores(self) -> list[float]:
        """Of each machine."""
        ...

    def gpus(self) -> int:
        """Of all machines."""
        ...

    def hire(self, settings: Mapping[str, Any], threads: int, gpus: int) -> Hand:
        """A new worker, which may have to wait until there is room for it. Returns at once."""
        ...


@contextmanager
def connected(address: str | None, least_cores: int) -> Iterator[Cluster]:
    """The cluster at the address (or of RAY_ADDRESS, or one that was started on this machine), or else, and
    always for `local`, a Ray of our own on this machine that ends with it.

    Sets a handler of SIGTERM. Raises ExtraMissing, SettingInvalid, ClusterUnreachable.
    """
    try:
        import ray
    except ImportError:
        raise ExtraMissing("the engine ray", "ray") from None
    named = address or os.environ.get("RAY_ADDRESS")
    if named and named.startswith("ray://"):
        raise SettingInvalid(
            "--ray-address",
            "Ray's client protocol is not spoken; run this on a machine of the cluster",
        )
    _check_answers(named)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own: dict[str, Any] = {
        "address": "local",
        "num_cpus": least_cores,
        "include_dashboard": False,
        "object_store_memory": OBJECTS,
    }
    try:
        if named == "local":
            ray.init(**own, **quiet)
        else:
            try:
                ray.init(address=named or "auto", **quiet)
            except ConnectionError:
                if named:
                    raise
                ray.init(**own, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterUnreachable(named, _first_line(error)) from error
    try:
        yield _Ray(ray)
    finally:
        ray.shutdown()


def _check_answers(address: str | None) -> None:
    """Ray itself would go on trying for a minute and more. Raises ClusterUnreachable."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnreachable(address, str(getattr(error, "strerror", error)).lower()) from None


@dataclass(frozen=True)
class _Ray:
    ray: Any

    def cores(self) -> list[float]:
        return self._resource("CPU")

    def gpus(self) -> int:
        return int(sum(self._resource("GPU")))

    def _resource(self, name: str) -> list[float]:
        nodes = [node for node in self.ray.nodes() if node["Alive"]]
        return [node["Resources"].get(name, 0.0) for node in nodes]

    def hire(self, settings: Mapping[str, Any], threads: int, gpus: int) -> Hand:
        # Ray must neither start it again nor repeat its calls: that is the crew's, which counts
        kind = self.ray.remote(
            num_cpus=threads,
            num_gpus=gpus,
            max_concurrency=AT_ONCE,
            max_restarts=0,
            max_task_retries=0,
        )(Worker)
        return _Actor(self.ray, kind.remote(settings))


@dataclass(frozen=True, eq=False)
class _Actor:
    ray: Any
    actor: Any

    def greet(self) -> Greeting | Unfit:
        greeting: Greeting | Unfit = self._call("greet")
        return greeting

    def work(self, orders: Orders, parcel: Sequence[Asked]) -> list[Answer]:
        answers: list[Answer] = self._call("work", orders, parcel)
        return answers

    def dismiss(self) -> None:
        self.ray.kill(self.actor)

    def _call(self, name: str, *arguments: object) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(getattr(self.actor, name).remote(*arguments))
        except errors.RayTaskError as error:  # it lives, and its code has raised
            if isinstance(error.cause, LookalikeError):
                raise error.cause from error
            raise ClusterError(f"a worker failed: {_last_line(error)}") from error
        except errors.RayError as error:
            # of a process that could not even begin, the first lines only say where
            began = "creation task" not in str(error)
            raise WorkerGoneError((_first_line if began else _last_line)(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2]
