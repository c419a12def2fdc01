"""Changing what is on disk so that a reader, after whatever happens, finds the old or the new."""

import json
import os
import shutil
from pathlib import Path
from typing import Any


def write_durably(path: Path, data: dict[str, Any]) -> None:
    """Replace a JSON file at once, on the disk when this returns. Raises OSError; then the old one stands."""
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or a folder's entries, to the disk: what a rename makes visible is then really there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder and what is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)
