"""Comparing models: one process for each, one after the other."""

import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

import lookalike
from lookalike.encoder.cores import usable_cores
from lookalike.errors import LookalikeError, MeasurementFailed
from lookalike.evaluation.comparison.measure import Job
from lookalike.evaluation.comparison.published import SOURCE
from lookalike.evaluation.comparison.row import Comparison, Failure, Row

Start = Callable[[Job], Row]


def compare(
    jobs: Sequence[Job | Failure],
    tell: Callable[[str], None] = lambda _: None,
    start: Start | None = None,
) -> Comparison:
    """Measure each; a model that fails is told among the failures, and the others go on."""
    start = start or measure_apart
    rows: list[Row] = []
    failures: list[Failure] = []
    for job in jobs:
        if isinstance(job, Failure):
            failures.append(job)
            continue
        tell(f"measuring {job.name}")
        try:
            rows.append(start(job))
        except LookalikeError as error:
            failures.append(Failure(name=job.name, reason=str(error)))
    return Comparison(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=processor(),
        cores=usable_cores(),
        version=lookalike.__version__,
        data=next((job.data for job in jobs if isinstance(job, Job)), None),
        source_of_published=SOURCE,
        rows=tuple(rows),
        failures=tuple(failures),
    )


def measure_apart(job: Job) -> Row:
    """Measure a model in a process of its own. Raises MeasurementFailed with what that process has said."""
    done = subprocess.run(  # our own module, our own arguments
        [sys.executable, "-m", "lookalike.evaluation.comparison.measure"],
        input=job.model_dump_json().encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        try:
            return Row.model_validate_json(done.stdout.splitlines()[-1])
        except (ValidationError, IndexError):
            raise MeasurementFailed(job.name, "its process gave no result") from None
    if done.returncode < 0:
        reason = (
            f"its process was ended by signal {-done.returncode}; 9 may mean that memory ran out"
        )
    else:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else "its process gave no reason"
    raise MeasurementFailed(job.name, reason)


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
