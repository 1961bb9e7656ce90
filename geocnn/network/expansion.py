"""From layers to nodes, one function a layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from geocnn.marked import KeyPath
from geocnn.network import spec
from geocnn.network.draft import MAX_SIZE, Draft, spell_sizes
from geocnn.network.node import (
    ActivationAttributes,
    ConvAttributes,
    DenseAttributes,
    DropoutAttributes,
    Node,
    PoolAttributes,
    Reach,
    UpsampleAttributes,
)

__all__ = ["expand_network"]


def expand_network(draft: Draft, layers: Sequence[spec.Layer]) -> None:
    """Add the nodes of all layers to a draft, and all that is wrong with them."""
    last = _block(draft, layers, ("layers",), 0)
    node = draft.nodes[last]
    if layers and node.channels != draft.outputs and draft.sure_of_channels(last):
        end = "{conv: outputs, kernel: 1}" if node.shape else "{dense: outputs}"
        found, expected = f"the network ends with {_channels(node.channels)}", f"{draft.outputs}, as the task needs"
        draft.fault(("layers", len(layers) - 1), found, expected, f"end with {end}")


def _block(draft: Draft, layers: Sequence[spec.Layer], place: KeyPath, at: int) -> int:
    """Layers that share their names for skips; the last node."""
    if not layers:
        draft.fault(place, "no layers", "at least one layer")
    draft.open_block()
    for index, layer in enumerate(layers):
        here = (*place, index)
        at = _STEPS[layer.kind](draft, layer, here, at)
        if layer.save is not None:
            draft.save(layer.save, here, at)
    draft.close_block()
    return at


def _conv(draft: Draft, layer: spec.Conv, place: KeyPath, at: int) -> int:
    if not _has_axes(draft, layer, place, at):
        return at
    node = draft.nodes[at]
    asked = {"kernel": layer.kernel, "stride": layer.stride, "dilation": layer.dilation}
    windows, sure = draft.windows(place, at, asked, layer.padding)
    channels = draft.outputs if layer.channels == "outputs" else layer.channels
    _check_groups(draft, layer.groups, place, (at, channels))
    bias = _bias(layer)
    weights = prod(windows.size) * node.channels * channels // layer.groups
    shape = _at_least_1(windows.shape(node.shape))
    done = draft.step(
        "conv",
        (at,),
        place,
        ConvAttributes(
            node.channels,
            windows.size,
            windows.stride,
            windows.before,
            windows.after,
            windows.dilation,
            layer.groups,
            bias,
        ),
        channels=channels,
        shape=shape,
        reach=windows.reach(node.reach),
        parameters=weights + channels * bias,
        multiply_adds=weights * prod(shape),
    )
    draft.doubt(done, shape=not sure or not _bounded(draft, done, place))
    return _tail(draft, layer, place, done)


def _check_groups(draft: Draft, groups: int, place: KeyPath, ends: tuple[int, int]) -> None:
    at, channels = ends
    counts = {"out": channels}
    if draft.sure_of_channels(at):
        counts = {"in": draft.nodes[at].channels, **counts}
    bad = [f"{_channels(count)} {side}" for side, count in counts.items() if count % groups]
    if bad:
        found = f"{groups} groups do not divide {' and '.join(bad)}"
        draft.fault((*place, "groups"), found, "a number that divides the channels in and out")


def _bias(layer: spec.Conv | spec.Dense) -> bool:
    """A norm brings its own shift, so bias must be asked for."""
    return layer.norm is None if layer.bias is None else layer.bias


def _pool(draft: Draft, layer: spec.Pool, place: KeyPath, at: int) -> int:
    if not _has_axes(draft, layer, place, at):
        return at
    node = draft.nodes[at]
    asked = {"size": layer.size, "stride": layer.stride or layer.size}
    windows, sure = draft.windows(place, at, asked, layer.padding)
    void = [pair for pair in zip(windows.before, windows.size, strict=True) if pair[0] >= pair[1]]
    if sure and void:
        found = f"padding {void[0][0]} of windows of size {void[0][1]}: some would hold nothing else"
        draft.fault((*place, "padding"), found, f"padding below {void[0][1]}")
    attributes = PoolAttributes(layer.method, windows.size, windows.stride, windows.before, windows.after)
    shape = _at_least_1(windows.shape(node.shape))
    done = draft.step("pool", (at,), place, attributes, shape=shape, reach=windows.reach(node.reach))
    draft.doubt(done, shape=not sure or not _bounded(draft, done, place))
    return done


def _upsample(draft: Draft, layer: spec.Upsample, place: KeyPath, at: int) -> int:
    if not _has_axes(draft, layer, place, at):
        return at
    node = draft.nodes[at]
    factor, sure = draft.axes((*place, "upsample"), layer.factor)
    shape = tuple(size * times for size, times in zip(node.shape, factor, strict=True))
    reach = tuple(each.upsampled(times) for each, times in zip(node.reach, factor, strict=True))
    done = draft.step("upsample", (at,), place, UpsampleAttributes(factor), shape=shape, reach=reach)
    draft.doubt(done, shape=not sure or not _bounded(draft, done, place))
    return done


def _add(draft: Draft, layer: spec.Add, place: KeyPath, at: int) -> int:
    other = draft.saved(layer.name, (*place, "add"))
    return at if other is None else _sum(draft, place, (at, other), repr(layer.name))


def _sum(draft: Draft, place: KeyPath, pair: tuple[int, int], name: str) -> int:
    ours, theirs = (draft.nodes[each] for each in pair)
    meet = draft.can_meet(place, *pair, name)
    equal = ours.channels == theirs.channels
    if not equal and draft.sure_of_channels(*pair):
        found = f"{_channels(ours.channels)} here and {theirs.channels} of {name} cannot be added"
        do = "use concat, or bring one to the other's number by a conv with kernel 1"
        draft.fault(place, found, "equal numbers of channels", do)
    done = draft.step("add", pair, place, reach=draft.joined(*pair))
    draft.doubt(done, shape=not meet, channels=not equal)
    return done


def _concat(draft: Draft, layer: spec.Concat, place: KeyPath, at: int) -> int:
    other = draft.saved(layer.name, (*place, "concat"))
    if other is None:
        draft.doubt(at, channels=True)
        return at
    meet = draft.can_meet(place, at, other, repr(layer.name))
    channels = draft.nodes[at].channels + draft.nodes[other].channels
    done = draft.step("concat", (at, other), place, channels=channels, reach=draft.joined(at, other))
    draft.doubt(done, shape=not meet)
    return done


def _residual(draft: Draft, layer: spec.Residual, place: KeyPath, at: int) -> int:
    done = _block(draft, layer.layers, (*place, "residual"), at)
    shortcut = _shortcut(draft, layer, place, (at, done))
    if shortcut is not None:
        done = _sum(draft, place, (done, shortcut), "the block's input")
    return _tail(draft, layer, place, done)


def _shortcut(draft: Draft, layer: spec.Residual, place: KeyPath, ends: tuple[int, int]) -> int | None:
    """The block's input, projected where channels or stride differ; None where that cannot be, or is unsure."""
    first, last = (draft.nodes[end] for end in ends)
    if not draft.sure_of_shape(*ends) or not draft.sure_of_channels(*ends):
        return None
    if not last.shape and (first.shape or first.channels != last.channels):
        found, expected = f"the block turns {_output(first)} into {_output(last)}", "as much out as in"
        draft.fault(place, found, expected, "put flatten and dense outside the block")
        return None
    ratio = [ours / theirs for ours, theirs in zip(last.stride, first.stride, strict=True)]
    if any(each.denominator > 1 for each in ratio):
        found, expected = "the block upsamples, and its input cannot follow", "a block that keeps or reduces sizes"
        draft.fault(place, found, expected, "put upsample outside the block")
        return None
    if first.channels == last.channels and all(each == 1 for each in ratio):
        return ends[0]
    projection = spec.Conv(
        channels=last.channels,
        kernel=1,
        stride=tuple(each.numerator for each in ratio),
        bias=False,
        norm=_norm_of(layer),
    )
    return _conv(draft, projection, (*place, "shortcut"), ends[0])


def _norm_of(layer: spec.Residual) -> spec.NormKind | None:
    """The norm that the layers of a block use."""
    norms = [each.norm for each in layer.layers if isinstance(each, spec.Conv)]
    norms += [each.method for each in layer.layers if isinstance(each, spec.Norm)]
    return next((norm for norm in norms if norm is not None), None)


def _norm(draft: Draft, layer: spec.Norm, place: KeyPath, at: int) -> int:
    return _normed(draft, place, at)


def _normed(draft: Draft, place: KeyPath, at: int) -> int:
    return draft.step("norm", (at,), place, parameters=2 * draft.nodes[at].channels)


def _activation(draft: Draft, layer: spec.Activation, place: KeyPath, at: int) -> int:
    return draft.step("activation", (at,), place, ActivationAttributes(layer.function))


def _dropout(draft: Draft, layer: spec.Dropout, place: KeyPath, at: int) -> int:
    return draft.step("dropout", (at,), place, DropoutAttributes(layer.rate))


def _tail(draft: Draft, layer: spec.Conv | spec.Dense | spec.Residual, place: KeyPath, at: int) -> int:
    """What a layer says after itself: norm, activation, dropout."""
    if not isinstance(layer, spec.Residual) and layer.norm is not None:
        at = _normed(draft, place, at)
    if layer.activation is not None:
        at = draft.step("activation", (at,), place, ActivationAttributes(layer.activation))
    if not isinstance(layer, spec.Residual) and layer.dropout is not None:
        at = draft.step("dropout", (at,), place, DropoutAttributes(layer.dropout))
    return at


def _flatten(draft: Draft, layer: spec.Flatten, place: KeyPath, at: int) -> int:
    return _flattened(draft, place, at) if _has_axes(draft, layer, place, at) else at


def _flattened(draft: Draft, place: KeyPath, at: int) -> int:
    node = draft.nodes[at]
    sizes = [Fraction(size) for size in draft.nodes[0].shape]
    reach = tuple(Reach(size, right=size - 1, mean_right=size - 1) for size in sizes)
    done = draft.step("flatten", (at,), place, channels=node.channels * prod(node.shape), shape=(), reach=reach)
    draft.doubt(done, channels=not draft.sure_of_shape(at))
    return done


def _dense(draft: Draft, layer: spec.Dense, place: KeyPath, at: int) -> int:
    if draft.nodes[at].shape:
        found = f"a dense layer on {_output(draft.nodes[at])}"
        draft.fault(place, found, "one list of features", "put the layer flatten before it, or use conv")
        at = _flattened(draft, place, at)
        draft.doubt(at, shape=True)
    features = draft.nodes[at].channels
    channels = draft.outputs if layer.channels == "outputs" else layer.channels
    bias = _bias(layer)
    done = draft.step(
        "dense",
        (at,),
        place,
        DenseAttributes(features, bias),
        channels=channels,
        parameters=features * channels + channels * bias,
        multiply_adds=features * channels,
    )
    return _tail(draft, layer, place, done)


_STEPS: Mapping[str, Callable[[Draft, Any, KeyPath, int], int]] = {
    "conv": _conv,
    "pool": _pool,
    "upsample": _upsample,
    "add": _add,
    "concat": _concat,
    "residual": _residual,
    "norm": _norm,
    "activation": _activation,
    "dropout": _dropout,
    "flatten": _flatten,
    "dense": _dense,
}


def _has_axes(draft: Draft, layer: spec.Saved, place: KeyPath, at: int) -> bool:
    """Whether there is something to slide along; else a fault."""
    if draft.nodes[at].shape:
        return True
    if not draft.sure_of_shape(at):
        return False
    kind = type(layer).__name__.lower()
    found = f"{kind} on {_output(draft.nodes[at])}"
    draft.fault(place, found, "samples along axes", f"put {kind} before flatten, or use dense")
    return False


def _bounded(draft: Draft, at: int, place: KeyPath) -> bool:
    """Whether sizes and strides are of this world; else a fault, and the node becomes like its input."""
    node = draft.nodes[at]
    if max(node.shape) <= MAX_SIZE and max(node.stride) <= MAX_SIZE:
        return True
    found = f"sizes {spell_sizes(node.shape)} at a stride of {spell_sizes(node.stride)}"
    draft.fault(place, found, f"at most {MAX_SIZE} along each axis")
    draft.withdraw(at)
    return False


def _at_least_1(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, or the best guess where nothing is left; the draft has noted the fault."""
    return tuple(max(1, size) for size in shape)


def _channels(count: int) -> str:
    return f"{count} channel" if count == 1 else f"{count} channels"


def _output(node: Node) -> str:
    if not node.shape:
        return f"{node.channels} features"
    return f"{_channels(node.channels)} of {spell_sizes(node.shape)}"
