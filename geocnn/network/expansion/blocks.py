"""From layers to nodes: a block layer by layer, and the layers that hold blocks.

The function of each kind of layer takes the draft, the layer, where it is written and the node that it follows; it adds
nodes and returns the last one. Their first lines say what becomes of (C, N): channels, and samples along each axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_output
from geocnn.network.expansion.convolutions import conv, dense, projection, transposed_conv
from geocnn.network.expansion.joins import add, concat, join, multiply, use
from geocnn.network.expansion.pointwise import activation, dropout, norm, tail
from geocnn.network.expansion.pooling import flatten, pool, unpool
from geocnn.network.expansion.upsampling import pixel_shuffle, upsample

__all__ = ["block"]


def block(draft: Draft, written: Sequence[layers.Layer], place: KeyPath, at: int) -> int:
    """Nodes of layers that share their names for skips; the last node."""
    with draft.block():
        return _in_order(draft, written, place, at)


def _in_order(draft: Draft, written: Sequence[layers.Layer], place: KeyPath, at: int) -> int:
    if not written:
        draft.fault(place, "no layers", "at least one layer")
    for index, layer in enumerate(written):
        here = (*place, index)
        draft.count_step(here)
        at = _STEPS[layer.kind](draft, layer, here, at)
        if layer.save is not None:
            draft.save(layer.save, here, at)
        if layer.head is not None:
            draft.head(layer.head, here, at)
    return at


def _residual(draft: Draft, layer: layers.Residual, place: KeyPath, at: int) -> int:
    done = block(draft, layer.layers, (*place, "residual"), at)
    if done == at and not draft.faults:
        draft.fault(place, "the block hands its input on", "layers that change it", "remove the block")
        return at
    crop = layer.fit == "crop"
    shortcut = at if layer.join == "concat" else _shortcut(draft, layer, place, (at, done))
    if shortcut is not None:
        done = join(draft, layer.join, place, (done, shortcut), ("the block's input",), crop=crop)
    return tail(draft, layer, place, done)


def _shortcut(draft: Draft, layer: layers.Residual, place: KeyPath, ends: tuple[int, int]) -> int | None:
    """The block's input, projected where channels or stride differ; None where that cannot be, or is unsure."""
    first, last = (draft.nodes[end] for end in ends)
    if not draft.sure_of_shape(*ends) or not draft.sure_of_channels(*ends):
        return None
    if not last.shape and (first.shape or first.channels != last.channels):
        found, expected = f"the block turns {spell_output(first)} into {spell_output(last)}", "as much out as in"
        draft.fault(place, found, expected, "put flatten and dense outside the block")
        return None
    if any(ours == 0 != theirs for ours, theirs in zip(last.stride, first.stride, strict=True)):
        found, expected = "the block ends with one sample that stands for all", "a block that keeps or reduces sizes"
        draft.fault(place, found, expected, "save the input and multiply by it: {save: x} … {multiply: x}")
        return None
    ratio = [ours / theirs if theirs else Fraction(1) for ours, theirs in zip(last.stride, first.stride, strict=True)]
    if any(each.denominator > 1 for each in ratio):
        found, expected = "the block upsamples, and its input cannot follow", "a block that keeps or reduces sizes"
        draft.fault(place, found, expected, "put upsample outside the block")
        return None
    if first.channels == last.channels and all(each == 1 for each in ratio):
        return ends[0]
    stride = tuple(each.numerator for each in ratio)
    return projection(draft, (*place, "shortcut"), ends[0], last.channels, stride, _norm_of(layer))


def _norm_of(layer: layers.Residual) -> layers.NormKind | None:
    """The norm that the layers of a block use."""
    norms = [each.norm for each in layer.layers if isinstance(each, layers.Weighted)]
    norms += [each.method for each in layer.layers if isinstance(each, layers.Norm)]
    return next((norm for norm in norms if norm is not None), None)


def _branches(draft: Draft, layer: layers.Branches, place: KeyPath, at: int) -> int:
    ends = tuple(
        block(draft, written, (*place, "branches", index), at) if written else at
        for index, written in enumerate(layer.blocks)
    )
    names = tuple(f"branch {index}" for index in range(1, len(ends)))
    if any(draft.nodes[end].shape == () for end in ends) and draft.nodes[at].shape:
        draft.fault(place, "a branch ends without axes", "samples along axes", "put flatten and dense after the join")
        return at
    done = join(draft, layer.join, place, ends, names, crop=layer.fit == "crop")
    return tail(draft, layer, place, done)


def _repeat(draft: Draft, layer: layers.Repeat, place: KeyPath, at: int) -> int:
    carried = {}
    for name in layer.carry:
        node = draft.saved(name, (*place, "carry"))
        if node is None:
            draft.doubt(at, shape=True, channels=True)
            return at
        carried[name] = (node, place)
    for time in range(layer.times):
        with draft.block(carried) as scope:
            at = _in_order(draft, layer.layers, (*place, "repeat", time, "layers"), at)
        for name in carried:
            if not time and name not in scope.used and scope.saved[name] == carried[name]:
                draft.fault((*place, "carry"), f"{name!r} is carried and never used", "", f"remove {name}")
        carried = {name: scope.saved[name] for name in carried}
        draft.count_step(place)
    for name, (node, _) in carried.items():
        draft.rebind(name, place, node)
    return at


_STEPS: Mapping[str, Callable[[Draft, Any, KeyPath, int], int]] = {
    "conv": conv,
    "transposed_conv": transposed_conv,
    "pool": pool,
    "unpool": unpool,
    "upsample": upsample,
    "pixel_shuffle": pixel_shuffle,
    "use": use,
    "add": add,
    "multiply": multiply,
    "concat": concat,
    "residual": _residual,
    "branches": _branches,
    "repeat": _repeat,
    "norm": norm,
    "activation": activation,
    "dropout": dropout,
    "flatten": flatten,
    "dense": dense,
}
