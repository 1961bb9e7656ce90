"""A network's mathematics, checked on the network itself: `verify` yields one finding after the other."""

from __future__ import annotations

from collections.abc import Iterator

from geocnn.network.node import Node
from geocnn.network.plan import Plan
from geocnn.network.verify.agreement import WIRED, plan_findings, prediction_finding, wiring_finding
from geocnn.network.verify.blocks import residual_findings
from geocnn.network.verify.convolutions import convolution_findings
from geocnn.network.verify.drawn import draw, drawn_network, part_up_to
from geocnn.network.verify.field import field_findings
from geocnn.network.verify.finding import Finding
from geocnn.network.verify.linear import dot_finding
from geocnn.network.verify.pools import pool_findings
from geocnn.network.verify.shifts import shift_finding, tile_finding
from geocnn.network.verify.sizing import MOST_AFFORDABLE, cost, small_input, target_of
from geocnn.records import crossed

__all__ = ["Finding", "verify"]

PARAMETERS = 1e8
"""Of a network that is drawn as a whole, in float64."""


def verify(plan: Plan, seed: int = 0) -> Iterator[Finding]:
    """What holds of a plan and of the modules that are built for it, in float64, with numbers drawn from `seed`.

    Layers are checked one by one at small sizes, layers that are alike once; the network as a whole at a small input,
    and along each axis at one that is long enough for all that an output sees.
    """
    yield from plan_findings(plan)
    for node in _distinct(plan):
        yield from convolution_findings(node, seed)
        yield from pool_findings(node, seed)
        dot = dot_finding(plan, node, seed)
        if dot is not None:
            yield dot
    yield from _run_findings(plan, seed)
    for part in _parts(plan):
        yield from _field_and_shift_findings(part, seed)


def _distinct(plan: Plan) -> list[Node]:
    """The first of all nodes that are alike but for their place and size."""
    kinds: dict[object, Node] = {}
    for node in plan.nodes[1:]:
        taken = tuple((plan.nodes[each].channels, bool(plan.nodes[each].shape)) for each in node.inputs)
        kinds.setdefault((node.kind, node.attributes, node.channels, taken), node)
    return list(kinds.values())


def _run_findings(plan: Plan, seed: int) -> Iterator[Finding]:
    """Findings of one run of the whole network at a small input."""
    shape = small_input(plan)
    if cost(plan, shape) > MOST_AFFORDABLE or plan.parameters > PARAMETERS:
        why = f"{plan.parameters:,} parameters at an input of {crossed(shape)} take too long here"
        yield Finding.without(WIRED, why)
        return
    network = drawn_network(plan, seed)
    x = draw((1, plan.input[0], *shape), seed)
    try:
        yield wiring_finding(network, x)
        yield from residual_findings(network, x)
        yield prediction_finding(network, x)
    except (RuntimeError, ValueError) as error:  # What torch says of steps that do not fit together.
        yield Finding(WIRED, f"an input of {crossed(shape)} cannot be run: {error}", float("inf"), 0.0)


def _parts(plan: Plan) -> Iterator[Plan]:
    """What ends in the output, and in each head; where a network ends with one value, what comes before it."""
    ends = [target_of(plan), *(plan.nodes[head] for head in plan.heads.values())]
    for end in ends:
        if end.id and end.shape and all(end.stride):
            yield part_up_to(plan, end)


def _field_and_shift_findings(part: Plan, seed: int) -> Iterator[Finding]:
    network = drawn_network(part, seed)
    for axis in _differing_axes(part):
        yield from field_findings(part, axis)
        yield shift_finding(network, axis, seed)
        yield tile_finding(network, axis, seed)


def _differing_axes(part: Plan) -> list[int]:
    """Axes along which a plan differs; the first of those along which it is the same."""
    kinds: dict[object, int] = {}
    for axis in range(part.ndim):
        kinds.setdefault(tuple((node.reach[axis], node.gather[axis : axis + 1]) for node in part.nodes), axis)
    return list(kinds.values())
