"""What runs: a plan as a torch module, node by node."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from geocnn.network.node import (
    ActivationAttributes,
    ConvAttributes,
    DenseAttributes,
    DropoutAttributes,
    Node,
    PoolAttributes,
    UpsampleAttributes,
)
from geocnn.network.plan import Plan

__all__ = ["Network", "initialise"]


class Network(nn.Module):
    """A plan that runs.

    The names of its weights come from their places in the spec: ``layers_3_residual_0_conv.weight``.

    Parameters
    ----------
    plan
        Its sizes are those of one input; without a flatten layer other sizes can be run too.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.steps = nn.ModuleDict({_name(node): _MODULES[node.kind](node, node.attributes) for node in plan.nodes[1:]})
        self._spent = _spent_after(plan)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, \\*shape), or (B, outputs) after a flatten layer, of inputs (B, C, \\*shape)."""
        values = {0: x}
        del x
        for node, step in zip(self.plan.nodes[1:], self.steps.values(), strict=True):
            values[node.id] = step(*(values[each] for each in node.inputs))
            for spent in self._spent[node.id]:
                del values[spent]
        return values[self.plan.output.id]


def initialise(network: Network, seed: int) -> None:
    """Draw all weights from `seed`; biases become 0, the scales of norms 1.

    Notes
    -----
    Weights are normal with variance g²/fan_in, where g² = 2 before ReLU and its like, else 1: K. He, X. Zhang,
    S. Ren, J. Sun (2015), Delving deep into rectifiers, ICCV, https://arxiv.org/abs/1502.01852.
    """
    generator = torch.Generator().manual_seed(seed)
    functions = _functions_after(network.plan)
    with torch.no_grad():
        for node in network.plan.nodes:
            if node.kind not in ("conv", "dense"):
                continue
            gain = sqrt(2) if functions[node.id] in _RECTIFIERS else 1.0
            for name, parameter in network.steps[_name(node)].named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
                    continue
                deviation = gain / sqrt(parameter[0].numel())
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation)


_RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu")


def _functions_after(plan: Plan) -> dict[int, str]:
    """For each node the activation that its output meets first, through norms, sums and dropout."""
    functions = dict.fromkeys(range(len(plan.nodes)), "")
    for node in reversed(plan.nodes):
        if isinstance(node.attributes, ActivationAttributes):
            ahead = node.attributes.function
        elif node.kind in ("norm", "add", "dropout"):
            ahead = functions[node.id]
        else:
            ahead = ""
        for each in node.inputs:
            functions[each] = ahead
    return functions


def _spent_after(plan: Plan) -> dict[int, tuple[int, ...]]:
    """For each node the outputs that nobody needs once it is done."""
    last: dict[int, int] = {}
    for node in plan.nodes:
        last.update(dict.fromkeys(node.inputs, node.id))
    spent: dict[int, tuple[int, ...]] = {node.id: () for node in plan.nodes}
    for each, user in last.items():
        spent[user] = (*spent[user], each)
    return spent


def _name(node: Node) -> str:
    """``layers_3_residual_0_conv``."""
    return "_".join([*re.findall(r"\w+", node.place), node.kind])


class _Add(nn.Module):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second


class _Concat(nn.Module):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.cat((first, second), dim=1)


class _Pad(nn.Module):
    """`value` at the ends of each axis."""

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...], value: float) -> None:
        super().__init__()
        ends = zip(reversed(before), reversed(after), strict=True)  # torch begins with the last axis
        self.ends = [width for pair in ends for width in pair]
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.ends, value=self.value)


class _Upsample(nn.Module):
    """Each sample repeated along each axis.

    By views and one copy: exact for every factor, where index arithmetic in floating point is not.
    """

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, *shape = x.shape
        pairs = list(zip(shape, self.factor, strict=True))
        spread = x.reshape(batch, channels, *(size for n, _ in pairs for size in (n, 1)))
        repeated = spread.expand(batch, channels, *(size for pair in pairs for size in pair))
        return repeated.reshape(batch, channels, *(n * factor for n, factor in pairs))


_CONVOLUTIONS: Mapping[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_POOLS: Mapping[str, tuple[Mapping[int, Any], float]] = {
    "max": ({1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}, float("-inf")),
    "mean": ({1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}, 0.0),
}
_BATCH_NORMS: Mapping[int, Any] = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_FUNCTIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def _conv(node: Node, asked: ConvAttributes) -> nn.Module:
    even = asked.before == asked.after
    convolution = _CONVOLUTIONS[len(node.shape)](
        asked.in_channels,
        node.channels,
        asked.kernel,
        stride=asked.stride,
        padding=asked.before if even else 0,
        dilation=asked.dilation,
        groups=asked.groups,
        bias=asked.bias,
    )
    return convolution if even else nn.Sequential(_Pad(asked.before, asked.after, 0.0), convolution)


def _pool(node: Node, asked: PoolAttributes) -> nn.Module:
    pools, value = _POOLS[asked.method]
    pool: nn.Module = pools[len(node.shape)](asked.size, stride=asked.stride)
    if not any(asked.before + asked.after):
        return pool
    return nn.Sequential(_Pad(asked.before, asked.after, value), pool)


def _upsample(node: Node, asked: UpsampleAttributes) -> nn.Module:
    return _Upsample(asked.factor)


def _add(node: Node, asked: None) -> nn.Module:
    return _Add()


def _concat(node: Node, asked: None) -> nn.Module:
    return _Concat()


def _norm(node: Node, asked: None) -> nn.Module:
    norm: nn.Module = _BATCH_NORMS[len(node.shape)](node.channels)
    return norm


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
    "pool": _pool,
    "upsample": _upsample,
    "add": _add,
    "concat": _concat,
    "norm": _norm,
    "activation": _activation,
    "dropout": _dropout,
    "flatten": _flatten,
    "dense": _dense,
}
