"""The steps of a plan as torch modules, one builder a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from geocnn.network.join import Join
from geocnn.network.keeping import pads_itself
from geocnn.network.kernels import fixed_kernels
from geocnn.network.node import (
    ActivationAttributes,
    ConvAttributes,
    DenseAttributes,
    DropoutAttributes,
    GlobalPoolAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UnpoolAttributes,
    UpsampleAttributes,
)
from geocnn.network.resampling import GlobalPool, LinearUpsampling, Nearest, Pad, Pooled, PutBack, Shuffle

__all__ = ["TransposedConvolution", "make_module", "overwriting"]


def make_module(node: Node, overwrites: bool = False) -> nn.Module:
    """The module of a node, which writes over its first input if it `overwrites` (see `geocnn.network.liveness`).

    Sums, products and concatenations take all their inputs; an unpool takes an input and what `Pooled` found.
    """
    module = _MODULES[node.kind](node, node.attributes)
    return overwriting(module) if overwrites else module


def overwriting(module: Any) -> nn.Module:
    """The module, which writes over its first input from now on."""
    module.inplace = True
    return module  # type: ignore[no-any-return]


class FixedConvolution(nn.Module):
    """Each channel through the same F fixed filters (F, 1, \\*K): (B, C, \\*N) to (B, C·F, \\*M).

    Sizes change as in a convolution without padding; the filters are no part of the model file.
    """

    def __init__(self, weight: Tensor, stride: tuple[int, ...], dilation: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight.repeat(channels, *(1,) * (weight.ndim - 1)), persistent=False)
        self.stride, self.dilation, self.channels = stride, dilation, channels
        self.convolve: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[weight.ndim - 3]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolve(x, self.weight, None, self.stride, 0, self.dilation, self.channels)
        return y


class TransposedConvolution(nn.Module):
    """A transposed convolution whose outputs are cropped by different amounts at the two ends."""

    def __init__(self, convolution: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.convolution = convolution
        self.ends = tuple(zip(before, after, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x)
        for axis, (near, far) in enumerate(self.ends, start=2):
            if near or far > 0:
                y = y.narrow(axis, near, y.shape[axis] - near - max(0, far))
        return y


class Bounded(nn.Module):
    """Tanh or sigmoid, over its input if `inplace`."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function, self.inplace = function, False

    def forward(self, x: Tensor) -> Tensor:
        if self.function == "tanh":
            return x.tanh_() if self.inplace else x.tanh()
        return x.sigmoid_() if self.inplace else x.sigmoid()

    def extra_repr(self) -> str:
        """For the printed module."""
        return self.function


class ChannelNorm(nn.Module):
    """Layer normalisation of the channels of each sample of (B, C, \\*N), which keeps its shape.

    J. Ba, J. Kiros, G. Hinton (2016), Layer normalization, arXiv:1607.06450.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias)
        return y.movedim(-1, 1)


_CONVOLUTIONS: Mapping[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: Mapping[int, Any] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_MAX_POOLS: Mapping[int, Any] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_MEAN_POOLS: Mapping[int, Any] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_BATCH_NORMS: Mapping[int, Any] = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE_NORMS: Mapping[int, Any] = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_PADDING = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}
_FUNCTIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": partial(Bounded, "tanh"),
    "sigmoid": partial(Bounded, "sigmoid"),
}


def _conv(node: Node, asked: ConvAttributes) -> nn.Module:
    inside = pads_itself(node)
    if asked.weights is not None:
        filters = torch.from_numpy(fixed_kernels(asked.weights, asked.kernel)).float()[:, None]
        convolution: nn.Module = FixedConvolution(filters, asked.stride, asked.dilation, asked.in_channels)
    else:
        convolution = _CONVOLUTIONS[len(node.shape)](
            asked.in_channels,
            node.channels,
            asked.kernel,
            stride=asked.stride,
            padding=asked.before if inside else 0,
            dilation=asked.dilation,
            groups=asked.groups,
            bias=asked.bias,
        )
    if inside or not any(asked.before + asked.after):
        return convolution
    return nn.Sequential(Pad(asked.before, asked.after, _PADDING[asked.padding_mode]), convolution)


def _transposed_conv(node: Node, asked: TransposedAttributes) -> nn.Module:
    inside = all(0 <= near == far <= (k - 1) * d for near, far, k, d in _ends(asked))
    convolution: nn.Module = _TRANSPOSED[len(node.shape)](
        asked.in_channels,
        node.channels,
        asked.kernel,
        stride=asked.stride,
        padding=asked.before if inside else 0,
        output_padding=0 if inside else tuple(max(0, -far) for far in asked.after),
        dilation=asked.dilation,
        groups=asked.groups,
        bias=asked.bias,
    )
    return convolution if inside else TransposedConvolution(convolution, asked.before, asked.after)


def _ends(asked: TransposedAttributes) -> list[tuple[int, int, int, int]]:
    return list(zip(asked.before, asked.after, asked.kernel, asked.dilation, strict=True))


def _pool(node: Node, asked: PoolAttributes) -> nn.Module:
    ndim, inside = len(node.shape), pads_itself(node)
    padded, padding = any(asked.before + asked.after) and not inside, asked.before if inside else 0
    if asked.method == "mean":
        pool: nn.Module = _MEAN_POOLS[ndim](asked.size, stride=asked.stride, padding=padding)
        return nn.Sequential(Pad(asked.before, asked.after, "constant"), pool) if padded else pool
    pad = Pad(asked.before, asked.after, "constant", float("-inf")) if padded else None
    pool = _MAX_POOLS[ndim](asked.size, stride=asked.stride, padding=padding, return_indices=asked.indices)
    if asked.indices:
        return Pooled(pool, pad)
    return pool if pad is None else nn.Sequential(pad, pool)


def _global_pool(node: Node, asked: GlobalPoolAttributes) -> nn.Module:
    return GlobalPool(asked.method)


def _unpool(node: Node, asked: UnpoolAttributes) -> nn.Module:
    return PutBack(asked.pool)


def _upsample(node: Node, asked: UpsampleAttributes) -> nn.Module:
    return LinearUpsampling(asked.factor) if asked.mode == "linear" else Nearest(asked.factor)


def _pixel_shuffle(node: Node, asked: ShuffleAttributes) -> nn.Module:
    return Shuffle(asked.factor)


def _join(node: Node, asked: JoinAttributes) -> nn.Module:
    return Join(node.kind, asked)


def _norm(node: Node, asked: NormAttributes) -> nn.Module:
    if asked.method == "layer":
        return ChannelNorm(node.channels)
    if asked.method == "group":
        return nn.GroupNorm(asked.groups, node.channels)
    if asked.method == "instance":
        instance: nn.Module = _INSTANCE_NORMS[len(node.shape)](node.channels, affine=True)
        return instance
    batch: nn.Module = _BATCH_NORMS[len(node.shape)](node.channels)
    return batch


def _activation(node: Node, asked: ActivationAttributes) -> nn.Module:
    return _FUNCTIONS[asked.function]()


def _dropout(node: Node, asked: DropoutAttributes) -> nn.Module:
    return nn.Dropout(asked.rate)


def _flatten(node: Node, asked: None) -> nn.Module:
    return nn.Flatten()


def _dense(node: Node, asked: DenseAttributes) -> nn.Module:
    return nn.Linear(asked.in_features, node.channels, bias=asked.bias)


_MODULES: Mapping[str, Callable[[Node, Any], nn.Module]] = {
    "conv": _conv,
    "transposed_conv": _transposed_conv,
    "pool": _pool,
    "global_pool": _global_pool,
    "unpool": _unpool,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "add": _join,
    "multiply": _join,
    "concat": _join,
    "norm": _norm,
    "activation": _activation,
    "dropout": _dropout,
    "flatten": _flatten,
    "dense": _dense,
}
