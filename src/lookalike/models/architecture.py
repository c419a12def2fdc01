"""What a tower is made of, as data: everything that the graph builders need besides the weights."""

from dataclasses import dataclass
from typing import Literal

Activation = Literal["quick_gelu", "gelu", "gelu_tanh"]


@dataclass(frozen=True, slots=True)
class Transformer:
    """A stack of pre-norm residual attention blocks."""

    width: int
    layers: int
    heads: int
    mlp_width: int
    activation: Activation
    epsilon: float = 1e-5
    layer_scale: bool = False


@dataclass(frozen=True, slots=True)
class VisionTransformer:
    """Patches, a class token, a transformer, a projection to `dimension`."""

    height: int
    width: int
    patch: tuple[int, int]
    transformer: Transformer
    dimension: int
    pooling: Literal["class", "mean"] = "class"
    norm_before: bool = True
    norm_after_pooling: bool = False

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches; pixels beyond the last whole patch are not seen."""
        return self.height // self.patch[0], self.width // self.patch[1]


@dataclass(frozen=True, slots=True)
class ModifiedResNet:
    """CLIP's ResNet: a stem of three convolutions, average pools where others stride, attention pooling."""

    height: int
    width: int
    layers: tuple[int, int, int, int]
    channels: int
    heads: int
    dimension: int
    epsilon: float = 1e-5


@dataclass(frozen=True, slots=True)
class TextTransformer:
    """Token and position embeddings, a transformer, the end token's vector, a projection to `dimension`."""

    vocab_size: int
    context_length: int
    transformer: Transformer
    dimension: int
    causal: bool = True
    end_id: int | None = None
    """The end token is the first one with this id; None: the first one with the row's highest id."""
    pooling: Literal["end", "first", "last"] = "end"
    projection_bias: bool = False


ImageArchitecture = VisionTransformer | ModifiedResNet
