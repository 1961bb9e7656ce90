"""A shifted input gives a shifted output, and a tile with its halo what the whole gives."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from geocnn.network.build import Network
from geocnn.network.plan import Plan
from geocnn.network.sizes import sizes_along
from geocnn.network.verify.drawn import difference, draw
from geocnn.network.verify.finding import ROUNDING, Finding
from geocnn.network.verify.sizing import AFFORDABLE, MOST_AFFORDABLE, Stretch, cost, stretch
from geocnn.records import crossed

__all__ = ["shift_curve", "shift_finding", "tile_finding"]

SHIFTED = "shifted input, shifted output"
TILED = "a tile gives what the whole gives"
LEAST_PASSES = 4
"""The still network, and shifts by 0, one and two strides."""


def shift_finding(network: Network, axis: int, seed: int) -> Finding:
    """Whether outputs shift with the input, by 0, one and two strides; by how much not between them is told."""
    plan = network.plan
    if plan.breaks:
        node = plan.breaks[0]
        return Finding.without(SHIFTED, f"{node.kind} looks at all samples at once", node.place)
    place, stride = plan.output.place, plan.stride[axis]
    long = _for_shifts(plan, axis)
    if long is None:
        return Finding.without(SHIFTED, f"axis {axis + 1}: no input that it takes is long enough", place)
    each = max(1.0, cost(plan, long.shape))
    if LEAST_PASSES * each > MOST_AFFORDABLE:
        why = f"axis {axis + 1}: an input of {crossed(long.shape)} takes too long here"
        return Finding.without(SHIFTED, why, place)
    passes = max(LEAST_PASSES, int(AFFORDABLE / each))
    between = [shift for shift in range(2 * stride + 1) if shift % stride]
    kept = between[:: -(-len(between) // max(1, passes - LEAST_PASSES))] if between else []
    curve = shift_curve(network, axis, seed, sorted({0, stride, 2 * stride, *kept}), long)
    whole = max(curve[shift] for shift in (0, stride, 2 * stride))
    rest = [value for shift, value in curve.items() if shift % stride]
    what = f"axis {axis + 1}: by 0, {stride} and {2 * stride} samples"
    if rest:
        what += f"; it differs by up to {max(rest):.2g} at {len(rest)} shifts between"
    return Finding(SHIFTED, what, whole, ROUNDING, place)


def _for_shifts(plan: Plan, axis: int) -> Stretch | None:
    """Room for outputs that are compared at all shifts up to two strides."""
    step = plan.output.stride[axis]
    return stretch(plan, axis, int(2 * plan.stride[axis] / step) + max(2, len(plan.output.reach[axis].spans)))


def shift_curve(
    network: Network, axis: int, seed: int, shifts: list[int] | None = None, long: Stretch | None = None
) -> Mapping[int, float]:
    """By how much a network's output for a shifted input differs from its shifted output, by shift.

    Only outputs are compared all of whose input lies inside, and only shifts that are whole in the output's samples.
    Left out, `shifts` are all up to two strides.
    """
    plan = network.plan
    long = _for_shifts(plan, axis) if long is None else long
    if long is None:
        raise ValueError("the plan takes no input that is long enough")
    top = 2 * plan.stride[axis]
    shifts = list(range(top + 1)) if shifts is None else shifts
    n, step = long.shape[axis], plan.output.stride[axis]
    x = draw((1, plan.input[0], *(size + top * (each == axis) for each, size in enumerate(long.shape))), seed)
    first, last = long.outputs
    curve = {}
    with torch.no_grad():
        still = network(x.narrow(2 + axis, 0, n).contiguous())
        for shift in shifts:
            if (shift / step).denominator > 1:
                continue
            moved = int(shift / step)
            shifted = network(x.narrow(2 + axis, shift, n).contiguous())
            count = last - first + 1 - moved
            curve[shift] = difference(
                shifted.narrow(2 + axis, first, count), still.narrow(2 + axis, first + moved, count)
            )
    return curve


def tile_finding(network: Network, axis: int, seed: int) -> Finding:
    """Whether a tile from the middle of a whole, along one axis, makes what the whole makes there."""
    plan = network.plan
    place = plan.output.place
    if plan.breaks:
        node = plan.breaks[0]
        return Finding.without(TILED, f"{node.kind} looks at all samples at once", node.place)
    stride = plan.stride[axis]
    near, far = (-(-width // stride) * stride for width in plan.halo[axis])
    tile, n = near + stride + far, near + far + 3 * stride
    long = stretch(plan, axis, len(plan.output.reach[axis].spans))
    shape = None if long is None else tuple(n if each == axis else size for each, size in enumerate(long.shape))
    if shape is None or any(_outputs(plan, axis, size) != size for size in (tile, n)):
        return Finding.without(TILED, f"axis {axis + 1}: the output has other sizes than the input", place)
    if 2 * cost(plan, shape) > MOST_AFFORDABLE:
        return Finding.without(TILED, f"axis {axis + 1}: {n} samples take too long here", place)
    x = draw((1, plan.input[0], *shape), seed)
    with torch.no_grad():
        whole = network(x).narrow(2 + axis, near + stride, stride)
        made = network(x.narrow(2 + axis, stride, tile).contiguous()).narrow(2 + axis, near, stride)
    what = f"axis {axis + 1}: {stride} of {n} samples, with {near} before and {far} after"
    return Finding(TILED, what, difference(made, whole), ROUNDING, place)


def _outputs(plan: Plan, axis: int, n: int) -> int | None:
    sizes = sizes_along(plan, axis, n)
    return None if sizes is None else sizes[plan.output_id]
