"""Layers that gather samples without weights, and undo it: pool, unpool, flatten."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_channels
from geocnn.network.expansion.joins import can_meet
from geocnn.network.expansion.sliding import axes_to_slide_along, windows_that_fit
from geocnn.network.node import GlobalPoolAttributes, PoolAttributes, UnpoolAttributes
from geocnn.network.reach import Gather
from geocnn.records import crossed

__all__ = ["flatten", "flattened", "pool", "unpool"]


def pool(draft: Draft, layer: layers.Pool, place: KeyPath, at: int) -> int:
    """A pool: (C, N) → (C, ⌊(N + pad − k)/s⌋ + 1); with ``size: all`` (C, N) → (C, 1)."""
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    if layer.size == "all":
        attributes = GlobalPoolAttributes(layer.method)
        one = (1,) * draft.ndim
        return draft.step("global_pool", (at,), place, attributes, whole=True, shape=one, reach=draft.everything())
    asked = {"size": layer.size, "stride": layer.stride or layer.size}
    windows, sure = windows_that_fit(draft, place, at, asked, layer.padding)
    void = [pair for pair in zip(windows.before, windows.size, strict=True) if pair[0] >= pair[1]]
    if sure and void:
        found = f"padding {void[0][0]} of windows of size {void[0][1]}: some would hold nothing else"
        draft.fault((*place, "padding"), found, f"padding below {void[0][1]}")
    made = PoolAttributes(layer.method, windows.size, windows.stride, windows.before, windows.after)
    return draft.slid("pool", (at,), place, made, windows.gather, windows.shape(draft.nodes[at].shape), sure)


def unpool(draft: Draft, layer: layers.Unpool, place: KeyPath, at: int) -> int:
    """Samples put back where a max pool found them: (C, N) → (C, the size before that pool)."""
    key = (*place, "unpool")
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    other = draft.saved(layer.name, key)
    if other is None:
        draft.doubt(at, shape=True)
        return at
    pooled = draft.nodes[other]
    asked = pooled.attributes
    if not isinstance(asked, PoolAttributes) or asked.method != "max":
        found = f"{layer.name!r} is {pooled.kind} at {pooled.place}"
        draft.fault(key, found, "a max pool, which knows where its samples were", "save the layer {pool: max, …}")
        draft.doubt(at, shape=True)
        return at
    if any(size > stride for size, stride in zip(asked.size, asked.stride, strict=True)):
        sizes, strides = crossed(asked.size), crossed(asked.stride)
        found = f"the windows of {layer.name!r} overlap: {sizes} at a stride of {strides}"
        draft.fault(key, found, "a pool whose stride is its size", "leave out the stride of the pool")
    if draft.nodes[at].channels != pooled.channels and draft.sure_of_channels(at, other):
        found = f"{spell_channels(draft.nodes[at].channels)} here and {pooled.channels} of {layer.name!r}"
        draft.fault(key, found, "as many as were pooled", f"put a conv of {pooled.channels} before it")
    meet = can_meet(draft, place, (at, other), (repr(layer.name),))
    asked = replace(asked, indices=True)
    draft.nodes[other] = replace(pooled, attributes=asked)
    gather = tuple(
        Gather(stride, 1, stride - 1 - before, before)
        for stride, before in zip(asked.stride, asked.before, strict=True)
    )
    shape = draft.nodes[pooled.inputs[0]].shape
    return draft.slid("unpool", (at, other), place, UnpoolAttributes(asked), gather, shape, meet)


def flatten(draft: Draft, layer: layers.Flatten, place: KeyPath, at: int) -> int:
    """All samples of all channels as features: (C, N) → (C·N,)."""
    return flattened(draft, place, at) if axes_to_slide_along(draft, layer, place, at) else at


def flattened(draft: Draft, place: KeyPath, at: int) -> int:
    """The flatten node: all samples of all channels as features, (C, N) → (C·N,)."""
    node = draft.nodes[at]
    features = node.channels * prod(node.shape)
    reach = draft.everything()
    done = draft.step("flatten", (at,), place, whole=True, channels=features, shape=(), reach=reach)
    draft.doubt(done, channels=not draft.sure_of_shape(at))
    return done
