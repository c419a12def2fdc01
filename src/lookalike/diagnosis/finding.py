"""One line of the doctor's report."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it might, or not for long."""
    BROKEN = "broken"
    """Something that is asked for can't work."""


@dataclass(frozen=True, slots=True)
class Finding:
    state: State
    text: str
    advice: str | None = None
    """What to do, if it is not well."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The same for machines."""
