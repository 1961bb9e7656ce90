"""The steps of a plan as torch modules, one builder a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

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

__all__ = ["Pooled", "TransposedConvolution", "make_module", "overwriting"]


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


class Pad(nn.Module):
    """Samples at the ends of each axis: a value, or after a mode of `torch.nn.functional.pad`."""

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...], mode: str, value: float = 0.0) -> None:
        super().__init__()
        ends = zip(reversed(before), reversed(after), strict=True)  # torch begins with the last axis
        self.ends = [width for pair in ends for width in pair]
        self.mode, self.value = mode, value

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "constant":
            return functional.pad(x, self.ends, value=self.value)
        return functional.pad(x, self.ends, mode=self.mode)


class FixedConvolution(nn.Module):
    """Each channel through the same fixed filters; its weights are no part of the model file."""

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
            y = y.narrow(axis, near, y.shape[axis] - near - max(0, far))
        return y


class Pooled(nn.Module):
    """Max pooling that tells where in its padded input the largest samples were.

    Its output is (pooled, (flat indices, padded sizes, sizes)).
    """

    def __init__(self, pool: nn.Module, pad: Pad | None) -> None:
        super().__init__()
        self.pool, self.pad = pool, pad

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, torch.Size]:
        sizes = x.shape[2:]
        largest, indices = self.pool(x if self.pad is None else self.pad(x))
        return largest, indices, sizes


class Unpool(nn.Module):
    """Samples put back at the indices of a pool, zeros elsewhere."""

    def __init__(self, pool: PoolAttributes) -> None:
        super().__init__()
        self.before, self.after = pool.before, pool.after

    def forward(self, x: Tensor, indices: Tensor, sizes: torch.Size) -> Tensor:
        padded = [near + n + far for near, n, far in zip(self.before, sizes, self.after, strict=True)]
        y = x.new_zeros(*x.shape[:2], prod(padded)).scatter(2, indices.flatten(2), x.flatten(2))
        y = y.view(*x.shape[:2], *padded)
        for axis, (near, n) in enumerate(zip(self.before, sizes, strict=True), start=2):
            y = y.narrow(axis, near, n)
        return y


class GlobalPool(nn.Module):
    """One sample of all, channel by channel."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        axes = tuple(range(2, x.ndim))
        return x.amax(axes, keepdim=True) if self.method == "max" else x.mean(axes, keepdim=True)


class Repeat(nn.Module):
    """Each sample repeated along each axis.

    Torch computes which sample to repeat in floating point, which is exact for powers of two alone; other factors are
    done by views and one copy.
    """

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor
        self.scale = [float(f) for f in factor]
        self.exact = all(f & (f - 1) == 0 for f in factor)

    def forward(self, x: Tensor) -> Tensor:
        if self.exact:
            return functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        batch, channels, *shape = x.shape
        pairs = list(zip(shape, self.factor, strict=True))
        spread = x.reshape(batch, channels, *(size for n, _ in pairs for size in (n, 1)))
        repeated = spread.expand(batch, channels, *(size for pair in pairs for size in pair))
        return repeated.reshape(batch, channels, *(n * factor for n, factor in pairs))


class Linear(nn.Module):
    """Linear upsampling along each axis; samples are centres of cells, the first and last one hold beyond the ends.

    Output i·f + p lies at i + (p + ½)/f − ½: each phase p has weights of its own, so no position is computed.
    """

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        for axis, factor in enumerate(self.factor, start=2):
            if factor > 1:
                x = self._along(x, axis, factor)
        return x

    @staticmethod
    def _along(x: Tensor, axis: int, factor: int) -> Tensor:
        n = x.shape[axis]
        before = torch.cat((x.narrow(axis, 0, 1), x.narrow(axis, 0, n - 1)), axis)
        after = torch.cat((x.narrow(axis, 1, n - 1), x.narrow(axis, n - 1, 1)), axis)
        phases = []
        for p in range(factor):
            shift = (2 * p + 1 - factor) / (2 * factor)
            other = after if shift > 0 else before
            phases.append(x if shift == 0 else torch.lerp(x, other, abs(shift)))
        return torch.stack(phases, axis + 1).flatten(axis, axis + 1)


class Shuffle(nn.Module):
    """Channels laid out as samples."""

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, *shape = x.shape
        ndim = len(shape)
        made = channels // prod(self.factor)
        y = x.reshape(batch, made, *self.factor, *shape)
        order = [part for axis in range(ndim) for part in (2 + ndim + axis, 2 + axis)]
        y = y.permute(0, 1, *order)
        return y.reshape(batch, made, *(n * f for n, f in zip(shape, self.factor, strict=True)))


class Join(nn.Module):
    """Sum, product or concatenation of any number of inputs; one sample may stand for all."""

    def __init__(self, kind: str, crop: bool) -> None:
        super().__init__()
        self.kind, self.crop, self.inplace = kind, crop, False

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.crop:
            inputs = _cropped(inputs)
        if self.kind == "concat":
            return torch.cat(_alike(inputs), dim=1)
        joined, *others = inputs
        for other in others:
            if self.kind == "add":
                joined = joined.add_(other) if self.inplace else joined + other
            else:
                joined = joined.mul_(other) if self.inplace else joined * other
        return joined


def _cropped(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """All cut at the far end to the smallest, but for those of one sample."""
    wide = [x.shape[2:] for x in inputs if prod(x.shape[2:]) > 1] or [inputs[0].shape[2:]]
    least = [min(sizes) for sizes in zip(*wide, strict=True)]
    slices = (slice(None), slice(None), *(slice(0, n) for n in least))
    return tuple(x[slices] if prod(x.shape[2:]) > 1 else x for x in inputs)


def _alike(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Those of one sample expanded to the size of the others."""
    sizes = tuple(max(along) for along in zip(*(x.shape[2:] for x in inputs), strict=True))
    return tuple(x if tuple(x.shape[2:]) == sizes else x.expand(*x.shape[:2], *sizes) for x in inputs)


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
    """Layer normalisation of the channels of each sample: J. Ba, J. Kiros, G. Hinton (2016), arXiv:1607.06450."""

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
    return Unpool(asked.pool)


def _upsample(node: Node, asked: UpsampleAttributes) -> nn.Module:
    return Linear(asked.factor) if asked.mode == "linear" else Repeat(asked.factor)


def _pixel_shuffle(node: Node, asked: ShuffleAttributes) -> nn.Module:
    return Shuffle(asked.factor)


def _join(node: Node, asked: JoinAttributes) -> nn.Module:
    return Join(node.kind, asked.crop)


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
