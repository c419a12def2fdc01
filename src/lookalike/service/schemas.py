"""The bodies of the native routes, as the OpenAPI document shows them.

Responses are described here and written by orjson: to build the models would cost more than to embed a word.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lookalike.catalog.store import Target
from lookalike.service.responses import EncodingFormat

IMAGE = "A picture file as base64, as a data URI, or (where the service allows it) as a URL."

ImageText = Annotated[str, Field(min_length=1, description=IMAGE)]
Embedding = Annotated[
    list[float] | str, Field(description="float32 numbers, or base64 of them, little-endian.")
]


class Body(BaseModel):
    """A request. An unknown field is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


def _example(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class Problem(BaseModel):
    """RFC 9457, with the facts of the error as further fields."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:lookalike:problem:image_too_large"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["picture has 100,000,000 pixels, more than the limit of 64,000,000"]
    )
    code: str = Field(examples=["image_too_large"])


class PictureError(BaseModel):
    """What is wrong with one picture of several."""

    index: int
    code: str
    detail: str


# Health


class Alive(BaseModel):
    """`restarts`: workers that failed and were replaced; `hung`: those that hung and were left behind. Both
    are left out while there are none."""

    status: Literal["alive", "failed"]
    restarts: int | None = None
    hung: int | None = None
    reason: str | None = None


class Readiness(BaseModel):
    """Whether the model answers."""

    status: Literal["ready", "loading", "failed", "stopping"]
    model: str
    reason: str | None = None


# Embedding


class TextRequest(Body):
    """One text, or several."""

    model_config = _example({"text": "a red dress"}, {"texts": ["a red dress", "blue jeans"]})

    text: str | None = None
    texts: Annotated[list[str], Field(min_length=1)] | None = None
    encoding_format: EncodingFormat = "float"

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text or texts")
        return self


class ImageRequest(Body):
    """One picture, or several."""

    model_config = _example({"image": "data:image/jpeg;base64,/9j/4AAQ..."})

    image: ImageText | None = None
    images: Annotated[list[ImageText], Field(min_length=1)] | None = None
    encoding_format: EncodingFormat = "float"

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.image is None) == (self.images is None):
            raise ValueError("give either image or images")
        return self


class OneEmbedding(BaseModel):
    """`truncated`: [0] where the text was longer than the model's context and was cut."""

    model: str
    dimension: int
    embedding: Embedding
    truncated: list[int] = []


class Embeddings(BaseModel):
    """In the order of the request. A picture that failed is null, and `errors` says why."""

    model: str
    dimension: int
    embeddings: list[Embedding | None]
    errors: list[PictureError]
    truncated: list[int] = Field(
        [],
        description="Places of the texts that were longer than the model's context and were cut.",
    )


# Similarity and classification

TwoLists = Annotated[list[list[str]], Field(min_length=2, max_length=2)]
OneList = Annotated[list[str], Field(min_length=1)]


class SimilarityRequest(Body):
    """Texts and pictures, or two lists of one kind."""

    model_config = _example(
        {"texts": ["a red dress", "blue jeans"], "images": ["data:image/jpeg;base64,/9j/4AAQ..."]},
        {"texts": [["a red dress"], ["a dress", "a red skirt", "a dog"]]},
    )

    texts: OneList | TwoLists | None = None
    images: OneList | TwoLists | None = None

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        sides = sum(_sides(given) for given in (self.texts, self.images))
        if sides != 2:
            raise ValueError("give texts and images, or two lists of one kind")
        for given in (self.texts, self.images):
            if given and isinstance(given[0], list) and not all(given):
                raise ValueError("a list is empty")
        return self


def _sides(given: list[str] | list[list[str]] | None) -> int:
    return 0 if given is None else 2 if isinstance(given[0], list) else 1


class Similarity(BaseModel):
    """Cosines, -1 to 1: a row for each of the first side (texts, or the first list), a column for each of the
    second. null where a picture failed."""

    model: str
    similarity: list[list[float | None]]
    errors: list[PictureError]
    truncated: list[int]


class ClassifyRequest(Body):
    """A picture, or several, and what they may show."""

    model_config = _example(
        {"image": "data:image/jpeg;base64,/9j/4AAQ...", "labels": ["dress", "shoe", "bag"]}
    )

    image: ImageText | None = None
    images: Annotated[list[ImageText], Field(min_length=1)] | None = None
    labels: Annotated[list[str], Field(min_length=1)]
    template: str = Field("a photo of a {}", description="{} stands for the label.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.image is None) == (self.images is None):
            raise ValueError("give either image or images")
        if "{}" not in self.template:
            raise ValueError("the template needs {} where the label goes")
        return self


class Classification(BaseModel):
    """`probabilities`: softmax of logit scale times cosine, in the order of `labels`; a list of such lists for
    `images`, null where a picture failed. `best`: the most likely label, likewise."""

    model: str
    labels: list[str]
    probabilities: list[float] | list[list[float] | None]
    best: str | list[str | None]
    logit_scale: float
    errors: list[PictureError] = []
    truncated: list[int] = Field([], description="Places of the labels that were cut.")


# Collections


class ItemModel(BaseModel):
    """One thing of a catalogue."""

    id: str = Field(examples=["sku-1"])
    image: str | None = None
    title: str | None = Field(None, examples=["Red summer dress"])
    description: str | None = None
    attributes: dict[str, Any] = Field({}, examples=[{"colour": "red", "price": 39.9}])


class IndexModel(BaseModel):
    """Where the index stands."""

    state: str
    indexed: int
    pending: int
    quantized: bool
    build_seconds: float | None
    reason: str | None


class CollectionModel(BaseModel):
    """What is known of a collection."""

    name: str
    model: str
    fingerprint: str
    dimension: int
    created: str
    items: int
    attributes: dict[str, str]
    index: IndexModel
    settings: dict[str, Any]
    bytes_on_disk: int | None


class CollectionList(BaseModel):
    """All collections, by name."""

    collections: list[CollectionModel]


class ItemError(BaseModel):
    """Why an item was not stored."""

    code: str
    detail: str


class ItemOutcome(BaseModel):
    """What became of one item. `id` is null where not even that could be read."""

    index: int
    id: str | None
    stored: bool
    status: Literal["added", "updated", "unchanged", "failed"]
    error: ItemError | None = None


class ItemsOutcome(BaseModel):
    """What became of all, in the order of the request."""

    collection: str
    added: int
    updated: int
    unchanged: int
    failed: int
    items: list[ItemOutcome]


class QueryPartModel(Body):
    """One thing to look for, and how much it counts; a negative weight steers away."""

    text: str | None = None
    image: ImageText | None = None
    item: str | None = None
    weight: float = 1.0


class SearchRequest(Body):
    """What to look for: `text`, `image`, `item`, or all that and more in `query`."""

    model_config = _example(
        {"text": "a red dress", "limit": 5, "filter": {"price": {"lt": 50}}},
        {"query": [{"item": "sku-1"}, {"text": "in blue", "weight": 0.5}], "target": "hybrid"},
        {"item": "sku-1", "threshold": 0.8},
    )

    text: str | None = None
    image: ImageText | None = None
    item: str | None = None
    query: list[QueryPartModel] = Field([], max_length=32)
    target: Target = Field("image", description="Find pictures, descriptions, or both and words.")
    limit: int = Field(10, ge=1)
    offset: int = Field(0, ge=0)
    filter: dict[str, Any] | None = None
    diversity: float = Field(0.0, ge=0, le=1)
    within: list[str] | None = Field(
        None, min_length=1, max_length=10_000, description="Ids: find among these items only."
    )
    threshold: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="The least score (cosine) of a hit; not with the target hybrid.",
    )


class RecommendRequest(Body):
    """Items like these, and unlike those."""

    model_config = _example({"positive": ["sku-1", "sku-7"], "negative": ["sku-3"], "limit": 5})

    positive: Annotated[list[str], Field(min_length=1, max_length=256)]
    negative: list[str] = Field([], max_length=256)
    within: list[str] | None = Field(
        None, min_length=1, max_length=10_000, description="Ids: find among these items only."
    )
    target: Literal["image", "text"] = "image"
    strategy: Literal["average", "best"] = Field(
        "average",
        description="`best` is for likes that differ much among themselves; its scores only order.",
    )
    limit: int = Field(10, ge=1)
    offset: int = Field(0, ge=0)
    filter: dict[str, Any] | None = None


class HitModel(BaseModel):
    """An item found."""

    id: str
    score: float
    item: ItemModel


class Hits(BaseModel):
    """The best first."""

    hits: list[HitModel]
    took_ms: float
