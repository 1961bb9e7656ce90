"""Layers that make more samples without weights: upsample, pixel_shuffle."""

from __future__ import annotations

from math import prod

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_channels
from geocnn.network.expansion.sliding import axes_to_slide_along
from geocnn.network.node import ShuffleAttributes, UpsampleAttributes
from geocnn.network.reach import Gather

__all__ = ["pixel_shuffle", "upsample"]


def upsample(draft: Draft, layer: layers.Upsample, place: KeyPath, at: int) -> int:
    """Samples repeated, or on lines between neighbours: (C, N) → (C, N·f)."""
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    factor, sure = draft.axes((*place, "upsample"), layer.factor)
    gather = tuple(map(_linear if layer.mode == "linear" else _repeated, factor))
    shape = tuple(size * times for size, times in zip(draft.nodes[at].shape, factor, strict=True))
    return draft.slid("upsample", (at,), place, UpsampleAttributes(factor, layer.mode), gather, shape, sure)


def _repeated(factor: int) -> Gather:
    """Output j is input ⌊j / f⌋."""
    return Gather(factor, 1, factor - 1, 0)


def _linear(factor: int) -> Gather:
    """Output j lies at x = (j + ½)/f − ½ and depends on the inputs less than 1 from x."""
    return Gather(factor, 1, factor - 1 + factor // 2, factor // 2)


def pixel_shuffle(draft: Draft, layer: layers.PixelShuffle, place: KeyPath, at: int) -> int:
    """Channels laid out as samples: (C, N) → (C/Πf, N·f)."""
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    node = draft.nodes[at]
    factor, sure = draft.axes((*place, "pixel_shuffle"), layer.factor)
    parts = prod(factor)
    divides = node.channels % parts == 0
    if not divides and sure and draft.sure_of_channels(at):
        found = f"{spell_channels(node.channels)} to be laid out as {parts} samples each"
        near = -(-node.channels // parts) * parts
        draft.fault(place, found, f"a multiple of {parts} channels", f"put a conv of {near} before it")
    shape = tuple(size * times for size, times in zip(node.shape, factor, strict=True))
    channels = max(1, node.channels // parts)
    gather = tuple(map(_repeated, factor))
    done = draft.slid("pixel_shuffle", (at,), place, ShuffleAttributes(factor), gather, shape, sure, channels=channels)
    draft.doubt(done, channels=not divides)
    return done
