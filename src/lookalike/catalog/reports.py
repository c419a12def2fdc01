"""The file that names what a run could not take in, and why."""

import errno
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from lookalike.errors import LookalikeError, StoreFull

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class FailureReport:
    """A line of JSON for each failed entry: `where`, `id`, `code`, `reason`, and the error's facts.

    Written at once, so that a run which is killed leaves what it knew. A run without failures leaves no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        path.unlink(missing_ok=True)

    def add(self, where: str, id: str | None, error: LookalikeError) -> None:  # noqa: A002
        """Name one failure. Raises StoreFull."""
        facts = {name: _plain(value) for name, value in error.facts().items()}
        reason = str(error)
        self.add_line(
            {"where": where, "id": id, "code": error.code, "reason": reason, "facts": facts}
        )

    def add_line(self, line: Mapping[str, Any]) -> None:
        """Name one that another report names."""
        with self._lock:
            self.count += 1
            try:
                if self._file is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = self.path.open("wb", buffering=0)
                self._file.write(json.dumps(dict(line)).encode() + b"\n")
            except OSError as error:
                if error.errno in NO_SPACE:
                    raise StoreFull(str(self.path)) from error
                raise

    def __enter__(self) -> "FailureReport":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
