"""Small sizes to verify at: of a layer alone, and of a network along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from geocnn.network.node import (
    ConvAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    TransposedAttributes,
    UnpoolAttributes,
)
from geocnn.network.plan import Plan
from geocnn.network.sizes import admissible_sizes, shapes_for, sizes_along

__all__ = [
    "AFFORDABLE",
    "MOST_AFFORDABLE",
    "Stretch",
    "cost",
    "small_input",
    "small_shape",
    "stretch",
    "target_of",
]

AFFORDABLE = 2e10
"""Multiply-adds that one check takes where it could take more."""
MOST_AFFORDABLE = 1e11
"""Multiply-adds that one check may take; what takes more is told as not checked."""
SOME = 8
"""Samples along each axis of a run of the whole network, where that is affordable."""
LARGEST = {1: 48, 2: 12, 3: 7}
"""Samples along each axis of a layer alone, where its window allows it."""


def small_shape(node: Node, ndim: int) -> tuple[int, ...]:
    """Sizes at which one layer is checked: some windows inside, and different along each axis."""
    return tuple(_small(node, axis, LARGEST[ndim]) + axis % 2 for axis in range(ndim))


def _small(node: Node, axis: int, most: int) -> int:
    asked = node.attributes.pool if isinstance(node.attributes, UnpoolAttributes) else node.attributes
    if isinstance(asked, ConvAttributes | PoolAttributes):
        size, dilation = (asked.kernel, asked.dilation) if isinstance(asked, ConvAttributes) else (asked.size, None)
        window = (dilation[axis] if dilation else 1) * (size[axis] - 1) + 1
        least = max(1, window - asked.before[axis] - asked.after[axis])
        if isinstance(asked, ConvAttributes) and asked.padding_mode == "reflect":
            least = max(least, asked.before[axis] + 1, asked.after[axis] + 1)
        return max(least, min(window + asked.stride[axis], most))
    if isinstance(asked, TransposedAttributes):
        cropped = asked.before[axis] + asked.after[axis] - asked.dilation[axis] * (asked.kernel[axis] - 1)
        return max(3, 1 + -(-cropped // asked.stride[axis]))
    return 3


def cost(plan: Plan, shape: tuple[int, ...]) -> float:
    """Multiply-adds of one pass over an input of another shape, about."""
    return plan.multiply_adds * prod(shape) / prod(plan.input[1:])


def small_input(plan: Plan) -> tuple[int, ...]:
    """A small input that a plan takes: some samples along each axis, or as few as can be."""
    sizes = admissible_sizes(plan)
    for least in (SOME, 2 * SOME, 0):
        shape = tuple(each.at_least(least) or each.least for each in sizes)
        if cost(plan, shape) <= AFFORDABLE and not _starves(plan, shape):
            return shape
    return plan.input[1:]


def _starves(plan: Plan, shape: tuple[int, ...]) -> bool:
    """Whether only one sample is left of what is to be normalised by its samples, or to be cropped."""
    made = shapes_for(plan, shape)
    if made is None:
        return True
    short = [bool(node.shape) and any(node.stride) and prod(made[node.id]) == 1 for node in plan.nodes]
    return any(
        short[node.inputs[0]]
        if isinstance(node.attributes, NormAttributes)
        else any(short[each] for each in node.inputs)
        for node in plan.nodes
        if (isinstance(node.attributes, NormAttributes) and node.attributes.method == "instance")
        or (isinstance(node.attributes, JoinAttributes) and node.attributes.crop)
    )


def target_of(plan: Plan) -> Node:
    """The network's output, or the last node on the way to it that still has samples along all axes."""
    return next(node for node in reversed(plan.trunk) if node.shape and all(node.stride))


@dataclass(frozen=True)
class Stretch:
    """An input that is long along one axis and as small as can be along the others.

    Attributes
    ----------
    shape
        Of the input.
    outputs
        First and last output, along the axis, all of whose input lies inside.
    """

    shape: tuple[int, ...]
    outputs: tuple[int, int]


def stretch(plan: Plan, axis: int, count: int) -> Stretch | None:
    """The smallest input in which `count` neighbouring outputs see no padding; None if the plan takes no such input."""
    reach, sizes = plan.output.reach[axis], admissible_sizes(plan)
    period = len(reach.spans)
    first = 0
    while min(reach.span(first + phase)[0] for phase in range(period)) < 1:
        first += period
    need = max(reach.span(first + index)[1] for index in range(max(count, period))) + 2
    n = sizes[axis].at_least(need)
    while n is not None:
        made = sizes_along(plan, axis, n)
        if made is not None and made[plan.output_id] >= first + count:
            break
        n = sizes[axis].at_least(n + 1)
    if n is None:
        return None
    shape = tuple(n if each == axis else size.least for each, size in enumerate(sizes))
    return Stretch(shape, (first, first + count - 1))
