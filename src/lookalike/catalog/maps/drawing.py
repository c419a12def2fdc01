"""The process that draws: `python -m lookalike.catalog.maps.drawing`, and how it is asked.

Drawing takes seconds of a core, and scikit-learn takes a hundred megabytes: so both are a process's own, of one
thread and the lowest priority, and gone with it. Vectors come in on standard input, and places go out on
standard output.
"""

import ctypes
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

import numpy as np

from lookalike.catalog.maps.layout import Clustering, Floats, Layout, Method, Wanted, lay_out
from lookalike.errors import EngineFailed, ExtraMissing

NICE = 19
TIMEOUT = 300.0
"""Seconds after which a drawing is given up."""

_EXTRA_MISSING = 3
_PR_SET_PDEATHSIG = 1
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1"
)


class Draughtsman:
    """Draws in a process of its own, one map at a time. `stop` ends it from another thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def draw(self, vectors: Floats, wanted: Wanted) -> Layout:
        """The layout of `[n, d]`. Raises EngineFailed, ExtraMissing."""
        root = str(Path(__file__).parents[3])
        path = os.environ.get("PYTHONPATH")
        path = f"{root}{os.pathsep}{path}" if path else root
        with self._lock:
            if self._stopped:
                raise EngineFailed("map", "the service is stopping")
            self._child = subprocess.Popen(  # noqa: S603 (our own module, our own arguments)
                [sys.executable, "-m", __name__, wanted, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            )
        with self._child as child:
            given = io.BytesIO()
            np.save(given, vectors, allow_pickle=False)
            try:
                answer, words = child.communicate(given.getvalue(), timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                raise EngineFailed("map", f"not drawn within {TIMEOUT:.0f} s") from None
        if child.returncode == _EXTRA_MISSING:
            raise ExtraMissing("a map by t-SNE", "map")
        if child.returncode != 0:
            last = words.decode(errors="replace").strip().splitlines()[-1:]
            raise EngineFailed("map", last[0] if last else f"exit status {child.returncode}")
        return _read(answer)

    def stop(self) -> None:
        """End what is being drawn; nothing more is."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()


def _read(data: bytes) -> Layout:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return Layout(
            cast("Method", str(found["method"])),
            cast("Clustering", str(found["clustering"])),
            found["xy"],
            found["clusters"],
        )


def main() -> int:
    """Draw what comes in."""
    wanted, parent = cast("Wanted", sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1  # it died before we could be tied to it
    os.nice(NICE)
    vectors = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    try:
        layout = lay_out(vectors, wanted)
    except ExtraMissing:
        return _EXTRA_MISSING
    out = io.BytesIO()
    np.savez(
        out,
        method=layout.method,
        clustering=layout.clustering,
        xy=layout.xy,
        clusters=layout.clusters,
    )
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
