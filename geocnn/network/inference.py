"""The same network for prediction alone: norms folded into weights, activations fused into convolutions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from geocnn.network.build import Network
from geocnn.network.keeping import folds
from geocnn.network.liveness import overwrites, users
from geocnn.network.modules import ChannelNorm, TransposedConvolution, overwriting
from geocnn.network.node import ActivationAttributes, Node
from geocnn.network.schedule import Schedule

__all__ = ["CHANNELS_LAST", "InferenceNetwork", "core_of"]

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Layouts with channels side by side, by the axes of a tensor."""


class InferenceNetwork(nn.Module):
    """What a network computes once it is trained, in less time and memory.

    Its outputs differ from the network's by rounding alone. Its weights are copies, in the layout that its device
    computes fastest in.

    Parameters
    ----------
    network
        In `eval` mode or not: running statistics are used, dropout does nothing.
    in_parts
        Whether its steps will be run part by part, so that what others still need is not written over.
    dtype
        In which it takes inputs and computes; None is the network's own. Norms are folded before weights are rounded.

    Notes
    -----
    A batch norm after a convolution y = Wx + b is one too: γ(y − μ)/√(σ² + ε) + β = W'x + b' with W' = W·γ/√(σ² + ε)
    and b' = (b − μ)·γ/√(σ² + ε) + β.
    """

    def __init__(self, network: Network, in_parts: bool = False, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.plan = plan = network.plan
        over, counts = overwrites(plan, training=False, alone=in_parts), users(plan)
        modules: dict[int, nn.Module] = {}
        for node in plan.trunk[1:]:
            maker = plan.nodes[node.inputs[0]]
            module = copy.deepcopy(network.step(node)).eval()
            if folds(node, plan.nodes, counts):
                modules[maker.id] = _folded(modules[maker.id], module)
                module = nn.Identity()
            elif node.kind == "dropout":
                module = nn.Identity()
            elif node.id in over:
                module = overwriting(module)
            modules[node.id] = module
        _fuse_activations(plan.trunk, modules, counts)
        for at, module in modules.items():
            if isinstance(core_of(module), nn.Conv1d | nn.Conv2d | nn.Conv3d):
                modules[at] = _fused(module, "none", nn.Identity())
        if dtype is not None:
            modules = {at: _rounded(module, dtype) for at, module in modules.items()}
        self.steps = nn.ModuleList(modules[node.id] for node in plan.trunk[1:])
        self._schedule = Schedule(plan.trunk, {plan.output_id})
        self.requires_grad_(requires_grad=False)
        _put_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, \\*shape) of inputs (B, C, \\*shape)."""
        return self._schedule.run(list(self.steps), x)[self.plan.output_id]


def _put_channels_last(module: nn.Module) -> None:
    """Lay out the weights of convolutions, which hand their layout on to what they make.

    With channels side by side most networks along two and three axes of the zoo predict in 0.71 to 0.90 of the time
    on a CPU (fault-highres in 1.05 of it); training gains nothing.
    """
    for weight in module.parameters():
        if weight.device.type == "cpu" and weight.ndim in CHANNELS_LAST:
            weight.data = weight.data.to(memory_format=CHANNELS_LAST[weight.ndim])


class InFloat32(nn.Module):
    """A module that computes in float32 whatever it takes, and hands that type on."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.float()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x.float()).to(x.dtype)
        return y


def _rounded(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The module with weights of a type; a short one leaves those of `_WIDE` in float32."""
    wide = dtype.itemsize < 4 and any(isinstance(part, _WIDE) for part in module.modules())
    return InFloat32(module) if wide else module.to(dtype)


_WIDE = (nn.modules.batchnorm._NormBase, nn.GroupNorm, ChannelNorm, nn.AvgPool3d)
"""Norms, whose statistics are sums over many samples, and the one step that torch has no bf16 form of on a CPU."""


def _folded(layer: nn.Module, norm: Any) -> nn.Module:
    """A convolution, transposed convolution or dense layer with a batch norm in its weights."""
    core = core_of(layer)
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    weight, groups = core.weight.double(), getattr(core, "groups", 1)
    if isinstance(core, nn.modules.conv._ConvTransposeNd):
        # (C_in, C_out / groups, …): output channels are counted group by group.
        per_group = scale.view(groups, 1, -1, *(1,) * (weight.ndim - 2))
        scaled = (weight.view(groups, -1, *weight.shape[1:]) * per_group).view_as(weight)
    else:
        scaled = weight * scale.view(-1, *(1,) * (weight.ndim - 1))
    bias = core.bias.double() if core.bias is not None else torch.zeros_like(scale)
    shifted = (bias - norm.running_mean.double()) * scale + norm.bias.double()
    dtype = core.weight.dtype
    core.weight = nn.Parameter(scaled.to(dtype), requires_grad=False)
    core.bias = nn.Parameter(shifted.to(dtype), requires_grad=False)
    return layer


def core_of(layer: nn.Module) -> Any:
    """The module that holds the weights: the layer may pad before, or crop after it."""
    if isinstance(layer, nn.Sequential):
        return layer[-1]
    return layer.convolution if isinstance(layer, TransposedConvolution) else layer


def _fuse_activations(nodes: tuple[Node, ...], modules: dict[int, nn.Module], counts: list[int]) -> None:
    """Let convolutions apply the activation that alone follows them; the activation's own step becomes nothing."""
    made = {node.id: node for node in nodes}
    for node in nodes:
        if not isinstance(node.attributes, ActivationAttributes):
            continue
        maker = made[node.inputs[0]]
        while counts[maker.id] == 1 and isinstance(modules.get(maker.id), nn.Identity):
            maker = made[maker.inputs[0]]
        layer = modules.get(maker.id)
        core = core_of(layer) if layer is not None else None
        if counts[maker.id] != 1 or not isinstance(core, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            continue
        modules[maker.id] = _fused(layer, node.attributes.function, modules[node.id])
        modules[node.id] = nn.Identity()


def _fused(layer: Any, function: str, activation: nn.Module) -> nn.Module:
    """A convolution, with the padding before it if any, that applies an activation."""
    fused = FusedConvolution(core_of(layer), function, activation)
    return nn.Sequential(layer[0], fused) if isinstance(layer, nn.Sequential) else fused


_POINTWISE: Mapping[str, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "relu": ("relu", [], ""),
    "leaky_relu": ("leaky_relu", [0.01], ""),
    "gelu": ("gelu", [], "none"),
    "silu": ("swish", [], ""),
    "tanh": ("tanh", [], ""),
    "sigmoid": ("sigmoid", [], ""),
}
"""What oneDNN calls the activations that it computes while a convolution's output is still in the cache."""


class FusedConvolution(nn.Module):
    """A convolution and the activation after it, in one pass over memory where the processor's library can.

    Without activation too: for small inputs torch's own convolution copies each sample once for each tap.
    """

    def __init__(self, convolution: Any, function: str, activation: nn.Module) -> None:
        super().__init__()
        self.convolution, self.activation = convolution, overwriting(activation)
        self.attributes = _POINTWISE.get(function)
        self.pointwise = _pointwise() if self.attributes is not None else None

    def forward(self, x: Tensor) -> Tensor:
        convolution = self.convolution
        if self.pointwise is None or self.attributes is None or not _plain_float(x):
            fallback: Tensor = self.activation(convolution(x))
            return fallback
        return self.pointwise(
            x,
            convolution.weight,
            convolution.bias,
            convolution.padding,
            convolution.stride,
            convolution.dilation,
            convolution.groups,
            *self.attributes,
        )


def _plain_float(x: Tensor) -> bool:
    """Whether oneDNN computes a convolution of this tensor as it is, and nobody asks for gradients."""
    plain = x.device.type == "cpu" and (x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and _bf16()))
    return plain and not torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled()


@cache
def _bf16() -> bool:
    """Whether oneDNN computes in bf16 on this processor."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _pointwise() -> Callable[..., Tensor] | None:
    """Torch's operator for a convolution and an activation in one; None where it was built without oneDNN.

    It is no public part of torch: without it the activation is a step of its own.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    operator: Callable[..., Tensor] | None = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    return operator
