"""Writing ONNX graphs: a thin builder, int8 weights, and the two towers.

Weights of matrices and convolutions are int8 with a float32 scale per output channel; the arithmetic stays in
floating point. OpenVINO folds or decompresses them when it loads the graph.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from training.tiny import colours
from training.tiny.backbone import MEAN, SCALE, Backbone, Convolution, Scales
from training.tiny.encoder import HEADS, LAYER_NORM_EPSILON, TextEncoder
from training.tiny.heads import ImageHead, TextHead

OPSET = 18
IR_VERSION = 9


def quantised(
    weight: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 of `weight`, and its scales along `axis`."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.maximum(np.abs(weight).max(axis=others, keepdims=True) / 127, 1e-12)
    return np.round(weight / scale).astype(np.int8), scale.reshape(-1).astype(np.float32)


class Graph:
    """Nodes and constants of one graph; methods return the name of what they compute."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: object, dtype: type = np.float32) -> str:
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype))
        name = f"c{len(self._constants)}"
        self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def mean(self, x: str, axes: Sequence[int], *, keep: bool = False) -> str:
        return self.op("ReduceMean", x, self.constant(axes, np.int64), keepdims=int(keep))

    def total(self, x: str, axes: Sequence[int], *, keep: bool = False) -> str:
        return self.op("ReduceSum", x, self.constant(axes, np.int64), keepdims=int(keep))

    def weight(self, value: NDArray[np.float32], axis: int) -> str:
        """An int8 constant, as the float it stands for."""
        integers, scale = quantised(value, axis)
        return self.op(
            "DequantizeLinear", self.constant(integers, np.int8), self.constant(scale), axis=axis
        )

    def linear(
        self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None
    ) -> str:
        """`weight` is [out, in], as PyTorch keeps it."""
        y = self.op("MatMul", x, self.weight(np.ascontiguousarray(weight.T), axis=1))
        return y if bias is None else self.op("Add", y, self.constant(bias))

    def convolution(
        self, x: str, c: Convolution, size: int, *, padded: bool = False
    ) -> tuple[str, int]:
        """The convolution of a square picture of `size`, and its output's size."""
        before, after = (0, 0) if padded else c.padding(size)
        y = self.op(
            "Conv",
            x,
            self.weight(c.weight.numpy(), axis=0),
            self.constant(c.bias.numpy()),
            pads=[before, before, after, after],
            strides=[c.stride, c.stride],
            group=c.groups,
        )
        if c.relu6:
            y = self.op("Clip", y, self.constant(0.0), self.constant(6.0))
            y = self.rounded(y, 6 / 255, np.uint8)
        return y, (size + before + after - c.weight.shape[2]) // c.stride + 1

    def rounded(self, x: str, scale: float, dtype: type) -> str:
        """`x` at 8 bits, as the float that it stands for: what lets a runtime compute in integers."""
        step, zero = self.constant(scale), self.constant(0, dtype)
        return self.op("DequantizeLinear", self.op("QuantizeLinear", x, step, zero), step, zero)

    def unit(self, x: str) -> str:
        """`x` [n, d] divided by its length, which is taken as at least 1e-6."""
        length = self.op("ReduceL2", x, self.constant([1], np.int64), keepdims=1)
        return self.op("Div", x, self.op("Max", length, self.constant(1e-6)))

    def model(
        self, x: tuple[str, int, list[object]], y: str, dimension: int, name: str
    ) -> onnx.ModelProto:
        """The model from input `x` (name, type, shape) to output `embedding`, which is `y`."""
        nodes = [*self._nodes, helper.make_node("Identity", [y], ["embedding"], name="embedding")]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(x[0], x[1], x[2])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dimension])],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lookalike training/tiny",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _shares(g: Graph, size: int) -> str:
    """The graph's form of `colours.histogram`: [n, k] from `pixels`."""
    grid, k = colours.Grid(size // colours.STEP // colours.CELL), len(colours.PROTOTYPES)
    begin, end, axes, step = ([0, 0], [size, size], [1, 2], [colours.STEP, colours.STEP])
    few = g.op("Slice", "pixels", *(g.constant(v, np.int64) for v in (begin, end, axes, step)))
    planes = g.op("Cast", g.op("Transpose", few, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    side = [colours.CELL, colours.CELL]
    cells = g.op("AveragePool", planes, kernel_shape=side, strides=side)
    rgb = g.op("Max", g.op("Mul", cells, g.constant(1 / 255)), g.constant(1e-4))
    lms = g.op(
        "Conv",
        g.op("Pow", rgb, g.constant(colours.GAMMA)),
        g.constant(np.reshape(colours._LMS, (3, 3, 1, 1))),
    )
    lab = g.op(
        "Conv",
        g.op("Pow", lms, g.constant(1 / 3)),
        g.constant(np.reshape(colours._LAB, (3, 3, 1, 1))),
    )
    border = g.total(
        g.op("Mul", lab, g.constant(grid.border.numpy()[None, None])), [2, 3], keep=True
    )
    apart = g.op("Sub", lab, border)
    distance = g.total(g.op("Mul", apart, apart), [1], keep=True)
    near = g.op("Exp", g.op("Mul", distance, g.constant(-1 / colours.BORDER_CONTRAST)))
    contrast = g.op("Sub", g.constant(1 + colours.BACKGROUND_SHARE), near)
    weight = g.op("Mul", contrast, g.constant(grid.centre.numpy()[None, None]))
    away = g.op(
        "Sub",
        g.op("Unsqueeze", lab, g.constant([1], np.int64)),
        g.constant(colours.prototype_lab().numpy().reshape(1, k, 3, 1, 1)),
    )
    distances = g.total(g.op("Mul", away, away), [2])
    share = g.op("Softmax", g.op("Mul", distances, g.constant(-1 / colours.SOFTNESS)), axis=1)
    summed = g.total(g.op("Mul", share, weight), [2, 3])
    return g.op("Div", summed, g.total(weight, [2, 3]))


def _stem(g: Graph, stem: Convolution, size: int) -> tuple[str, int]:
    """The first convolution, of `pixels`, and its output's size.

    A pixel is an 8-bit number already. Its zero, `MEAN`, goes into the bias and its step, 1 / `SCALE`, is the
    weights': so the convolution is one of integers, which it would not be of numbers around a zero point. What
    is put around the picture is `MEAN` then, and no zeros.
    """
    before, after = stem.padding(size)
    planes = g.op("Transpose", "pixels", perm=[0, 3, 1, 2])
    widths = g.constant([0, 0, before, before, 0, 0, after, after], np.int64)
    padded = g.op("Pad", planes, widths, g.constant(int(MEAN), np.uint8), mode="constant")
    x = g.op("DequantizeLinear", padded, g.constant(1 / SCALE), g.constant(0, np.uint8))
    integers, scale = quantised(stem.weight.numpy(), axis=0)
    weight = torch.from_numpy(integers.astype(np.float32) * scale[:, None, None, None])
    bias = stem.bias - weight.sum((1, 2, 3)) * (MEAN / SCALE)
    inner = size + before + after
    return g.convolution(x, replace(stem, bias=bias), inner, padded=True)


def _features(g: Graph, backbone: Backbone, scales: Scales, size: int) -> tuple[str, str, str, str]:
    """Pooled and early features, logits, and colour shares of `pixels`."""
    x, side = _stem(g, backbone.stem, size)
    early = []
    for index, block in enumerate(backbone.blocks):
        y = x
        for convolution in block.convolutions:
            y, side = g.convolution(y, convolution, side)
        y = g.rounded(y, scales.branch[index], np.int8)
        x = g.rounded(g.op("Add", x, y), scales.output[index], np.int8) if block.residual else y
        if index in backbone.taps:
            early.append(g.mean(x, [2, 3]))
    x, _ = g.convolution(x, backbone.head, side)
    pooled = g.mean(x, [2, 3])
    weight, bias = backbone.classifier
    logits = g.linear(pooled, weight.numpy(), bias.numpy())
    return pooled, g.op("Concat", *early, axis=1), logits, _shares(g, size)


def feature_graph(backbone: Backbone, scales: Scales, size: int) -> onnx.ModelProto:
    """Everything the head reads, side by side, from the very graph that is shipped."""
    g = Graph()
    parts = _features(g, backbone, scales, size)
    joined = g.op("Concat", *parts, axis=1)
    width = backbone.classifier[0].shape[1] + backbone.early_width + 1000 + len(colours.PROTOTYPES)
    return g.model(_pixels(size), joined, width, "features")


def image_tower(backbone: Backbone, scales: Scales, head: ImageHead, size: int) -> onnx.ModelProto:
    g = Graph()
    pooled, early, logits, shares = _features(g, backbone, scales, size)
    # a softmax by hand, and divided by after: OpenVINO takes `Softmax` between two products for attention,
    # and then unpacks both matrices for every picture, which costs as much as a third of the backbone
    top = g.op("ReduceMax", logits, g.constant([1], np.int64), keepdims=1)
    likely = g.op("Exp", g.op("Mul", g.op("Sub", logits, top), g.constant(1 / head.temperature)))
    named = g.op("Div", g.linear(likely, head.class_vectors.T), g.total(likely, [1], keep=True))
    read = g.op("Concat", pooled, early, g.op("Sqrt", shares), axis=1)
    vector = g.op("Add", named, g.linear(read, head.weight, head.bias))
    return g.model(_pixels(size), g.unit(vector), head.weight.shape[0], "tiny image tower")


def _pixels(size: int) -> tuple[str, int, list[object]]:
    return "pixels", TensorProto.UINT8, ["batch", size, size, 3]


def text_tower(encoder: TextEncoder, head: TextHead) -> onnx.ModelProto:
    """Token ids, padded with 0, to unit vectors. Padding is masked, so that its length changes nothing."""
    g = Graph()
    w = {name: value.detach().numpy() for name, value in encoder.state_dict().items()}
    width = encoder.positions.shape[1]
    batch_length = g.op("Shape", "ids")
    length = g.op("Slice", batch_length, *(g.constant([i], np.int64) for i in (1, 2)))
    real = g.op("Cast", g.op("Greater", "ids", g.constant(0, np.int64)), to=TensorProto.FLOAT)

    def normalised(x: str, name: str) -> str:
        scale, bias = (g.constant(w[f"{name}.{part}"]) for part in ("weight", "bias"))
        return g.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def heads(x: str, order: list[int]) -> str:
        split = g.op("Reshape", x, g.constant([0, 0, HEADS, width // HEADS], np.int64))
        return g.op("Transpose", split, perm=order)

    # rows are gathered as they are stored: 128 bytes a token, not a table of floats
    integers, scale = quantised(w["words.weight"], axis=0)
    rows = g.op("Cast", g.op("Gather", g.constant(integers, np.int8), "ids"), to=TensorProto.FLOAT)
    scales = g.op("Gather", g.constant(scale[:, None]), "ids")
    words = g.linear(g.op("Mul", rows, scales), w["widen.weight"])
    positions = g.op(
        "Slice",
        g.constant(w["positions"]),
        g.constant([0], np.int64),
        length,
        g.constant([0], np.int64),
    )
    x = normalised(g.op("Add", words, positions), "norm")
    hidden = g.op("Mul", g.op("Sub", real, g.constant(1.0)), g.constant(1e4))
    mask = g.op("Unsqueeze", hidden, g.constant([1, 2], np.int64))
    inverse_root = g.constant((width // HEADS) ** -0.5)
    for index in range(len(encoder.layers)):
        name = f"layers.{index}"
        qkv = g.linear(x, w[f"{name}.qkv.weight"], w[f"{name}.qkv.bias"])
        bounds = [(i * width, (i + 1) * width) for i in range(3)]
        q, k, v = (
            g.op("Slice", qkv, *(g.constant([i], np.int64) for i in (start, end, 2)))
            for start, end in bounds
        )
        scores = g.op(
            "MatMul", g.op("Mul", heads(q, [0, 2, 1, 3]), inverse_root), heads(k, [0, 2, 3, 1])
        )
        attention = g.op("Softmax", g.op("Add", scores, mask), axis=-1)
        mixed = g.op(
            "Transpose", g.op("MatMul", attention, heads(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3]
        )
        mixed = g.op("Reshape", mixed, g.constant([0, 0, width], np.int64))
        attended = g.linear(mixed, w[f"{name}.out.weight"], w[f"{name}.out.bias"])
        x = normalised(g.op("Add", x, attended), f"{name}.norm_attention")
        up = g.linear(x, w[f"{name}.up.weight"], w[f"{name}.up.bias"])
        error = g.op("Erf", g.op("Mul", up, g.constant(2**-0.5)))
        half = g.op("Mul", g.op("Mul", up, g.constant(0.5)), g.op("Add", error, g.constant(1.0)))
        down = g.linear(half, w[f"{name}.down.weight"], w[f"{name}.down.bias"])
        x = normalised(g.op("Add", x, down), f"{name}.norm_output")
    each = g.op("Unsqueeze", real, g.constant([2], np.int64))
    pooled = g.op("Div", g.total(g.op("Mul", x, each), [1]), g.total(each, [1]))
    centred = g.op("Sub", g.unit(pooled), g.constant(head.mean))
    inner = g.op("Relu", g.linear(centred, head.up, head.up_bias))
    vector = g.op("Add", centred, g.linear(inner, head.down, head.down_bias))
    return g.model(
        ("ids", TensorProto.INT64, ["batch", "length"]), g.unit(vector), width, "tiny text tower"
    )
