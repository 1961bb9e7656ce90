"""Steps that treat each sample alone, or normalise: norm, activation, dropout."""

from __future__ import annotations

from math import prod

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_channels, spell_output
from geocnn.network.node import ActivationAttributes, DropoutAttributes, NormAttributes

__all__ = ["activation", "dropout", "norm", "tail"]

GROUPS = 32
"""Groups of channels where no number is written: Y. Wu, K. He (2018), Group normalization, ECCV, arXiv:1803.08494."""


def norm(draft: Draft, layer: layers.Norm, place: KeyPath, at: int) -> int:
    """A normalisation: (C, N) → (C, N), with 2·C parameters."""
    return _normed(draft, layer.method, place, at)


def _normed(draft: Draft, method: layers.NormKind, place: KeyPath, at: int) -> int:
    node = draft.nodes[at]
    if isinstance(method, layers.GroupNorm):
        attributes = NormAttributes("group", method.group)
    else:
        attributes = NormAttributes(method, GROUPS if method == "group" else 1)
    if node.channels % attributes.groups and draft.sure_of_channels(at):
        divisors = [n for n in range(1, attributes.groups) if node.channels % n == 0]
        found = f"{attributes.groups} groups do not divide {spell_channels(node.channels)}"
        draft.fault((*place, "norm"), found, "a number that divides the channels", f"write {{group: {divisors[-1]}}}")
    groups = node.channels if attributes.method == "instance" else attributes.groups
    together = attributes.method in ("instance", "group") and node.channels * prod(node.shape) // groups
    if together == 1 and draft.sure_of_shape(at) and draft.sure_of_channels(at):
        found = f"{attributes.method} norm of {spell_output(node)}: each value is normalised alone, and becomes 0"
        draft.fault(place, found, "several values to be normalised together", "use norm: layer or batch")
    whole = attributes.method in ("instance", "group")
    return draft.step("norm", (at,), place, attributes, whole=whole, parameters=2 * node.channels)


def activation(draft: Draft, layer: layers.Activation, place: KeyPath, at: int) -> int:
    """A non-linear function of each sample: (C, N) → (C, N)."""
    return draft.step("activation", (at,), place, ActivationAttributes(layer.function))


def dropout(draft: Draft, layer: layers.Dropout, place: KeyPath, at: int) -> int:
    """Samples set to zero while training: (C, N) → (C, N)."""
    return draft.step("dropout", (at,), place, DropoutAttributes(layer.rate))


def tail(draft: Draft, layer: layers.Weighted | layers.Residual | layers.Branches, place: KeyPath, at: int) -> int:
    """What a layer says after itself: norm, activation, dropout."""
    if isinstance(layer, layers.Weighted) and layer.norm is not None:
        at = _normed(draft, layer.norm, place, at)
    if layer.activation is not None:
        at = draft.step("activation", (at,), place, ActivationAttributes(layer.activation))
    if isinstance(layer, layers.Weighted) and layer.dropout is not None:
        at = draft.step("dropout", (at,), place, DropoutAttributes(layer.dropout))
    return at
