"""How an engine process is started, and what it does first. Used on both sides, so it stays light."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Child = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1

STATE = "state.json"
"""Beside the shard's own files: how many items its index covers, and how many were written since."""


def spawn(
    module: str, arguments: dict[str, Any], sock: socket.socket, keep: Iterable[int] = ()
) -> Child:
    """Start `python -m module`, which inherits the socket and the descriptors in `keep`.

    On Linux the child is killed when the *thread* that calls this ends, so call it from one that lives as
    long as the child should.
    """
    kept = list(keep)
    described = {**arguments, "socket": sock.fileno(), "parent": os.getpid(), "keep": kept}
    root = str(Path(__file__).parents[3])
    path = os.environ.get("PYTHONPATH")
    return subprocess.Popen(  # noqa: S603 (our own module, our own arguments)
        [sys.executable, "-m", module, json.dumps(described)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[sock.fileno(), *kept],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root},
    )


def arguments(argv: list[str]) -> dict[str, Any]:
    """What `spawn` was given."""
    described: dict[str, Any] = json.loads(argv[1])
    _KEPT[:] = described["keep"]
    return described


_KEPT: list[int] = []


def inherited() -> list[int]:
    """Descriptors that were handed down and must be handed on: the lock on the data folder."""
    return list(_KEPT)


def settle(arguments: dict[str, Any]) -> socket.socket:
    """Tie this process to its parent, leave signals from the terminal to it, and give back the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # to a whole group: the parent drains, then closes us
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != arguments["parent"]:
        sys.exit(1)  # it died before we could be tied to it
    return socket.socket(fileno=arguments["socket"])


def read_state(path: Path) -> dict[str, int]:
    """The state beside a shard; empty where there is none that can be read."""
    try:
        state = json.loads((path / STATE).read_text())
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in state.items() if isinstance(value, int)}


def write_state(path: Path, state: dict[str, int]) -> None:
    """Write it; only a hint of when to build again, so a full disk is no error."""
    temporary = path / f"{STATE}.new"
    try:
        temporary.write_text(json.dumps(state))
        temporary.replace(path / STATE)
    except OSError:
        return
