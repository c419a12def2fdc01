"""What is known of one model of a comparison."""

from lookalike.models.cards import Frozen


class RecallAt(Frozen):
    """Share of the queries with a right answer among the first 1, 5 and 10, 0 to 1."""

    at_1: float
    at_5: float
    at_10: float


class Quality(Frozen):
    """Measured on labelled pictures."""

    pictures: int
    labels: int
    texts: int
    """Different texts that the pictures are searched with: their words, or else their labels'."""
    zero_shot: float | None
    """Share of the pictures whose own label is the nearest, 0 to 1; None with fewer than two labels."""
    text_to_image: RecallAt | None
    image_to_text: RecallAt | None


class Row(Frozen):
    """One model, measured alone in its process."""

    name: str
    precision: str
    runtime: str
    device: str
    threads: int
    fingerprint: str
    bytes: int
    """Of the files that this precision loads."""
    parameters: int
    dimension: int
    load_seconds: float
    image_ms_1: float | None
    image_ms_10: float | None
    """Milliseconds of a call with 1 and 10 pictures: JPEGs of 800x800, decoding included."""
    text_ms_1: float | None
    text_ms_10: float | None
    images_per_second: float | None
    texts_per_second: float | None
    peak_bytes: int | None
    """The process's largest resident memory until then; None where the system doesn't tell."""
    quality: Quality | None = None
    imagenet_published: float | None = None


class Failure(Frozen):
    """A model that could not be measured."""

    name: str
    reason: str


class Comparison(Frozen):
    """All of a comparison: what was measured when, where, and on what."""

    made: str
    processor: str
    cores: float
    version: str
    data: str | None
    source_of_published: str
    rows: tuple[Row, ...]
    failures: tuple[Failure, ...] = ()
