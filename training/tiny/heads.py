"""The two small heads that join picture and words, as PyTorch trains them and as plain arrays for export."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class ImageHead:
    """From what the backbone says to the joint space:
    `softmax(logits / temperature) @ class_vectors + weight @ [pooled, early, sqrt(shares)] + bias`.
    """

    class_vectors: NDArray[np.float32]
    """[1000, dim]"""
    temperature: float
    weight: NDArray[np.float32]
    """[dim, features]"""
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class TextHead:
    """From a text encoder's unit vector to the joint space: it less its mean, plus a small residual."""

    mean: NDArray[np.float32]
    up: NDArray[np.float32]
    up_bias: NDArray[np.float32]
    down: NDArray[np.float32]
    down_bias: NDArray[np.float32]


class TrainedImageHead(nn.Module):
    def __init__(
        self, class_vectors: Tensor, temperature: float, mean: Tensor, deviation: Tensor
    ) -> None:
        """`mean`, `deviation`: of the features over the training pictures, [features]."""
        super().__init__()
        self.temperature = temperature
        self.class_vectors = nn.Parameter(class_vectors.clone())
        self.first_vectors: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("first_vectors", class_vectors)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.residual = nn.Linear(len(mean), class_vectors.shape[1])
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def forward(self, read: Tensor, logits: Tensor, drop: float = 0.0) -> Tensor:
        """Unit vectors [n, dim]; `read` is [pooled, early, sqrt(shares)]."""
        named = torch.softmax(logits / self.temperature, 1) @ self.class_vectors
        standard = F.dropout((read - self.mean) / self.deviation, drop, self.training)
        return F.normalize(named + self.residual(standard), dim=1)

    def export(self) -> ImageHead:
        with torch.no_grad():
            weight = self.residual.weight / self.deviation
            bias = self.residual.bias - weight @ self.mean
        return ImageHead(
            self.class_vectors.detach().numpy(), self.temperature, weight.numpy(), bias.numpy()
        )


class TrainedTextHead(nn.Module):
    def __init__(self, mean: Tensor, inner: int = 128) -> None:
        super().__init__()
        self.mean: Tensor
        self.register_buffer("mean", mean)
        self.up = nn.Linear(len(mean), inner)
        self.down = nn.Linear(inner, len(mean))
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        centred = vectors - self.mean
        return F.normalize(centred + self.down(F.relu(self.up(centred))), dim=1)

    def export(self) -> TextHead:
        return TextHead(
            *(p.detach().numpy() for p in (self.mean, self.up.weight, self.up.bias)),
            *(p.detach().numpy() for p in (self.down.weight, self.down.bias)),
        )
