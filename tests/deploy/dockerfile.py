"""Reads a Dockerfile as Docker does, as far as ours goes: stages, continued lines, ARG and ENV."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


@dataclass
class Step:
    """One instruction, variables not yet put in."""

    word: str
    rest: str

    def items(self) -> list[str]:
        """Of the forms that are a JSON list or words."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass
class Stage:
    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def of(self, word: str) -> list[Step]:
        return [step for step in self.steps if step.word == word]


def read(path: Path = DOCKERFILE) -> tuple[dict[str, str], dict[str, Stage]]:
    """The arguments before the first stage, and the stages in order, by name."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = Stage(name, base)
        elif not stages:
            assert word == "ARG", line
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            list(stages.values())[-1].steps.append(Step(word, rest.strip()))
    return arguments, stages


def filled(text: str, values: dict[str, str]) -> str:
    """With $X, ${X}, ${X:-default} and ${X:+alternative} put in."""

    def value(found: re.Match[str]) -> str:
        name, kind, other = found[1] or found[2], found[3], found[4]
        have = values.get(name, "")
        if kind == ":-":
            return have or other
        return (other if have else "") if kind == ":+" else have

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?:(:[-+])([^}]*))?\})", value, text)


def pairs(step: Step) -> dict[str, str]:
    """Of ENV, ARG and LABEL."""
    return dict(word.partition("=")[::2] for word in shlex.split(step.rest))


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """The stages that an image of this one is made of, the first first."""
    stage = stages[name]
    return [*(lineage(stages, stage.base) if stage.base in stages else []), stage]
