"""How many cores this process may really use: affinity and the container's quota, not the machine's count."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = CGROUP) -> float:
    """Cores by affinity, or fewer if a CPU quota (cgroup v2 or v1) allows less; may be a fraction."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # macOS, Windows
        cores = float(os.cpu_count() or 1)
    quota = _quota(cgroup)
    return cores if quota is None else min(cores, quota)


def inference_threads(asked: int = 0, cgroup: Path = CGROUP) -> int:
    """`asked`, or if it is 0 one thread for each whole core; half a core counts as one thread.

    Rounded down: a thread more than the quota pays for is throttled, and the others wait for it at the
    end of every layer.
    """
    return asked if asked > 0 else max(1, math.floor(usable_cores(cgroup)))


def _quota(cgroup: Path) -> float | None:
    limits = [_quota_v2(folder) for folder in own_groups(cgroup)]
    limits.append(_quota_v1(cgroup / "cpu"))
    known = [limit for limit in limits if limit is not None]
    return min(known, default=None)


def own_groups(cgroup: Path) -> list[Path]:
    """The process's cgroup v2 folder and those above it: a limit of any of them holds."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return [cgroup]
    path = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
    folders = [cgroup]
    for part in path.split("/") if path else []:
        folders.append(folders[-1] / part)
    return folders


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
        return None if quota <= 0 else quota / period
    except (OSError, ValueError, ZeroDivisionError):
        return None
