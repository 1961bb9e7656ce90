"""The receptive field: on which samples an output depends, found by running the network on ones and zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from geocnn.network.build import Network
from geocnn.network.join import Join
from geocnn.network.node import JoinAttributes, PoolAttributes, TransposedAttributes, UnpoolAttributes, step_name
from geocnn.network.plan import Plan
from geocnn.network.resampling import Pooled
from geocnn.network.verify.finding import EXACT, Finding
from geocnn.network.verify.sizing import AFFORDABLE, MOST_AFFORDABLE, cost, stretch
from geocnn.records import crossed

__all__ = ["field_findings", "marking", "seen_by"]

PHASES = 32
"""Neighbouring outputs that are looked at; of more some are taken."""
NAME = "outputs see what is planned"


def field_findings(plan: Plan, axis: int) -> Iterator[Finding]:
    """Whether outputs see what is planned along one axis, for as many different windows as are affordable.

    Notes
    -----
    Every weight becomes one and every sample its mark, 1 or 0: marked is what depends on a marked sample of the input.
    An output must be marked by the first sample of its span alone, by the last alone, and by none outside.
    """
    reach, period, place = plan.output.reach[axis], len(plan.output.reach[axis].spans), plan.output.place
    long = stretch(plan, axis, period)
    if long is None:
        why = f"axis {axis + 1}: no input that the network takes is long enough to hold all that an output sees"
        yield Finding.without(NAME, why, place)
        return
    each = max(1.0, 3 * cost(plan, long.shape))
    if each > MOST_AFFORDABLE:
        yield Finding.without(NAME, f"axis {axis + 1}: an input of {crossed(long.shape)} takes too long here", place)
        return
    count = min(period, PHASES, max(1, int(AFFORDABLE / each)))
    chosen = [long.outputs[0] + index * period // count for index in range(count)]
    network = marking(plan)
    told = {j: _as_planned(network, long.shape, axis, j, AFFORDABLE / count) for j in chosen}
    wrong = [j for j in chosen if told[j] is False]
    near, far = max(0, reach.left), max(0, reach.right)
    what = f"axis {axis + 1}: {reach.width} samples, at most {near} before and {far} after, {count} of {period} windows"
    if wrong:
        what += f"; output {wrong[0]} sees other samples than {reach.span(wrong[0])}"
    elif None in told.values():
        what += "; whether both ends are seen takes too long here"
    elif _holes(plan):
        what += "; at most, for upsampling leaves samples that see nothing"
    yield Finding(NAME, what, len(wrong), EXACT, place)


def _as_planned(network: Network, shape: tuple[int, ...], axis: int, j: int, most: float) -> bool | None:
    """Whether an output sees both ends of its span and nothing outside; None if that takes too long to tell.

    Along the other axes the input is as small as can be, so that windows with no tap in the middle may hold nothing but
    padding there: only on an input that is wide along all axes is it certain that an end is not seen.
    """
    plan = network.plan
    span = plan.output.reach[axis].span(j)
    first, last, outside = seen_by(network, shape, axis, j, span)
    if outside or span[0] > span[1] or _holes(plan) or (first and last):
        return not outside
    others = [stretch(plan, each, 1) for each in range(plan.ndim)]
    wide = tuple(
        n if each == axis or other is None else other.shape[each]
        for each, (n, other) in enumerate(zip(shape, others, strict=True))
    )
    if wide == shape:
        return False
    if 3 * cost(plan, wide) > most:
        return None
    first, last, outside = seen_by(network, wide, axis, j, span)
    return first and last and not outside


def seen_by(
    network: Network, shape: tuple[int, ...], axis: int, j: int, span: tuple[int, int]
) -> tuple[bool, bool, bool]:
    """Whether output `j` sees the first sample of a span, its last, and any outside."""
    n = shape[axis]
    marks = torch.zeros(3, n)
    if span[0] <= span[1]:
        marks[0, span[0]] = marks[1, span[1]] = 1
    marks[2] = 1
    marks[2, span[0] : span[1] + 1] = 0
    view = [1] * len(shape)
    view[axis] = n
    x = marks.reshape(3, 1, *view).expand(3, network.plan.input[0], *shape)
    found = []
    with torch.no_grad():
        for each in x:
            y = network(each[None].contiguous())
            found.append(bool(y.select(2 + axis, j).any()))
    return found[0], found[1], found[2]


def _holes(plan: Plan) -> bool:
    """Whether transposed convolutions leave outputs, between others, that none of their inputs reaches."""
    return any(
        step > 1 and (k < step or d > 1)
        for node in plan.nodes
        if isinstance(asked := node.attributes, TransposedAttributes)
        for k, d, step in zip(asked.kernel, asked.dilation, asked.stride, strict=True)
    )


def marking(plan: Plan) -> Network:
    """A network that tells marked samples from others.

    Its windows are those of the true modules. What treats each sample alone hands it on; a product sees what a sum
    sees; an unpool may put a sample anywhere in its window; and what looks at all samples at once is left out.
    """
    network = Network(plan).eval()
    trained = set(network.state_dict())
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if value.is_floating_point():
                if name.endswith(("bias", "running_mean")):
                    value.zero_()
                elif name in trained:
                    value.fill_(1)
                else:
                    value.abs_()  # A fixed kernel; its zeros stay.
    for node in plan.nodes[1:]:
        name = step_name(node)
        if node.kind in ("activation", "dropout", "norm"):
            network.steps[name] = nn.Identity()
        elif node.kind == "global_pool":
            network.steps[name] = _Nothing()
        elif node.kind == "multiply" and isinstance(node.attributes, JoinAttributes):
            network.steps[name] = Join("add", node.attributes)
        elif isinstance(node.attributes, UnpoolAttributes):
            network.steps[name] = _Spread(node.attributes.pool)
        elif isinstance(node.attributes, PoolAttributes) and node.attributes.indices:
            network.steps[name] = _MarkedPool(network.steps[name])
        network.steps[name].register_forward_hook(_marks)
    return network


def _marks(_module: nn.Module, _taken: Any, made: Any) -> Any:
    """1 where there is more than nothing."""
    if isinstance(made, tuple):
        return ((made[0] > 0).float(), (made[1] > 0).float(), made[2])
    return (made > 0).float()


class _Nothing(nn.Module):
    """One sample of none."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:2], *(1,) * (x.ndim - 2))


class _MarkedPool(Pooled):
    """A pool that hands on its marks in place of where the largest samples were: where it looked matters too."""

    def __init__(self, pool: nn.Module) -> None:
        nn.Module.__init__(self)
        self.inner = pool

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, torch.Size]:
        largest, _, sizes = self.inner(x)
        return largest, largest, sizes


class _Spread(nn.Module):
    """Each sample at all places of its window."""

    def __init__(self, pool: PoolAttributes) -> None:
        super().__init__()
        self.stride, self.before = pool.stride, pool.before

    def forward(self, x: Tensor, where: Tensor, sizes: torch.Size) -> Tensor:
        y = x + where
        for axis, (step, near, n) in enumerate(zip(self.stride, self.before, sizes, strict=True), start=2):
            y = y.repeat_interleave(step, axis)
            y = y.narrow(axis, near, min(n, y.shape[axis] - near))
            if y.shape[axis] < n:
                rest = list(y.shape)
                rest[axis] = n - y.shape[axis]
                y = torch.cat((y, y.new_zeros(rest)), axis)
        return y
