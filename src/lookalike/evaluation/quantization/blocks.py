"""The blocks of a tower: layers that are quantized, or left in floating point, together."""

import re
from collections.abc import Mapping
from pathlib import Path

import onnx

_NUMBERED = re.compile(r"^(.*?\.\d+)\.")
"""`visual.transformer.resblocks.3.attn.in_proj.weight` is of the block `visual.transformer.resblocks.3`."""

_MULTIPLY = frozenset({"MatMul", "Gemm", "Conv"})
_PASS_ON = frozenset({"Cast", "Transpose", "DequantizeLinear", "Identity"})
"""What may lie between a weight and its multiplication."""

_PARTS = 12
"""Where the weights' names say nothing, this many parts of as many multiplications each."""


def blocks_of(graph: Path) -> dict[str, str]:
    """The block of each node that multiplies by a weight, by the node's name, in the graph's order."""
    model = onnx.load(graph, load_external_data=False)
    weights = {tensor.name: tensor.name for tensor in model.graph.initializer}
    named: dict[str, str] = {}
    for node in model.graph.node:
        sources = [weights[name] for name in node.input if name in weights]
        if node.op_type in _PASS_ON and node.input[0] in weights:
            weights |= dict.fromkeys(node.output, weights[node.input[0]])
        elif node.op_type in _MULTIPLY and sources:
            named[node.name or node.output[0]] = sources[0]
    return _numbered(named) or _parts(named)


def _numbered(weights: Mapping[str, str]) -> dict[str, str]:
    """By the weights' names: what has no number (a projection, say) is a block of its own."""
    matches = {node: _NUMBERED.match(weight) for node, weight in weights.items()}
    if not any(matches.values()):
        return {}
    return {node: match[1] if match else weights[node] for node, match in matches.items()}


def _parts(weights: Mapping[str, str]) -> dict[str, str]:
    size = max(1, -(-len(weights) // _PARTS))
    return {node: f"part {i // size + 1}" for i, node in enumerate(weights)}
