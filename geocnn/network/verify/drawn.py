"""Modules and networks with every number drawn at random, and what each step of a network makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from geocnn.network.build import Network
from geocnn.network.modules import make_module
from geocnn.network.node import Node, needed_by
from geocnn.network.plan import Plan

__all__ = ["difference", "draw", "drawn_module", "drawn_network", "inside", "observed", "part_up_to", "weight_of"]


def draw(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal numbers of mean 0 and variance 1."""
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def drawn_module(node: Node, seed: int) -> nn.Module:
    """The module of a node in float64, ready to predict."""
    module: nn.Module = _fill(make_module(node), seed)
    return module


def drawn_network(plan: Plan, seed: int) -> Network:
    """A network in float64, ready to predict, whose values stay of the order of one."""
    network: Network = _fill(Network(plan), seed)
    return network


def _fill(module: Any, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    trained = set(module.state_dict())  # A fixed kernel is a buffer that no model file holds.
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if not value.is_floating_point() or "num_batches" in name or name not in trained:
                continue
            drawn = torch.randn(value.shape, dtype=value.dtype, generator=generator)
            if name.endswith("running_var") or (name.endswith("weight") and value.ndim < 2):
                drawn = 0.5 + drawn.sigmoid()
            elif name.endswith("weight"):
                drawn = drawn / value[0].numel() ** 0.5
            value.copy_(drawn)
    return module


def weight_of(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """The kernel of a convolution or the matrix of a dense layer, trained or fixed, and its bias."""
    named = {name.rsplit(".", 1)[-1]: value for name, value in [*module.named_buffers(), *module.named_parameters()]}
    bias = named.get("bias")
    return named["weight"].detach(), None if bias is None else bias.detach()


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest value if that is above one; infinite for unequal shapes."""
    if found.shape != expected.shape:
        return float("inf")
    if not found.numel():
        return 0.0
    return float((found - expected).abs().max()) / max(1.0, float(expected.abs().max()))


def inside(slices: Iterable[slice]) -> tuple[slice, ...]:
    """An index of samples, in all channels of a batch."""
    return (slice(None), slice(None), *slices)


def observed(network: Network, x: Tensor) -> tuple[dict[int, Tensor], dict[int, tuple[Any, ...]]]:
    """The output of each node by its number, those of heads too, and what pools tell of their places."""
    values, places = {0: x.clone()}, {}

    def note(node: Node, made: Any) -> None:
        if isinstance(made, tuple):
            made, *found = made
            places[node.id] = tuple(found)
        values[node.id] = made.clone()  # A later step may overwrite it.

    with _watched(network, note), torch.no_grad():
        network.with_heads(x)
    return values, places


@contextmanager
def _watched(network: Network, note: Any) -> Iterator[None]:
    handles = [
        network.step(node).register_forward_hook(lambda _module, _taken, made, node=node: note(node, made))
        for node in network.plan.nodes[1:]
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def part_up_to(plan: Plan, target: Node) -> Plan:
    """The nodes that one node depends on, as a plan of their own; places stay."""
    kept = needed_by(plan.nodes, (target.id,))
    numbers = {node.id: number for number, node in enumerate(kept)}
    nodes = tuple(
        replace(node, id=numbers[node.id], inputs=tuple(numbers[each] for each in node.inputs)) for node in kept
    )
    return Plan(nodes, plan.input, target.channels, numbers[target.id], {})
