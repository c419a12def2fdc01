"""What a page shows in code: fenced blocks with their place, and the spans within its prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```[ ]*$", re.M | re.S)
_SPAN = re.compile(r"`([^`\n]+)`")
_PROMPT = "$ "
_HERE = re.compile(r"<<'?(\w+)'?$")


@dataclass(frozen=True)
class Code:
    """A block or a span of a page. `line`: where it begins, from 1. A span has the language `span`."""

    line: int
    language: str
    text: str


def blocks(page: Path) -> Iterator[Code]:
    """The fenced blocks; what a list indents loses its indentation."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent = re.compile(rf"^{found[1]}", re.M)
        yield Code(text.count("\n", 0, found.start(3)) + 1, found[2], indent.sub("", found[3]))


def spans(page: Path) -> Iterator[Code]:
    """The code within the prose."""
    text = page.read_text(encoding="utf-8")
    prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        for found in _SPAN.finditer(line):
            yield Code(number, "span", found[1])


def typed(block: Code) -> str:
    """What one would type, line for line: of a `console` block not the prompts, and nothing of the output."""
    if block.language != "console":
        return block.text
    lines: list[str] = []
    until: str | None = None
    goes_on = False
    for line in block.text.splitlines():
        if not goes_on and not line.startswith(_PROMPT):
            lines.append("")
            continue
        if not goes_on:
            opened = _HERE.search(line)
            until = opened[1] if opened else None
        command = line if goes_on else line.removeprefix(_PROMPT)
        lines.append(command)
        goes_on = (until is not None and command != until) or command.endswith("\\")
    return "\n".join(lines) + "\n"
