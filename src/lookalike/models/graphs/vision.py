"""The vision transformer as a graph, from raw pixels to a unit vector."""

import numpy as np
from onnx import TensorProto

from lookalike.models.architecture import VisionTransformer
from lookalike.models.cards import Channels
from lookalike.models.graphs.builder import GraphBuilder, Tensor
from lookalike.models.graphs.transformer import TransformerBlocks, layer_norm, unit_length
from lookalike.models.weights import Weights


def pixels_to_channels(graph: GraphBuilder) -> Tensor:
    """The input `pixels`, uint8 [batch, height, width, 3], as float32 [batch, 3, height, width]."""
    return graph.op(
        "Transpose", graph.op("Cast", "pixels", to=TensorProto.FLOAT), perm=[0, 3, 1, 2]
    )


def save_image_graph(
    graph: GraphBuilder, vector: Tensor, height: int, width: int, dimension: int
) -> None:
    graph.save(
        [("pixels", TensorProto.UINT8, ["batch", height, width, 3])],
        (unit_length(graph, vector), "embedding", ["batch", dimension]),
    )


def build_vision_transformer(
    graph: GraphBuilder, weights: Weights, spec: VisionTransformer, mean: Channels, std: Channels
) -> None:
    """Write the image tower's graph. Raises WeightMissing, WeightShapeWrong."""
    inner = spec.transformer
    rows, columns = spec.grid
    blocks = TransformerBlocks(graph, weights, inner, "visual.transformer.resblocks")

    x = _patches(graph, weights, spec, mean, std)
    start = weights.take("visual.class_embedding", (inner.width,)).reshape(1, 1, inner.width)
    batch = graph.op("Shape", "pixels", start=0, end=1)
    shape = graph.op("Concat", batch, graph.constant([1, inner.width]), axis=0)
    start_token = graph.op("Expand", graph.weight("visual.class_embedding", start), shape)
    x = graph.op("Concat", start_token, x, axis=1)
    positions = weights.take("visual.positional_embedding", (rows * columns + 1, inner.width))
    x = graph.op("Add", x, graph.weight("visual.positional_embedding", positions))
    if spec.norm_before:
        x = blocks.norm("visual.ln_pre", x)

    if spec.pooling == "class":
        for index in range(inner.layers - 1):
            x = blocks.whole(index, x)
        one = graph.op("Concat", batch, graph.constant([1, 1]), axis=0)
        first = graph.op("Expand", graph.constant(np.zeros((1, 1, 1), np.int64)), one)
        x = blocks.token(inner.layers - 1, x, first)
        x = _after(graph, weights, spec, x)
        x = graph.op("Squeeze", x, graph.constant([1]))
    else:
        for index in range(inner.layers):
            x = blocks.whole(index, x)
        if not spec.norm_after_pooling:
            x = _after(graph, weights, spec, x)
        patches = graph.op(
            "Slice",
            x,
            graph.constant([1]),
            graph.constant([rows * columns + 1]),
            graph.constant([1]),
        )
        x = graph.op("ReduceMean", patches, graph.constant([1]), keepdims=0)
        if spec.norm_after_pooling:
            x = _after(graph, weights, spec, x)

    projection = weights.take("visual.proj", (inner.width, spec.dimension))
    x = graph.op("MatMul", x, graph.weight("visual.proj", projection))
    save_image_graph(graph, x, spec.height, spec.width, spec.dimension)


def _after(graph: GraphBuilder, weights: Weights, spec: VisionTransformer, x: Tensor) -> Tensor:
    inner = spec.transformer
    return layer_norm(graph, weights, "visual.ln_post", x, inner.width, inner.epsilon)


def _patches(
    graph: GraphBuilder, weights: Weights, spec: VisionTransformer, mean: Channels, std: Channels
) -> Tensor:
    """[batch, patches, width]: the patch convolution with the normalisation folded into it.

    `conv((p / 255 - mean) / std)` is `conv'(p - centre) + bias` with scaled weights. `centre` is a whole number
    near the mean, so that the difference is exact in bfloat16 and sums of large equal parts don't cancel in it.
    """
    inner, (height, width) = spec.transformer, spec.patch
    kernel = weights.take("visual.conv1.weight", (inner.width, 3, height, width)).astype(np.float64)
    centre = np.round(255 * np.array(mean))
    scaled = kernel / (255 * np.array(std))[:, None, None]
    bias = np.einsum("oihw,i->o", scaled, centre - 255 * np.array(mean))
    x = graph.op(
        "Sub", pixels_to_channels(graph), graph.constant(centre.reshape(1, 3, 1, 1), exact=True)
    )
    x = graph.op(
        "Conv",
        x,
        graph.weight("visual.conv1.weight", scaled, exact=True),
        graph.weight("visual.conv1.bias", bias, exact=True),
        kernel_shape=[height, width],
        strides=[height, width],
    )
    flat = graph.op("Reshape", graph.enter(x), graph.constant([0, inner.width, -1]))
    return graph.op("Transpose", flat, perm=[0, 2, 1])
