"""What a support engineer would ask first, answered by looking: one finding for each thing that can be wrong.

Above the encoder, the catalogue and the service, below the command line. Nothing here changes anything on the
machine, and nothing raises: what can't be looked at is a finding too.
"""

from collections.abc import Callable, Iterator

from lookalike.diagnosis import cache, machine, running
from lookalike.diagnosis.finding import Finding, State
from lookalike.settings import Settings

CHECKS: dict[str, Callable[[Settings], Finding]] = {
    "versions": machine.versions,
    "processor": machine.processor,
    "cores": machine.cores,
    "memory": machine.memory,
    "cache folder": cache.folder,
    "models": cache.contents,
    "model": cache.wanted,
    "hub": cache.hub,
    "data folder": running.data,
    "store": running.store,
    "port": running.port,
    "inference": running.inference,
}
"""In the order in which one would ask."""


def examine(settings: Settings) -> Iterator[tuple[str, Finding]]:
    """Name and finding of every check, as they come; the last one loads a model and takes a moment."""
    for name, check in CHECKS.items():
        try:
            yield name, check(settings)
        except Exception as error:  # a doctor that faints helps nobody
            yield (
                name,
                Finding(State.BROKEN, f"it can't be looked at: {error}", "report this with --json"),
            )
