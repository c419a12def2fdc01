"""The text transformer as a graph, from token ids to a unit vector."""

import numpy as np
from onnx import TensorProto

from lookalike.models.architecture import TextTransformer
from lookalike.models.graphs.builder import GraphBuilder, Tensor
from lookalike.models.graphs.transformer import TransformerBlocks, unit_length
from lookalike.models.weights import Weights

_NEVER = -6e4
"""Added to an attention logit, it leaves no weight; float16 still holds it, and no row becomes NaN."""


def build_text_transformer(graph: GraphBuilder, weights: Weights, spec: TextTransformer) -> None:
    """Write the text tower's graph. Raises WeightMissing, WeightShapeWrong."""
    inner = spec.transformer
    blocks = TransformerBlocks(graph, weights, inner, "transformer.resblocks")
    batch = graph.op("Shape", "ids", start=0, end=1)
    length = graph.op("Shape", "ids", start=1, end=2)

    embedding = weights.take("token_embedding.weight", (spec.vocab_size, inner.width))
    table = graph.weight("token_embedding.weight", embedding, by_row=True)
    x = graph.op("Gather", table, "ids", axis=0)
    positions = weights.take("positional_embedding", (spec.context_length, inner.width))
    positions_used = graph.op(
        "Slice",
        graph.weight("positional_embedding", positions),
        graph.constant([0]),
        length,
        graph.constant([0]),
    )
    x = graph.op("Add", x, positions_used)

    mask = _causal_mask(graph, spec.context_length, length) if spec.causal else None
    for index in range(inner.layers - 1):
        x = blocks.whole(index, x, mask)
    at = _pooled_position(graph, spec, batch, length)
    row = None
    if mask is not None:
        # one row of the causal mask for each text: what the pooled token may see
        row = graph.op("Gather", mask, graph.op("Squeeze", at, graph.constant([2])), axis=0)
        row = graph.op("Unsqueeze", row, graph.constant([1]))
    x = blocks.token(inner.layers - 1, x, at, row)
    x = graph.op("Squeeze", blocks.norm("ln_final", x), graph.constant([1]))

    name = "text_projection"
    if spec.projection_bias:
        matrix = weights.take(f"{name}.weight", (spec.dimension, inner.width)).T
        x = graph.op("MatMul", x, graph.weight(name, matrix))
        bias = weights.take(f"{name}.bias", (spec.dimension,))
        x = graph.op("Add", x, graph.weight(f"{name}.bias", bias))
    else:
        matrix = weights.take(name, (inner.width, spec.dimension))
        x = graph.op("MatMul", x, graph.weight(name, matrix))
    graph.save(
        [("ids", TensorProto.INT64, ["batch", "length"])],
        (unit_length(graph, x), "embedding", ["batch", spec.dimension]),
    )


def _causal_mask(graph: GraphBuilder, context: int, length: Tensor) -> Tensor:
    """[length, length]: nothing attends to what comes after it."""
    return graph.op(
        "Slice",
        graph.constant(np.triu(np.full((context, context), _NEVER, np.float32), 1)),
        graph.constant([0, 0]),
        graph.op("Concat", length, length, axis=0),
    )


def _pooled_position(
    graph: GraphBuilder, spec: TextTransformer, batch: Tensor, length: Tensor
) -> Tensor:
    """int64 [batch, 1, 1]: which token's vector stands for the text."""
    match spec.pooling:
        case "end":
            marks = "ids"
            if spec.end_id is not None:
                marks = graph.op(
                    "Cast",
                    graph.op("Equal", "ids", graph.constant(spec.end_id)),
                    to=TensorProto.INT32,
                )
            at = graph.op("ArgMax", marks, axis=1, keepdims=1, select_last_index=0)
        case "first":
            at = graph.op("Mul", graph.op("ArgMax", "ids", axis=1, keepdims=1), graph.constant(0))
        case "last":
            row = graph.op("Concat", batch, graph.constant([1]), axis=0)
            at = graph.op("Expand", graph.op("Sub", length, graph.constant([1])), row)
    return graph.op("Unsqueeze", at, graph.constant([2]))
