"""The vector store behind the catalogue: one protocol, and the data that goes through it.

Two adapters implement it: `EmbeddedStore` (Qdrant's engine in a process of its own) and `ServerStore`
(a Qdrant server or cluster). `open_store` picks by settings. Where they differ is in docs/catalogue-store.md.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from lookalike.catalog.attributes import Kind
from lookalike.catalog.filters import Filter
from lookalike.catalog.items import Item, Record, Vector
from lookalike.errors import CollectionNameInvalid, QueryInvalid

VectorName = Literal["image", "text"]
Target = Literal["image", "text", "hybrid"]
Fusion = Literal["rrf", "dbsf"]

MAX_DEPTH = 10_000
"""How deep paging goes: offset + limit. Beyond it a scroll is the right tool."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_name(name: str) -> str:
    """The name, if a collection can have it. Raises CollectionNameInvalid."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CollectionNameInvalid(str(name))
    return name


# Collections


class IndexSettings(BaseModel):
    """How a collection is indexed. All may be changed later; what each costs is in docs/catalogue-store.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    m: Annotated[int, Field(ge=4, le=128)] = 16
    """Edges of each node of the HNSW graph."""
    ef_construct: Annotated[int, Field(ge=8, le=2000)] = 128
    """Candidates looked at for each edge while building."""
    ef: Annotated[int, Field(ge=8, le=4096)] = 64
    """Candidates looked at while searching."""
    index_from: Annotated[int, Field(ge=100)] = 20_000
    """Items from which a graph is built; below, and for so many added since, search is exact."""
    quantization: Literal["auto", "scalar", "off"] = "auto"
    """`scalar`: the graph is walked on int8 copies, and the best are scored again with the float32 ones.
    `auto`: from `quantize_from` items on."""
    quantize_from: Annotated[int, Field(ge=0)] = 50_000
    quantile: Annotated[float, Field(ge=0.5, le=1)] = 0.99
    """Share of the values that int8 covers without clipping."""
    oversampling: Annotated[float, Field(ge=1, le=16)] = 2.0
    """With quantization: how many times the asked-for number is scored again exactly."""
    attributes: tuple[str, ...] | None = None
    """Attributes with a payload index; None: those seen first, at most 64, of a kind that can have one."""
    language: str = "english"
    """Stemming and stop words of BM25, or `none`. Fixed when the collection is made."""


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What a collection is made for. `fingerprint` and `dimension` are the model's."""

    fingerprint: str
    model: str
    dimension: int
    settings: IndexSettings = field(default_factory=IndexSettings)


@dataclass(frozen=True, slots=True)
class IndexState:
    """Where the HNSW index of a collection stands.

    `exact`: small enough to be searched without one. `ready`: in service. `building`: a new one is being
    made; search goes on meanwhile with the old one, or exactly. `failed`: the last build failed (`reason`);
    the old one stays in service.
    """

    state: Literal["exact", "ready", "building", "failed"]
    indexed: int = 0
    """Items that the index in service covers."""
    pending: int = 0
    """Items written since it was begun; they are searched exactly."""
    quantized: bool = False
    build_seconds: float | None = None
    """How long the last build took."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What is known of a collection. Counting is exact."""

    name: str
    fingerprint: str
    model: str
    dimension: int
    created: str
    """ISO 8601, UTC."""
    settings: IndexSettings
    items: int
    index: IndexState
    attributes: Mapping[str, Kind]
    bytes_on_disk: int | None = None
    """None where the store doesn't say (a server)."""


# Reading


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, in the store's own stable order (of the points' ids), and where the next page begins."""

    records: tuple[Record, ...]
    next: str | None
    """Give it as `after`; None on the last page."""


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Some of a collection's items, and what to give as `after` for those that follow; None at the end."""

    items: tuple[Item, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class DigestPage:
    """Ids and digests only, for comparing a feed with what is stored."""

    digests: tuple[tuple[str, str | None], ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of an attribute, and how many items have it. An item with two values counts for both."""

    value: str | int | bool
    count: int


# Searching


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One thing that a query is made of: a unit vector, or an item that is there already.

    An item stands for its vector of the kind that is searched, or else for its other one.
    A negative weight steers away.
    """

    vector: Vector | None = None
    item: str | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if (self.vector is None) == (self.item is None):
            raise QueryInvalid("a part is either a vector or an item")
        if not -1000 <= self.weight <= 1000 or self.weight == 0:
            raise QueryInvalid("a weight must be from -1000 to 1000 and not 0")


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What to find. The weighted `parts` are added up and normalised: one query vector per kind of target.

    `target` image: against pictures; text: against descriptions; hybrid: against both, and with `words` by
    BM25 over title and description, fused by Qdrant (`fusion`).

    Scores are cosines for the targets image and text. With hybrid they are the fusion's: reciprocal ranks
    (rrf), or sums of scores normalised per list (dbsf); they order one answer and mean nothing outside it.
    """

    parts: tuple[Part, ...] = ()
    target: Target = "image"
    words: str | None = None
    """The query's words for BM25; only with hybrid. Without parts: BM25 alone."""
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    diversity: float = 0.0
    """0: by score alone. Up to 1: Qdrant's MMR trades score for being unlike the hits before."""
    threshold: float | None = None
    """Cosine below which nothing is a hit; not with hybrid."""
    fusion: Fusion = "rrf"
    exclude: tuple[str, ...] = ()
    """Items that must not be among the hits. Items among the parts never are."""
    within: tuple[str, ...] | None = None
    """Ids: only these can be hits."""
    exact: bool = False
    """Compare with every item, index or not."""
    fingerprint: str | None = None
    """Of the model that made the vectors; checked against the collection's. None only without vectors."""

    def __post_init__(self) -> None:
        if self.limit < 1 or self.offset < 0 or self.limit + self.offset > MAX_DEPTH:
            raise QueryInvalid(
                f"limit must be at least 1, and offset + limit at most {MAX_DEPTH:,}"
            )
        if not 0 <= self.diversity <= 1:
            raise QueryInvalid("diversity must be from 0 to 1")
        if self.words is not None and self.target != "hybrid":
            raise QueryInvalid(
                "words are for the target hybrid; elsewhere, embed them and give a vector"
            )
        if not self.parts and not (self.words and self.words.strip()):
            raise QueryInvalid("nothing to search for")
        if self.threshold is not None and self.target == "hybrid":
            raise QueryInvalid("a threshold needs cosines, which hybrid scores are not")
        if self.fingerprint is None and any(part.vector is not None for part in self.parts):
            raise QueryInvalid("vectors need the fingerprint of the model that made them")


@dataclass(frozen=True, slots=True)
class Recommend:
    """Items like those liked and unlike those disliked; never one of the given.

    `average`: nearest to twice the mean of the liked less the mean of the disliked; scores are cosines to it.
    `best`: Qdrant's best-score strategy, for likes that differ among themselves; scores only order.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    target: VectorName = "image"
    strategy: Literal["average", "best"] = "average"
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    within: tuple[str, ...] | None = None
    """Ids: only these can be hits."""

    def __post_init__(self) -> None:
        if not self.positive:
            raise QueryInvalid("recommend needs at least one liked item")
        if self.limit < 1 or self.offset < 0 or self.limit + self.offset > MAX_DEPTH:
            raise QueryInvalid(
                f"limit must be at least 1, and offset + limit at most {MAX_DEPTH:,}"
            )


@dataclass(frozen=True, slots=True)
class Hit:
    """An item found, and its score; the best comes first."""

    id: str
    score: float
    item: Item


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items whose vectors are near duplicates. `first` is the one that comes first in scroll order."""

    first: str
    second: str
    score: float
    """Their cosine."""


class VectorStore(Protocol):
    """Collections of records. Every method may be called from any thread, several at once, and blocks until
    it is done without holding the interpreter lock for long; from asyncio, call it in a thread.

    Every method raises StoreUnavailable (retriable) when the engine's process or the server goes away, and
    the writing ones StoreFull. Those that take a collection's name raise CollectionMissing.
    A write is acknowledged by returning: from then on it survives SIGKILL of any process, and is seen by
    every later call. Writes can be repeated without harm.
    """

    # Collections

    def create(self, name: str, spec: CollectionSpec) -> CollectionFacts:
        """A new, empty collection. Raises CollectionExists, CollectionNameInvalid."""
        ...

    def drop(self, name: str) -> None:
        """Remove the collection with all that is in it."""
        ...

    def collections(self) -> list[CollectionFacts]:
        """The facts of all collections, by name."""
        ...

    def facts(self, name: str) -> CollectionFacts:
        """What is known of one collection."""
        ...

    def configure(self, name: str, settings: IndexSettings) -> CollectionFacts:
        """Change the index settings. What is in the graph changes with the next build, which begins at once if
        it needs one; search goes on. Raises SettingInvalid where one can't be changed.
        """
        ...

    def replace(self, name: str, by: str) -> None:
        """At once, `name` is what `by` was; what `name` was is dropped, and the name `by` is gone.
        `name` need not be there before.
        """
        ...

    # Records

    def upsert(self, name: str, fingerprint: str, records: Sequence[Record]) -> None:
        """Store records; one with an id that is there replaces it wholly. Any number may be given: they are
        sent in pieces, in order, so that a failure half way leaves a first part stored.

        Raises FingerprintMismatch, VectorInvalid (before anything is stored).
        """
        ...

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items; how many of them were there."""
        ...

    def get(self, name: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """The records of those ids that are there. Vectors only when asked for."""
        ...

    def digests(self, name: str, ids: Sequence[str]) -> dict[str, str | None]:
        """The digests of those ids that are there: the cheap way to see what has changed."""
        ...

    def scroll(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        after: str | None = None,
        limit: int = 256,
        vectors: bool = False,
    ) -> Page:
        """One page of all records, in a stable order. A record that is there from the first page to the last
        is given exactly once, whatever is written meanwhile. Raises FilterInvalid.
        """
        ...

    def scroll_digests(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        after: str | None = None,
        limit: int = 4096,
    ) -> DigestPage:
        """As `scroll`, but ids and digests only."""
        ...

    def count(self, name: str, filter: Filter | None = None) -> int:  # noqa: A002
        """How many items there are, or how many pass the filter; exact."""
        ...

    # Finding

    def search(self, name: str, search: Search) -> list[Hit]:
        """The hits, best first; equal scores by id. Pages (same search, next offset) neither repeat nor skip an
        item as long as nothing is written.

        Raises FingerprintMismatch, VectorInvalid, ItemMissing, FilterInvalid, QueryInvalid.
        """
        ...

    def recommend(self, name: str, recommend: Recommend) -> list[Hit]:
        """Raises ItemMissing, FilterInvalid."""
        ...

    def facet(
        self,
        name: str,
        attribute: str,
        *,
        filter: Filter | None = None,  # noqa: A002
        limit: int = 10,
    ) -> list[FacetValue]:
        """The most frequent values, with exact counts; equal counts by value. Raises FacetUnavailable."""
        ...

    def duplicates(
        self,
        name: str,
        *,
        threshold: float,
        target: VectorName = "image",
        filter: Filter | None = None,  # noqa: A002
        observer: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Pair]:
        """Every pair of items whose cosine is at least `threshold`, each once, in bounded memory whatever the
        size. The first comes before the last is found; takes about one search per item. `observer` is told
        every now and then how many items have been looked at.
        """
        ...

    # Index and files

    def build_index(self, name: str, *, wait: bool = False) -> IndexState:
        """Begin an index build now if it would change anything; search and writes go on. With `wait`, return
        when it is in service; raises EngineFailed if it failed.
        """
        ...

    def flush(self, name: str | None = None) -> None:
        """Bring one collection, or all, to the disk, so that they survive the loss of power too."""
        ...

    def snapshot(self, name: str, path: Path) -> int:
        """Write the collection to one file, which appears only when complete; how many items it holds.
        Writes go on meanwhile; those acknowledged before are in it.
        """
        ...

    def restore(self, name: str, path: Path) -> CollectionFacts:
        """A new collection from a snapshot, of either adapter; it appears only when complete. Raises
        SnapshotInvalid, CollectionExists.
        """
        ...

    def announce(self, url: str) -> None:
        """Tell whoever finds the store in use by this process where the service that holds it is."""
        ...

    def alive(self) -> bool:
        """Whether calls can be answered now, without waiting."""
        ...

    def close(self) -> None:
        """Flush and let go. Closing twice is no error."""
        ...

    def __enter__(self) -> "VectorStore": ...

    def __exit__(self, *_: object) -> None: ...
