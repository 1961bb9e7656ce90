"""Which inputs a plan takes: the sizes of all nodes for other inputs, and the sizes that fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lcm

import numpy as np
from numpy.typing import NDArray

from geocnn.network.node import (
    ConvAttributes,
    JoinAttributes,
    Node,
    PoolAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UpsampleAttributes,
)
from geocnn.network.plan import Plan

__all__ = ["Admissible", "admissible_sizes", "shapes_for", "sizes_along"]

IntArray = NDArray[np.int64]

MOST = 4_000_000
"""Sizes of nodes that are computed to find what is admissible; beyond, only some of it is told."""


@dataclass(frozen=True)
class Admissible:
    """Sizes that a network takes along one axis: ``least + k·step + phase`` for k = 0, 1, … and each phase.

    Attributes
    ----------
    least
        The smallest.
    step
        Of the sequence.
    phases
        0, and what else is admissible between one step and the next.
    most
        The largest; None without end. A flatten layer fixes what arrives at it.
    """

    least: int
    step: int
    phases: tuple[int, ...] = (0,)
    most: int | None = None

    def __contains__(self, size: int) -> bool:
        beyond = self.most is not None and size > self.most
        return size >= self.least and not beyond and (size - self.least) % self.step in self.phases

    def at_least(self, size: int) -> int | None:
        """The smallest that is not below `size`; None if there is none."""
        return self._nearest(range(max(size, self.least), max(size, self.least) + self.step))

    def at_most(self, size: int) -> int | None:
        """The largest that is not above `size`; None if there is none."""
        top = size if self.most is None else min(size, self.most)
        return self._nearest(range(top, max(top - self.step, self.least - 1), -1))

    def _nearest(self, candidates: Sequence[int]) -> int | None:
        return next((each for each in candidates if each in self), None)

    def __str__(self) -> str:
        """``multiples of 8 from 8 on``, ``188 + 16·k``, ``224 to 255``, ``28 alone``."""
        if self.most == self.least:
            return f"{self.least} alone"
        if self.step == 1:
            return f"{self.least} to {self.most}" if self.most is not None else f"any size from {self.least} on"
        starts = [self.least + phase for phase in self.phases]
        end = "" if self.most is None else f" up to {self.most}"
        if self.phases == (0,) and self.least % self.step == 0:
            return f"multiples of {self.step} from {self.least} {'on' if self.most is None else f'to {self.most}'}"
        first = str(starts[0]) if len(starts) == 1 else f"({', '.join(map(str, starts))})"
        return f"{first} + {self.step}·k{end}"


def sizes_along(plan: Plan, axis: int, n: int) -> tuple[int, ...] | None:
    """Sizes of all nodes along one axis for an input of `n` samples; 1 after a flatten. None where it does not fit.

    It fits if windows hold at least one sample, what meets agrees (unless it is cropped), and a flatten layer gets as
    many samples as planned.
    """
    sizes, agree = _fold(plan, axis, np.array([n], np.int64))
    fits = n >= 1 and bool(agree[0])
    fits = fits and all(bool(margin[0] >= 0) for _, margin in _margins(plan, axis, sizes))
    fits = fits and not any(bool(excess[0]) for _, excess in _excesses(plan, axis, sizes))
    return tuple(int(size[0]) for size in sizes) if fits else None


def shapes_for(plan: Plan, shape: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
    """Shapes of all nodes for an input of another shape, () after a flatten; None where it does not fit."""
    if tuple(shape) == plan.input[1:]:
        return tuple(node.shape for node in plan.nodes)
    axes = [sizes_along(plan, axis, n) for axis, n in enumerate(shape)]
    found = [sizes for sizes in axes if sizes is not None]
    if len(found) < len(axes):
        return None
    return tuple(sizes if node.shape else () for node, sizes in zip(plan.nodes, zip(*found, strict=True), strict=True))


def admissible_sizes(plan: Plan) -> tuple[Admissible, ...]:
    """What a plan takes along each axis, whatever the sizes along the others.

    Notes
    -----
    With P the plan's stride along the axis, P further samples of input are P / stride further samples of each node.
    So P consecutive sizes tell all: what meets agrees for n + k·P if it does for n, and the smallest k follows from the
    node that has the fewest samples. Where P is beyond reason, only the planned size and every P-th are told.
    """
    known: dict[tuple[object, ...], Admissible] = {}
    found = []
    for axis in range(plan.ndim):
        signature = (plan.input[axis + 1], *(_numbers(node, axis) for node in plan.nodes))
        if signature not in known:
            known[signature] = _admissible(plan, axis)
        found.append(known[signature])
    return tuple(found)


def _admissible(plan: Plan, axis: int) -> Admissible:
    planned, period = plan.input[axis + 1], _period(plan, axis)
    count = period if period * len(plan.nodes) <= MOST else 1
    n = planned + np.arange(count, dtype=np.int64)
    sizes, agree = _fold(plan, axis, n)
    least = -((n - 1) // period)  # k of the smallest input
    for node, margin in _margins(plan, axis, sizes):
        if rate := _rate(node, axis, period):
            least = np.maximum(least, -(margin // rate))
    most = None
    for node, excess in _excesses(plan, axis, sizes):
        if rate := _rate(node, axis, period):
            agree &= excess % rate == 0
            here = -(excess // rate)
            agree &= (here >= least) if most is None else (here == most)
            most = here
    if most is not None:
        return _listed(sorted(int(each) for each in (n + most * period)[agree & (most >= least)]))
    starts = sorted(int(each) for each in (n + least * period)[agree])
    return _reduced(starts[0], period, [each - starts[0] for each in starts])


def _period(plan: Plan, axis: int) -> int:
    """The plan's stride P along the axis, heads counted too."""
    return lcm(*(node.stride[axis].numerator for node in plan.nodes if node.shape and node.stride[axis]))


def _rate(node: Node, axis: int, period: int) -> int:
    """Samples of a node for `period` samples of the input."""
    stride = node.stride[axis]
    return period * stride.denominator // stride.numerator if stride else 0


def _reduced(least: int, period: int, phases: list[int]) -> Admissible:
    """The same sizes with the smallest step."""
    wanted = set(phases)
    for parts in range(len(phases), 1, -1):
        step = period // parts
        if period % parts == 0 and wanted == {(phase + step) % period for phase in phases}:
            return Admissible(least, step, tuple(phase for phase in phases if phase < step))
    return Admissible(least, period, tuple(phases))


def _listed(sizes: list[int]) -> Admissible:
    """Sizes between two ends."""
    gaps = {b - a for a, b in pairwise(sizes)}
    if len(gaps) <= 1:
        return Admissible(sizes[0], next(iter(gaps), 1), (0,), sizes[-1])
    whole = sizes[-1] - sizes[0] + 1
    return Admissible(sizes[0], whole, tuple(size - sizes[0] for size in sizes), sizes[-1])


def _fold(plan: Plan, axis: int, n: IntArray) -> tuple[list[IntArray], NDArray[np.bool_]]:
    """Sizes of all nodes along one axis for inputs of each size in `n`, and for which of them what meets agrees."""
    sizes, agree = [n], np.ones(len(n), bool)
    for node in plan.nodes[1:]:
        taken = [sizes[each] for each in node.inputs]
        if isinstance(node.attributes, JoinAttributes):
            wide = [size for size, each in zip(taken, node.inputs, strict=True) if not plan.nodes[each].single]
            size, *others = wide or taken
            for other in others:
                if node.attributes.crop:
                    size = np.minimum(size, other)
                else:
                    agree &= size == other
            sizes.append(size)
        elif node.kind == "unpool":
            agree &= taken[0] == taken[1]
            sizes.append(sizes[plan.nodes[node.inputs[1]].inputs[0]])
        else:
            sizes.append(_after(node, axis, taken[0]))
    return sizes, agree


def _after(node: Node, axis: int, size: IntArray) -> IntArray:
    """Sizes along an axis after a step on one node; the formulas are those of `Windows`."""
    asked = node.attributes
    if isinstance(asked, ConvAttributes | PoolAttributes):
        window, stride, ends = _numbers(node, axis)
        return (size + ends - window) // stride + 1
    if isinstance(asked, TransposedAttributes):
        window, stride, ends = _numbers(node, axis)
        return (size - 1) * stride + window - ends
    if isinstance(asked, UpsampleAttributes | ShuffleAttributes):
        return size * asked.factor[axis]
    return np.ones_like(size) if node.kind == "global_pool" or not node.shape else size


def _numbers(node: Node, axis: int) -> tuple[int, ...]:
    """Numbers of a sliding window along an axis: its samples d(k−1) + 1, its stride, and what is padded or cropped."""
    asked = node.attributes
    if isinstance(asked, ConvAttributes | TransposedAttributes):
        window = asked.dilation[axis] * (asked.kernel[axis] - 1) + 1
        return window, asked.stride[axis], asked.before[axis] + asked.after[axis]
    if isinstance(asked, PoolAttributes):
        return asked.size[axis], asked.stride[axis], asked.before[axis] + asked.after[axis]
    if isinstance(asked, UpsampleAttributes | ShuffleAttributes):
        return (asked.factor[axis],)
    return ()


def _margins(plan: Plan, axis: int, sizes: Sequence[IntArray]) -> Iterator[tuple[Node, IntArray]]:
    """Samples that nodes have beyond the fewest that they must have."""
    for node in plan.nodes:
        if node.shape:
            yield node, sizes[node.id] - 1
        asked = node.attributes
        if isinstance(asked, ConvAttributes) and asked.padding_mode == "reflect":
            padded = max(asked.before[axis], asked.after[axis])
            yield plan.nodes[node.inputs[0]], sizes[node.inputs[0]] - 1 - padded


def _excesses(plan: Plan, axis: int, sizes: Sequence[IntArray]) -> Iterator[tuple[Node, IntArray]]:
    """Samples that arrive at flatten layers beyond those that were planned."""
    for node in plan.nodes:
        if node.kind == "flatten":
            taken = plan.nodes[node.inputs[0]]
            yield taken, sizes[taken.id] - taken.shape[axis]
