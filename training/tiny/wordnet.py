"""WordNet's nouns: lemmas, glosses, ancestors and how usual they are, from Debian's `wordnet-base`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VISIBLE = {
    "05": "animal",
    "06": "artifact",
    "08": "body",
    "13": "food",
    "15": "location",
    "17": "object",
    "18": "person",
    "19": "phenomenon",
    "20": "plant",
    "25": "shape",
    "27": "substance",
}
"""Lexicographer files (by number) whose nouns a picture can show."""

_TOO_GENERAL = {
    "entity", "physical entity", "object", "whole", "abstraction", "matter", "substance", "thing",
    "living thing", "organism", "causal agent", "artifact", "instrumentality", "physical object",
    "unit", "part", "relation", "psychological feature", "attribute", "measure", "group",
}  # fmt: skip


@dataclass(frozen=True)
class Synset:
    offset: str
    """Eight digits; ImageNet's ids are `n` and this."""
    file: str
    lemmas: tuple[str, ...]
    parents: tuple[str, ...]
    gloss: str
    """The definition, without the examples."""


class WordNet:
    """All noun synsets by offset.

    `nouns` is the file `data.noun`; `counts`, `cntlist.rev`, says how often each sense of each word was met in
    texts that people have annotated.
    """

    def __init__(self, nouns: Path, counts: Path) -> None:
        self.synsets = {s.offset: s for s in _read(nouns)}
        self._counts: dict[tuple[str, str], int] = {}
        for line in counts.read_text(encoding="utf-8").splitlines():
            sense, _, count = line.split(" ")
            lemma, _, rest = sense.partition("%")
            kind, file, *_ = rest.split(":")
            if kind == "1":
                key = lemma.replace("_", " "), file
                self._counts[key] = self._counts.get(key, 0) + int(count)

    def visible(self) -> list[Synset]:
        """Synsets of things that can be seen, in the file's order."""
        return [s for s in self.synsets.values() if s.file in VISIBLE]

    def usual(self, lemma: str, file: str) -> int:
        """How often `lemma` was met in a sense of this lexicographer file."""
        return self._counts.get((lemma, file), 0)

    def ancestors(self, offset: str, levels: int = 6) -> list[str]:
        """First lemmas of the hypernyms, nearest first, without those that say nothing of a picture."""
        names, seen, level = [], set(), [offset]
        for _ in range(levels):
            level = [p for o in level for p in self.synsets[o].parents if p not in seen]
            seen.update(level)
            names += [self.synsets[o].lemmas[0] for o in level]
        return [n for n in dict.fromkeys(names) if n not in _TOO_GENERAL]


def _read(path: Path) -> Iterator[Synset]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue  # the licence
        data, _, gloss = line.partition(" | ")
        fields = data.split(" ")
        words = int(fields[3], 16)
        lemmas = tuple(fields[4 + 2 * i].replace("_", " ").lower() for i in range(words))
        rest = fields[4 + 2 * words :]
        pointers = [rest[1 + 4 * i : 5 + 4 * i] for i in range(int(rest[0]))]
        parents = tuple(p[1] for p in pointers if p[0] in ("@", "@i") and p[2] == "n")
        yield Synset(fields[0], fields[1], lemmas, parents, gloss.partition('; "')[0].strip())
