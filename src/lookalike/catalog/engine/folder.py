"""The embedded store's folder: who has it, which collections are in it, and where each one's files are.

owner.json, lock     who has the folder; the lock is held by the service and all its workers
names.json           which collection each name means: replaced at once, so that a swap is one rename
collections/<uid>/   collection.json (what it is), current.json (the shard in service), g1, g2, ... (shards)
"""

import fcntl
import json
import os
import re
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from lookalike.durable import remove_tree, sync, write_durably
from lookalike.errors import StoreDamaged, StoreLocked

PATIENCE = 5.0
"""Seconds to wait for the processes of a holder that has just died."""

_UID = re.compile(r"[0-9a-f]{32}")


class Folder:
    """An owned folder. Raises StoreLocked where another process has it, StoreDamaged where it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._collections = path / "collections"
        self._collections.mkdir(parents=True, exist_ok=True)
        self.lock = self._take()
        """A descriptor; the folder is free again when every process that inherited it has closed it."""
        self._writing = threading.Lock()
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self.announce(None)
        self._names = self._read_names()
        self._sweep()

    def _take(self) -> int:
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = self._owner()
                if time.monotonic() < deadline and _has_died(owner):
                    time.sleep(0.02)  # its workers see the end of it within milliseconds
                    continue
                os.close(descriptor)
                raise StoreLocked(
                    self.path,
                    owner.get("pid"),
                    owner.get("host"),
                    owner.get("since"),
                    owner.get("url"),
                ) from None
            return descriptor

    def _owner(self) -> dict[str, Any]:
        try:
            owner = json.loads((self.path / "owner.json").read_text())
        except (OSError, ValueError):
            return {}
        return owner if isinstance(owner, dict) else {}

    def announce(self, url: str | None) -> None:
        """Say who has the folder, and where the service is that goes through to it. Only for whoever finds it
        locked, so a disk without room for it is no error.
        """
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": self._since, "url": url}
        temporary = self.path / "owner.json.new"
        try:
            temporary.write_text(json.dumps(owner))
            temporary.replace(self.path / "owner.json")
        except OSError:
            return

    # Names

    def _read_names(self) -> dict[str, str]:
        try:
            names = json.loads((self.path / "names.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            if any(self._collections.iterdir()):
                reason = "names.json is missing, and there are collections"
                raise StoreDamaged("*", self.path, reason) from None
            write_durably(self.path / "names.json", {})
            return {}
        except (OSError, ValueError) as error:
            raise StoreDamaged("*", self.path, f"names.json: {error}") from None
        return dict(names)

    def _sweep(self) -> None:
        """Remove collections that were being made or dropped when the process ended."""
        known = set(self._names.values())
        for entry in self._collections.iterdir():
            if _UID.fullmatch(entry.name) and entry.name not in known:
                remove_tree(entry)

    @property
    def names(self) -> dict[str, str]:
        """Which collection (uid) each name means."""
        return dict(self._names)

    def rename(self, change: dict[str, str | None]) -> None:
        """Let names mean other collections, or none, all at once and durably."""
        with self._writing:
            names = {**self._names, **{k: v for k, v in change.items() if v is not None}}
            for name, uid in change.items():
                if uid is None:
                    names.pop(name, None)
            write_durably(self.path / "names.json", names)
            self._names = names

    # Collections

    def add(self) -> str:
        """A place for a new collection, which is nothing until a name means it."""
        uid = uuid4().hex
        self.of(uid).mkdir()
        sync(self._collections)
        return uid

    def of(self, uid: str) -> Path:
        """Where a collection's files are."""
        return self._collections / uid

    def remove(self, uid: str) -> None:
        """Remove a collection that no name means."""
        remove_tree(self.of(uid))

    def read(self, name: str, uid: str) -> dict[str, Any]:
        """What a collection is. Raises StoreDamaged."""
        path = self.of(uid) / "collection.json"
        try:
            described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreDamaged(name, path, str(error)) from None
        return described

    def write(self, uid: str, described: dict[str, Any]) -> None:
        """Say what a collection is; durable when this returns."""
        write_durably(self.of(uid) / "collection.json", described)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.lock)


def _has_died(owner: dict[str, Any]) -> bool:
    pid = owner.get("pid")
    if owner.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Killed, but not yet reaped by whoever started it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"
