"""What a benchmark's figures become on a page: lines of Markdown, and plots beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, Any]
IMAGES = "images"
"""The plots' folder, as seen from the page."""


@dataclass(slots=True)
class Rendered:
    """Markdown, and the SVGs that it shows by their file names."""

    lines: list[str] = field(default_factory=list)
    plots: dict[str, str] = field(default_factory=dict)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> "Rendered":
        """Add a table; its head may be of empty names."""
        written = [*map(_row, (head, ["---"] * len(head), *rows))]
        self._paragraph(written)
        return self

    def text(self, text: str) -> "Rendered":
        """Add a paragraph."""
        self._paragraph([text])
        return self

    def plot(self, name: str, about: str, svg: str) -> "Rendered":
        """Add a plot as `images/NAME.svg`; `about` is for those who can't see it."""
        self.plots[f"{name}.svg"] = svg
        self._paragraph([f"![{about}]({IMAGES}/{name}.svg)"])
        return self

    def _paragraph(self, lines: Sequence[str]) -> None:
        self.lines += ["", *lines] if self.lines else lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
