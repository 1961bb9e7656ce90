"""The recipe: how long each step is, which weights learn, and how far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

import torch
from torch import nn

from geocnn.network.build import Network
from geocnn.network.node import step_name
from geocnn.network.plan import Plan
from geocnn.settings import TrainingConfig

__all__ = ["freeze", "learning_rate", "make_optimizer", "still"]


def learning_rate(step: int, settings: TrainingConfig) -> float:
    """Learning rate of a step: linear warm-up, then the schedule.

    Notes
    -----
    With w steps of warm-up and n in all: rate · (k + 1) / w for k < w. Then, with t = (k − w) / (n − w):

    cosine : rate · ½ (1 + cos π t), Loshchilov & Hutter, 2017 (SGDR), without restarts
    poly : rate · (1 − t)^0.9, as nnU-Net, Isensee et al., 2021
    step : rate, a tenth of it from the half on, a hundredth from three quarters on, as He et al., 2016 (ResNet)
    constant : rate
    """
    warmup = settings.warmup
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * _SCHEDULES[settings.schedule]((step - warmup) / (settings.steps - warmup))


_SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
        "poly": lambda t: (1 - t) ** 0.9,
        "step": lambda t: 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01,
        "constant": lambda t: 1.0,
    }
)
"""Share of the full rate after a share t of the steps behind the warm-up."""


def make_optimizer(network: Network, settings: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of all weights that learn, in groups that each know the ``factor`` of their learning rate."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(_factor(_layer(name), settings.learning_rate_factors), []).append(parameter)
    listed = [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            listed,
            lr=settings.learning_rate,
            momentum=settings.momentum,
            nesterov=settings.momentum > 0,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.AdamW(listed, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _factor(layer: str, factors: Mapping[str, float]) -> float:
    """The factor of a layer: the product of all that name it."""
    return math.prod(factor for pattern, factor in factors.items() if fnmatchcase(layer, pattern))


def _layer(name: str) -> str:
    """``layers_3_conv`` of ``steps.layers_3_conv.weight``."""
    return name.split(".")[1]


def freeze(network: Network, patterns: Iterable[str], heads: Iterable[str]) -> None:
    """Have the named layers keep their weights, and layers that serve no output that is trained.

    Parameters
    ----------
    patterns
        Names such as ``layers_0_conv``, or ``layers_1*`` for several.
    heads
        The extra outputs that are trained, too.
    """
    used = {node.id for node in network.plan.trunk} | _above(network.plan, heads)
    named = {step_name(node) for node in network.plan.nodes[1:] if node.id not in used}
    for name, module in network.steps.items():
        if name in named or any(fnmatchcase(name, pattern) for pattern in patterns):
            module.requires_grad_(False)


def _above(plan: Plan, heads: Iterable[str]) -> set[int]:
    """The heads' nodes, and all that these depend on."""
    found: set[int] = set()
    waiting = [plan.heads[name] for name in heads]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(plan.nodes[at].inputs)
    return found


def still(network: Network) -> None:
    """Have the norms of frozen layers keep their statistics, too, where a network is otherwise in training."""
    for module in network.steps.values():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()
