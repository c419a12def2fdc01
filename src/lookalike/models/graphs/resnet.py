"""CLIP's modified ResNet as a graph, from raw pixels to a unit vector."""

import numpy as np

from lookalike.models.architecture import ModifiedResNet
from lookalike.models.cards import Channels
from lookalike.models.graphs.builder import GraphBuilder, Tensor
from lookalike.models.graphs.transformer import linear
from lookalike.models.graphs.vision import pixels_to_channels, save_image_graph
from lookalike.models.weights import Weights

_EXPANSION = 4
"""A bottleneck's output has this many times the channels of its middle."""


def build_modified_resnet(
    graph: GraphBuilder, weights: Weights, spec: ModifiedResNet, mean: Channels, std: Channels
) -> None:
    """Write the image tower's graph. Raises WeightMissing, WeightShapeWrong."""
    net = _ResNet(graph, weights, spec)
    half = spec.channels // 2
    # The first convolution pads with zeros, so its border sees the mean colour: the mean has to be taken off
    # before it, and only the scale can be folded into its weights.
    x = graph.op(
        "Sub",
        pixels_to_channels(graph),
        graph.constant(255 * np.array(mean).reshape(1, 3, 1, 1), exact=True),
    )
    x = net.stem(x, 1, 3, half, stride=2, scale=1 / (255 * np.array(std)))
    x = net.stem(x, 2, half, half)
    x = net.stem(x, 3, half, spec.channels)
    x = net.average(x, 2)

    inputs = spec.channels
    for number, blocks in enumerate(spec.layers, start=1):
        middle = spec.channels * 2 ** (number - 1)
        for index in range(blocks):
            stride = 2 if index == 0 and number > 1 else 1
            x = net.bottleneck(f"visual.layer{number}.{index}", x, inputs, middle, stride)
            inputs = middle * _EXPANSION
    vector = net.attention_pool(x, inputs)
    save_image_graph(graph, vector, spec.height, spec.width, spec.dimension)


class _ResNet:
    def __init__(self, graph: GraphBuilder, weights: Weights, spec: ModifiedResNet) -> None:
        self._graph, self._weights, self._spec = graph, weights, spec

    def stem(
        self,
        x: Tensor,
        number: int,
        inputs: int,
        outputs: int,
        stride: int = 1,
        scale: np.ndarray | None = None,
    ) -> Tensor:
        x = self._convolve(f"visual.conv{number}", x, inputs, outputs, 3, stride, scale)
        return self._graph.op("Relu", self._norm(f"visual.bn{number}", x, outputs))

    def bottleneck(self, name: str, x: Tensor, inputs: int, middle: int, stride: int) -> Tensor:
        outputs = middle * _EXPANSION
        y = self._norm(f"{name}.bn1", self._convolve(f"{name}.conv1", x, inputs, middle, 1), middle)
        y = self._graph.op("Relu", y)
        y = self._norm(f"{name}.bn2", self._convolve(f"{name}.conv2", y, middle, middle, 3), middle)
        y = self.average(self._graph.op("Relu", y), stride)
        y = self._convolve(f"{name}.conv3", y, middle, outputs, 1)
        y = self._norm(f"{name}.bn3", y, outputs)
        if stride > 1 or inputs != outputs:
            x = self.average(x, stride)
            x = self._convolve(f"{name}.downsample.0", x, inputs, outputs, 1)
            x = self._norm(f"{name}.downsample.1", x, outputs)
        return self._graph.op("Relu", self._graph.op("Add", x, y))

    def average(self, x: Tensor, size: int) -> Tensor:
        if size == 1:
            return x
        return self._graph.op("AveragePool", x, kernel_shape=[size, size], strides=[size, size])

    def attention_pool(self, x: Tensor, width: int) -> Tensor:
        """[batch, dimension]: the mean of all places attends to them all."""
        graph, weights, spec = self._graph, self._weights, self._spec
        places = (spec.height // 32) * (spec.width // 32)
        x = graph.op("Reshape", x, graph.constant([0, width, places]))
        x = graph.op("Transpose", x, perm=[0, 2, 1])
        mean = graph.op("ReduceMean", x, graph.constant([1]), keepdims=1)
        x = graph.op("Concat", mean, x, axis=1)
        name = "visual.attnpool"
        positions = weights.take(f"{name}.positional_embedding", (places + 1, width))
        x = graph.op("Add", x, graph.weight(f"{name}.positional_embedding", positions))
        first = graph.op("Slice", x, graph.constant([0]), graph.constant([1]), graph.constant([1]))
        query = self._heads(linear(graph, weights, f"{name}.q_proj", first, width, width), width)
        key = self._heads(linear(graph, weights, f"{name}.k_proj", x, width, width), width)
        value = self._heads(linear(graph, weights, f"{name}.v_proj", x, width, width), width)
        logits = graph.op(
            "MatMul",
            graph.op("Mul", query, graph.constant((width // spec.heads) ** -0.5)),
            graph.op("Transpose", key, perm=[0, 1, 3, 2]),
        )
        mixed = graph.op("MatMul", graph.op("Softmax", logits, axis=-1), value)
        joined = graph.op("Reshape", mixed, graph.constant([0, width]))
        return linear(graph, weights, f"{name}.c_proj", joined, width, spec.dimension)

    def _heads(self, x: Tensor, width: int) -> Tensor:
        heads = self._spec.heads
        shape = self._graph.constant([0, -1, heads, width // heads])
        return self._graph.op("Transpose", self._graph.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    def _convolve(
        self,
        name: str,
        x: Tensor,
        inputs: int,
        outputs: int,
        size: int,
        stride: int = 1,
        scale: np.ndarray | None = None,
    ) -> Tensor:
        kernel = self._weights.take(f"{name}.weight", (outputs, inputs, size, size))
        if scale is not None:
            kernel = kernel.astype(np.float64) * scale[:, None, None]
        first = scale is not None
        weight = self._graph.weight(f"{name}.weight", kernel, exact=first)
        x = self._graph.op(
            "Conv",
            x,
            weight,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
        )
        return self._graph.enter(x) if first else x

    def _norm(self, name: str, x: Tensor, channels: int) -> Tensor:
        # Left as a node: the runtimes fold it into the convolution, and the stored weights stay as they were.
        parts = [
            self._graph.weight(f"{name}.{part}", self._weights.take(f"{name}.{part}", (channels,)))
            for part in ("weight", "bias", "running_mean", "running_var")
        ]
        return self._graph.op("BatchNormalization", x, *parts, epsilon=self._spec.epsilon)
