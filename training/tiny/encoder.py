"""The text encoders: MiniLM, the teacher, and the small student that is shipped.

Both are BERT's architecture with mean pooling; the student has fewer layers, factorised word embeddings and
a smaller vocabulary. The student is a plain module of named weights, so that the export can walk it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

HEADS = 12
LAYER_NORM_EPSILON = 1e-12


class Layer(nn.Module):
    """One transformer layer, normalised after each half as BERT does."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_attention = nn.LayerNorm(width, LAYER_NORM_EPSILON)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm_output = nn.LayerNorm(width, LAYER_NORM_EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        x = self.norm_attention(x + self.out(attended.transpose(1, 2).reshape(n, length, width)))
        return self.norm_output(x + self.down(F.gelu(self.up(x))))


class TextEncoder(nn.Module):
    """Token ids [n, length], padded with 0, to pooled vectors [n, width] (not normalised)."""

    def __init__(
        self, vocabulary: int, rank: int, context: int, layers: int, width: int = 384
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, rank)
        self.widen = nn.Linear(rank, width, bias=False)
        self.positions = nn.Parameter(torch.zeros(context, width))
        self.norm = nn.LayerNorm(width, LAYER_NORM_EPSILON)
        self.layers = nn.ModuleList(Layer(width, 4 * width) for _ in range(layers))

    def forward(self, ids: Tensor) -> Tensor:
        mask = ids != 0
        x = self.norm(self.widen(self.words(ids)) + self.positions[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        weight = mask[:, :, None].to(x.dtype)
        return (x * weight).sum(1) / weight.sum(1)


def from_minilm(
    state: dict[str, Tensor],
    kept: Sequence[int],
    context: int,
    layers: Sequence[int],
    rank: int | None,
) -> TextEncoder:
    """An encoder with some of MiniLM's layers; `kept` are the ids of its vocabulary that remain.

    With `rank`, the word embeddings are factorised by SVD; without, they are exact.
    """
    words = state["embeddings.word_embeddings.weight"][list(kept)].float()
    width = words.shape[1]
    encoder = TextEncoder(len(kept), rank or width, context, len(layers), width)
    with torch.no_grad():
        if rank:
            u, s, v = torch.linalg.svd(words, full_matrices=False)
            root = s[:rank].sqrt()
            encoder.words.weight.copy_(u[:, :rank] * root)
            encoder.widen.weight.copy_((root[:, None] * v[:rank]).T)
        else:
            encoder.words.weight.copy_(words)
            encoder.widen.weight.copy_(torch.eye(width))
        positions = state["embeddings.position_embeddings.weight"][:context]
        encoder.positions.copy_(positions + state["embeddings.token_type_embeddings.weight"][0])
        _copy(encoder.norm, state, "embeddings.LayerNorm")
        for layer, index in zip(encoder.layers, layers, strict=True):
            name = f"encoder.layer.{index}"
            for part in ("weight", "bias"):
                parts = [
                    state[f"{name}.attention.self.{p}.{part}"] for p in ("query", "key", "value")
                ]
                getattr(layer.qkv, part).copy_(torch.cat(parts))
            _copy(layer.out, state, f"{name}.attention.output.dense")
            _copy(layer.norm_attention, state, f"{name}.attention.output.LayerNorm")
            _copy(layer.up, state, f"{name}.intermediate.dense")
            _copy(layer.down, state, f"{name}.output.dense")
            _copy(layer.norm_output, state, f"{name}.output.LayerNorm")
    return encoder


def _copy(module: nn.Module, state: dict[str, Tensor], name: str) -> None:
    module.load_state_dict({part: state[f"{name}.{part}"] for part in ("weight", "bias")})


class Texts:
    """Strings to padded token ids, cut to the context."""

    def __init__(self, tokenizer: Path, context: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(context)

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        return [e.ids for e in self._tokenizer.encode_batch(list(texts))]


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, values in zip(ids, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(ids)


@torch.inference_mode()
def encode(encoder: TextEncoder, rows: Sequence[Sequence[int]], batch: int = 256) -> Tensor:
    """Unit vectors [n, width] of token rows, in order; rows of like length share a batch."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = torch.empty(len(rows), encoder.positions.shape[1])
    for start in range(0, len(rows), batch):
        chosen = order[start : start + batch]
        with torch.autocast("cpu", torch.bfloat16):
            pooled = encoder(padded([rows[i] for i in chosen]))
        out[chosen] = F.normalize(pooled.float(), dim=1)
    return out
