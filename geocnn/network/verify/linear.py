"""Linear layers: the gradient is the adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from geocnn.network.node import (
    DenseAttributes,
    GlobalPoolAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    UnpoolAttributes,
)
from geocnn.network.plan import Plan
from geocnn.network.verify.drawn import draw, drawn_module
from geocnn.network.verify.finding import ROUNDING, Finding
from geocnn.network.verify.sizing import small_shape

__all__ = ["Map", "dot_finding", "linear_map"]

FEATURES = 256
"""Of a dense layer: more are not needed to tell what it is."""


@dataclass(frozen=True)
class Map:
    """A layer as a function of its inputs, and their shapes (C, \\*shape)."""

    apply: Callable[..., Tensor]
    shapes: tuple[tuple[int, ...], ...]


def linear_map(plan: Plan, node: Node, seed: int) -> Map | None:
    """A linear layer; None if it is not linear. A product is linear in its first input: the others are held."""
    asked = node.attributes
    ndim = plan.ndim
    taken = [plan.nodes[each] for each in node.inputs]
    if isinstance(asked, UnpoolAttributes):
        return _unpool(node, asked, small_shape(node, ndim), seed)
    if isinstance(asked, JoinAttributes):
        return _join(node, taken, ndim, seed)
    if isinstance(asked, PoolAttributes | GlobalPoolAttributes) and asked.method == "max":
        return None
    if node.kind in ("activation", "dropout") or (isinstance(asked, NormAttributes) and asked.method != "batch"):
        return None
    if isinstance(asked, DenseAttributes):
        features = min(asked.in_features, FEATURES)
        few = replace(node, channels=min(node.channels, FEATURES), attributes=replace(asked, in_features=features))
        return Map(drawn_module(few, seed), ((features,),))
    shape = small_shape(node, ndim) if taken[0].shape else ()
    return Map(drawn_module(node, seed), ((taken[0].channels, *shape),))


def _unpool(node: Node, asked: UnpoolAttributes, shape: tuple[int, ...], seed: int) -> Map:
    """Places that a pool of the same windows found in a drawn input."""
    pooled = replace(node, kind="pool", attributes=replace(asked.pool, indices=True))
    with torch.no_grad():
        largest, *places = drawn_module(pooled, seed)(draw((1, node.channels, *shape), seed))
    module = drawn_module(node, seed)
    return Map(lambda x: module(x, *places), (tuple(largest.shape[1:]),))


def _join(node: Node, taken: list[Node], ndim: int, seed: int) -> Map:
    module: Any = drawn_module(node, seed)
    crop = isinstance(node.attributes, JoinAttributes) and node.attributes.crop
    shapes = []
    for index, each in enumerate(taken):
        one = each.shape and not any(each.stride)
        wide = tuple(3 + axis + index * crop for axis in range(ndim)) if each.shape else ()
        shapes.append((each.channels, *((1,) * ndim if one else wide)))
    if node.kind != "multiply":
        return Map(module, tuple(shapes))
    held = [draw((1, *shape), seed + index) for index, shape in enumerate(shapes[1:])]
    return Map(lambda x: module(x, *held), (shapes[0],))


def dot_finding(plan: Plan, node: Node, seed: int) -> Finding | None:
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩, with A x = f(x) − f(0) and Aᵀ y the gradient at another point; None if f is not linear.

    Notes
    -----
    At another point, because the gradient at x is that of ⟨f(x), y⟩ for a rectifier too.
    """
    linear = linear_map(plan, node, seed)
    if linear is None:
        return None
    xs = [draw((1, *shape), seed + 11 + index) for index, shape in enumerate(linear.shapes)]
    others = [draw((1, *shape), seed + 31 + index).requires_grad_() for index, shape in enumerate(linear.shapes)]
    with torch.no_grad():
        ax = linear.apply(*(x.clone() for x in xs)) - linear.apply(*(torch.zeros_like(x) for x in xs))
    y = draw(tuple(ax.shape), seed + 51)
    out = linear.apply(*others)
    gradients = torch.autograd.grad(out, others, y)
    left = float((ax * y).sum())
    right = float(sum((x * gradient).sum() for x, gradient in zip(xs, gradients, strict=True)))
    size = max(1.0, float(ax.norm() * y.norm()))
    what = f"⟨Ax, y⟩ = {left:.6g}, ⟨x, Aᵀy⟩ = {right:.6g}"
    return Finding(f"⟨Ax, y⟩ = ⟨x, Aᵀy⟩ of {node.kind}", what, abs(left - right) / size, ROUNDING, node.place)
