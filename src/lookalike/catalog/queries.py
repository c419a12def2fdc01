"""What a user asks for, before it is vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

from lookalike.catalog.filters import Filter
from lookalike.catalog.store import Fusion, Target
from lookalike.errors import QueryInvalid


@dataclass(frozen=True, slots=True)
class QueryPart:
    """One thing to look for: words, a picture file's bytes, or an item that is there already.

    A negative weight steers away from it.
    """

    text: str | None = None
    image: bytes | None = None
    item: str | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.text, self.image, self.item)) != 1:
            raise QueryInvalid("a part is either a text, an image or an item")
        if self.text is not None and not self.text.strip():
            raise QueryInvalid("a text is empty")
        if not -1000 <= self.weight <= 1000 or self.weight == 0:
            raise QueryInvalid("a weight must be from -1000 to 1000 and not 0")


@dataclass(frozen=True, slots=True)
class Query:
    """What to find, in a collection. See `store.Search` for what the fields mean there.

    `target` image finds pictures, text finds descriptions, hybrid asks both and BM25, and fuses the answers.
    """

    parts: tuple[QueryPart, ...]
    target: Target = "image"
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    diversity: float = 0.0
    threshold: float | None = None
    fusion: Fusion = "rrf"
    exact: bool = False
    within: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise QueryInvalid("nothing to search for")
        if all(part.weight < 0 for part in self.parts):
            raise QueryInvalid("at least one part must have a positive weight")

    @property
    def words(self) -> str | None:
        """What BM25 looks for: all texts of positive weight."""
        texts = [part.text for part in self.parts if part.text is not None and part.weight > 0]
        return " ".join(texts) or None


def texts_and_images(parts: Sequence[QueryPart]) -> tuple[list[str], list[bytes]]:
    """What the encoder has to encode, in order."""
    texts = [part.text for part in parts if part.text is not None]
    images = [part.image for part in parts if part.image is not None]
    return texts, images
