"""The picture backbone: EfficientNet-Lite with ImageNet weights, batch norms folded into convolutions.

The network is a list of plain convolutions, so that training (PyTorch) and export (ONNX) walk the same data
and can't drift apart. Its shape is read from the weights: block widths, kernels and expansions are all there,
only the strides are not.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN, SCALE = 127.0, 128.0
"""TensorFlow's EfficientNet-Lite was trained on `(pixel - 127) / 128`."""

_EPSILON = 1e-3
_STRIDES = {0: 1, 1: 2, 2: 2, 3: 2, 4: 1, 5: 2, 6: 1}
"""Stride of the first block of each of the seven stages; all others have 1."""


@dataclass(frozen=True)
class Convolution:
    """One convolution with TensorFlow's SAME padding: `weight` [out, in / groups, k, k], `bias` [out]."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1
    relu6: bool = True

    def padding(self, size: int) -> tuple[int, int]:
        """Zeros before and after an axis of `size`: SAME puts the odd one after."""
        total = max((-(-size // self.stride) - 1) * self.stride + self.weight.shape[2] - size, 0)
        return total // 2, total - total // 2

    def __call__(self, x: Tensor) -> Tensor:
        before, after = self.padding(x.shape[-1])
        x = F.pad(x, (before, after, before, after))
        x = F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)
        return F.relu6(x) if self.relu6 else x


@dataclass(frozen=True)
class Block:
    """An inverted residual block: expand, depthwise, project."""

    convolutions: tuple[Convolution, ...]
    residual: bool

    def __call__(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.residual else self.branch(x)

    def branch(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = convolution(x)
        return x


@dataclass(frozen=True)
class Features:
    """What the backbone says of a batch of pictures, one row each."""

    pooled: Tensor
    """[n, 1280]: the features that the classifier reads."""
    early: Tensor
    """[n, sum of widths]: means of the outputs of the blocks named in `Backbone.taps`."""
    logits: Tensor
    """[n, 1000]: ImageNet's classes, in the order of their WordNet ids."""


@dataclass(frozen=True)
class Backbone:
    stem: Convolution
    blocks: tuple[Block, ...]
    head: Convolution
    classifier: tuple[Tensor, Tensor]
    """`weight` [1000, 1280] and `bias` [1000]."""
    taps: tuple[int, ...]
    """Blocks whose output is averaged into `Features.early`: they still know colour and texture."""

    @property
    def early_width(self) -> int:
        return sum(self.blocks[tap].convolutions[-1].weight.shape[0] for tap in self.taps)

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Features:
        """`pixels`: uint8 [n, height, width, 3]."""
        x = (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        x, early = self.stem(x), []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                early.append(x.mean((2, 3)))
        pooled = self.head(x).mean((2, 3))
        weight, bias = self.classifier
        return Features(pooled, torch.cat(early, 1), pooled @ weight.T + bias)


def load_backbone(path: Path) -> Backbone:
    """The backbone in a state dictionary of `efficientnet_lite_pytorch`'s layout."""
    state = torch.load(path, map_location="cpu", weights_only=True)

    def folded(
        conv: str, norm: str, stride: int = 1, *, depthwise: bool = False, relu6: bool = True
    ) -> Convolution:
        weight = state[f"{conv}.weight"].double()
        gain = (
            state[f"{norm}.weight"].double()
            / (state[f"{norm}.running_var"].double() + _EPSILON).sqrt()
        )
        bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * gain
        groups = weight.shape[0] if depthwise else 1
        return Convolution(
            (weight * gain[:, None, None, None]).float(), bias.float(), stride, groups, relu6
        )

    count = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
    blocks, stage, ends = [], -1, []
    width = state["_conv_stem.weight"].shape[0]
    for index in range(count):
        name = f"_blocks.{index}"
        out = state[f"{name}._project_conv.weight"].shape[0]
        # a stage begins where the width changes: no two neighbouring stages have the same
        begins = index == 0 or out != width
        stage += begins
        if begins and index:
            ends.append(index - 1)
        convolutions = []
        if f"{name}._expand_conv.weight" in state:
            convolutions.append(folded(f"{name}._expand_conv", f"{name}._bn0"))
        convolutions.append(
            folded(
                f"{name}._depthwise_conv",
                f"{name}._bn1",
                _STRIDES[stage] if begins else 1,
                depthwise=True,
            )
        )
        convolutions.append(folded(f"{name}._project_conv", f"{name}._bn2", relu6=False))
        blocks.append(Block(tuple(convolutions), residual=not begins))
        width = out
    return Backbone(
        folded("_conv_stem", "_bn0", 2),
        tuple(blocks),
        folded("_conv_head", "_bn1"),
        (state["_fc.weight"], state["_fc.bias"]),
        taps=tuple(ends[1:5]),
    )


@dataclass(frozen=True)
class Scales:
    """Steps of the int8 activations that ReLU6 doesn't bound, one per block."""

    branch: tuple[float, ...]
    """Of the last convolution's output."""
    output: tuple[float, ...]
    """Of the block's output: the same where there is no residual."""


@torch.no_grad()
def calibrate(backbone: Backbone, pixels: Tensor, quantile: float = 0.99995) -> Scales:
    """Scales for which all but the rarest activations of some pictures (uint8 [n, h, w, 3]) fit in int8."""

    def scale(x: Tensor) -> float:
        ordered = x.abs().flatten().sort().values
        return ordered[int(quantile * (len(ordered) - 1))].item() / 127

    x = backbone.stem((pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE)
    branch, output = [], []
    for block in backbone.blocks:
        y = block.branch(x)
        x = x + y if block.residual else y
        branch.append(scale(y))
        output.append(scale(x))
    return Scales(tuple(branch), tuple(output))
