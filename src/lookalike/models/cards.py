"""The model card: what a model is, as frozen, validated data.

Everything in which models differ outside their graphs is a field here, so that no code outside `models/`
knows one model from another: the picture's size, resize and crop, the tokenizer file and its special ids,
how text is cleaned and padded, the logit scale, where the weights came from and their hashes.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lookalike.errors import CardInvalid

FORMAT: Final = 1
"""Version of the card's format. A card with a higher one was written by a newer Lookalike."""

TowerName = Literal["image", "text"]
TOWERS: tuple[TowerName, ...] = ("image", "text")

Size = Annotated[int, Field(gt=0, le=4096)]
Channels = tuple[float, float, float]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class ImageSpec(Frozen):
    """How a picture becomes the image tower's input: uint8 pixels `[batch, height, width, 3]`, RGB.

    `mean` and `std` are folded into the graph; they stand here for the reader and for the fingerprint.
    """

    height: Size
    width: Size
    mean: Channels
    std: Channels
    resize: Literal["shortest", "longest", "squash"] = "shortest"
    """`shortest`: the shorter side becomes the tower's, then the centre is cropped. `longest`: the longer
    side does, and the rest is filled with `fill`. `squash`: both sides, whatever that does to the shape."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    fill: Annotated[int, Field(ge=0, le=255)] = 0
    max_aspect: Annotated[float, Field(ge=1)] | None = None
    """Before resizing, the longer side is cropped around the centre to at most this times the shorter."""


class TextSpec(Frozen):
    """How a string becomes the text tower's input: int64 token ids `[batch, length]`."""

    context_length: Annotated[int, Field(gt=2, le=8192)]
    vocab_size: Annotated[int, Field(gt=2)]
    start_id: Annotated[int, Field(ge=0)]
    end_id: Annotated[int, Field(ge=0)]
    pad_id: Annotated[int, Field(ge=0)]
    tokenizer: FileName = "tokenizer.json"
    clean: Literal["openclip", "none"] = "openclip"
    """`openclip`: mend the encoding with ftfy, unescape HTML twice, fold white space, lower the case, and
    skip the tokenizer file's own normaliser. `none`: the tokenizer file says it all."""
    padding: Literal["trim", "context"] = "trim"
    """`trim`: padding after the end token changes nothing (causal or masked attention), so a batch is padded
    to its longest text only. `context`: the tower was trained on full rows and must always see them."""

    @model_validator(mode="after")
    def _ids_in_vocabulary(self) -> Self:
        for name in ("start_id", "end_id", "pad_id"):
            if getattr(self, name) >= self.vocab_size:
                raise ValueError(f"{name} must be below vocab_size ({self.vocab_size})")
        return self


class Source(Frozen):
    """Where the weights came from."""

    repository: str | None = None
    revision: str | None = None
    """The commit, not a branch."""
    layout: Literal["openclip", "huggingface", "ready-made"]
    files: dict[str, Sha256] = {}
    """Hashes of the files that were converted."""


class TowerGraphs(Frozen):
    """The graph files of one tower, by precision. `fp32` is the exact one.

    Without a file of its own, bf16 is made from it by the runtime: the vectors are as good, but it takes
    more memory. fp16 (for GPUs) and int8 need theirs.
    """

    fp32: FileName
    bf16: FileName | None = None
    fp16: FileName | None = None
    int8: FileName | None = None
    parameters: Annotated[int, Field(ge=0)]
    """How many numbers the tower has learned."""
    stored: Literal["float32", "float16", "int8"] = "float32"
    """How the fp32 graph's weights are stored. Anything but float32 only where that loses nothing, or where
    the model was made that way."""


class ModelCard(Frozen):
    """One dual encoder: its towers, their input, and its origin. Read from and written to `model.json`."""

    format: Literal[1] = FORMAT
    name: Annotated[str, Field(min_length=1, max_length=200)]
    architecture: Annotated[str, Field(min_length=1)]
    """For people: `ViT-B-32`, `ModifiedResNet`, ..."""
    activation: Literal["quick_gelu", "gelu", "gelu_tanh", "other"]
    dimension: Annotated[int, Field(gt=0)]
    logit_scale: Annotated[float, Field(gt=0)]
    """Factor (not its logarithm) from cosine to logit, as `/classify` uses it; CLIP's is near 100."""
    logit_bias: float = 0.0
    image: ImageSpec | None
    text: TextSpec | None
    graphs: dict[TowerName, TowerGraphs]
    source: Source
    files: dict[FileName, Sha256]
    """Hashes of the bundle's own files, the card excepted."""
    licence: str | None = None
    notes: str | None = None

    @model_validator(mode="after")
    def _towers_agree(self) -> Self:
        if not self.graphs:
            raise ValueError("a model needs at least one tower")
        for tower in TOWERS:
            if (getattr(self, tower) is None) != (tower not in self.graphs):
                raise ValueError(f"`{tower}` and `graphs.{tower}` must both be there, or neither")
        named = {f for g in self.graphs.values() for f in (g.fp32, g.bf16, g.fp16, g.int8) if f}
        if self.text is not None:
            named.add(self.text.tokenizer)
        if missing := named - self.files.keys():
            raise ValueError(f"no hash for {', '.join(sorted(missing))}")
        return self

    @property
    def towers(self) -> tuple[TowerName, ...]:
        return tuple(t for t in TOWERS if t in self.graphs)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The card in a `model.json`. Raises CardInvalid."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CardInvalid(
                path, "there is no such file, so the folder is not a bundle"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CardInvalid(path, str(error)) from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path | str = "model.json") -> Self:
        """The card in a JSON text; `path` is for the error. Raises CardInvalid."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise CardInvalid(path, _reason(error)) from None

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if where == "format" and isinstance(first["input"], int) and first["input"] > FORMAT:
        return (
            f"format {first['input']} is newer than this version reads ({FORMAT}); update Lookalike"
        )
    if first["type"] == "json_invalid":
        return f"not JSON: {first['ctx']['error']}"
    return f"{where}: {first['msg']}" if where else str(first["msg"])
