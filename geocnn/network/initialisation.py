"""How weights are drawn before training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt

import torch
from torch import Generator, Tensor

from geocnn.network.build import Network
from geocnn.network.node import (
    ActivationAttributes,
    ConvAttributes,
    DenseAttributes,
    Node,
    TransposedAttributes,
)
from geocnn.network.plan import Plan

__all__ = ["initialise"]

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu")


def initialise(network: Network, seed: int) -> None:
    """Draw all weights from `seed`; biases become 0, the scales of norms 1.

    Notes
    -----
    A layer's `init` names the distribution. Left out, weights are normal with variance g²/fan_in, where g² = 2 before
    ReLU and its like, else 1: K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, ICCV,
    https://arxiv.org/abs/1502.01852. ``glorot``: variance 2/(fan_in + fan_out), X. Glorot, Y. Bengio (2010),
    Understanding the difficulty of training deep feedforward neural networks, AISTATS. ``orthogonal``: rows that are
    orthonormal, A. Saxe, J. McClelland, S. Ganguli (2014), https://arxiv.org/abs/1312.6120. A transposed convolution
    has the fans of the convolution whose adjoint it is, divided by its stride: of n taps each output gets n/Πs.
    """
    generator = torch.Generator().manual_seed(seed)
    functions = _functions_after(network.plan)
    with torch.no_grad():
        for node in network.plan.nodes:
            asked = node.attributes
            if not isinstance(asked, ConvAttributes | TransposedAttributes | DenseAttributes):
                continue
            if isinstance(asked, ConvAttributes) and asked.weights:
                continue
            gain = sqrt(2) if functions[node.id] in RECTIFIERS else 1.0
            for name, parameter in network.step(node).named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
                    continue
                drawn = _INITIALISERS[asked.init or "he_normal"](parameter, _fans(node, asked), gain, generator)
                parameter.copy_(drawn)


Fans = tuple[float, float]


def _fans(node: Node, asked: ConvAttributes | TransposedAttributes | DenseAttributes) -> Fans:
    """Inputs of an output, and outputs of an input."""
    if isinstance(asked, DenseAttributes):
        return asked.in_features, node.channels
    taps, steps = prod(asked.kernel), prod(asked.stride)
    fan_in, fan_out = (count * taps / asked.groups for count in (asked.in_channels, node.channels))
    return (fan_in / steps, fan_out) if isinstance(asked, TransposedAttributes) else (fan_in, fan_out / steps)


def _normal(like: Tensor, deviation: float, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator) * deviation


def _uniform(like: Tensor, deviation: float, generator: Generator) -> Tensor:
    return (2 * torch.rand(like.shape, generator=generator) - 1) * sqrt(3) * deviation


def _orthogonal(like: Tensor, fans: Fans, gain: float, generator: Generator) -> Tensor:
    rows, columns = len(like), like[0].numel()
    q, r = torch.linalg.qr(torch.randn(max(rows, columns), min(rows, columns), generator=generator))
    turned: Tensor = gain * q * torch.sign(torch.diagonal(r))
    return (turned if rows >= columns else turned.T).reshape(like.shape)


def _he(fans: Fans, gain: float) -> float:
    return gain / sqrt(max(fans[0], 1))


def _glorot(fans: Fans, gain: float) -> float:
    return sqrt(2 / (fans[0] + fans[1]))


_INITIALISERS: Mapping[str, Callable[[Tensor, Fans, float, Generator], Tensor]] = {
    "he_normal": lambda like, fans, gain, generator: _normal(like, _he(fans, gain), generator),
    "he_uniform": lambda like, fans, gain, generator: _uniform(like, _he(fans, gain), generator),
    "glorot_normal": lambda like, fans, gain, generator: _normal(like, _glorot(fans, gain), generator),
    "glorot_uniform": lambda like, fans, gain, generator: _uniform(like, _glorot(fans, gain), generator),
    "orthogonal": _orthogonal,
    "zeros": lambda like, fans, gain, generator: torch.zeros_like(like),
}


def _functions_after(plan: Plan) -> dict[int, str]:
    """For each node the activation that its output meets first, through norms, joins and dropout."""
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
