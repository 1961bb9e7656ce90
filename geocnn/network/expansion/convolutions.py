"""Layers with weights: convolution, transposed convolution, dense."""

from __future__ import annotations

from math import prod

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_channels, spell_output
from geocnn.network.expansion.pointwise import tail
from geocnn.network.expansion.pooling import flattened
from geocnn.network.expansion.sliding import asked_windows, axes_to_slide_along, windows_that_fit
from geocnn.network.node import ConvAttributes, DenseAttributes, TransposedAttributes
from geocnn.network.windows import Windows
from geocnn.records import crossed

__all__ = ["conv", "dense", "projection", "transposed_conv"]


def conv(draft: Draft, layer: layers.Conv, place: KeyPath, at: int) -> int:
    """A convolution and its tail: (C, N) → (C′, ⌈N/s⌉) where it pads to ``same``.

    With other padding N becomes ⌊(N + pad − d(k−1) − 1)/s⌋ + 1. A `separable` one is two nodes.
    """
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    asked = {"kernel": layer.kernel, "stride": layer.stride, "dilation": layer.dilation}
    windows, sure = windows_that_fit(draft, place, at, asked, layer.padding)
    sure = sure and _reflects(draft, layer, windows, place, at)
    arriving, channels = draft.nodes[at].channels, draft.channels(layer.channels)
    if layer.weights is not None:
        _check_fixed(draft, layer, windows, place, (at, channels))
        done = _convolved(draft, layer, windows, place, at, (channels, arriving, False), sure)
    elif layer.separable:
        alone = _convolved(draft, layer, windows, (*place, "depthwise"), at, (arriving, arriving, False), sure)
        done = _convolved(draft, layer, _pointwise((1,) * draft.ndim), place, alone, (channels, 1, _bias(layer)), True)
    else:
        groups = arriving if layer.groups == "channels" else layer.groups
        _check_groups(draft, groups, place, (at, channels))
        done = _convolved(draft, layer, windows, place, at, (channels, groups, _bias(layer)), sure)
    return tail(draft, layer, place, done)


def _convolved(
    draft: Draft,
    layer: layers.Conv,
    windows: Windows,
    place: KeyPath,
    at: int,
    made: tuple[int, int, bool],
    sure: bool,
) -> int:
    """One convolution; `made` are its channels, its groups, and whether it has a bias."""
    node, (channels, groups, bias) = draft.nodes[at], made
    weights = prod(windows.size) * node.channels * channels // groups
    shape = windows.shape(node.shape)
    attributes = ConvAttributes(
        node.channels,
        windows.size,
        windows.stride,
        windows.before,
        windows.after,
        windows.dilation,
        groups,
        bias,
        layer.padding_mode,
        layer.weights,
        layer.init,
    )
    return draft.slid(
        "conv",
        (at,),
        place,
        attributes,
        windows.gather,
        shape,
        sure,
        channels=channels,
        parameters=0 if layer.weights else weights + channels * bias,
        multiply_adds=weights * prod(max(1, size) for size in shape),
    )


def projection(
    draft: Draft, place: KeyPath, at: int, channels: int, stride: tuple[int, ...], norm: layers.NormKind | None
) -> int:
    """A convolution of kernel 1 without bias, with a norm: the shortcut of a residual block."""
    layer = layers.Conv(channels="outputs", kernel=1, bias=False, norm=norm)
    done = _convolved(draft, layer, _pointwise(stride), place, at, (channels, 1, False), True)
    return tail(draft, layer, place, done)


def _pointwise(stride: tuple[int, ...]) -> Windows:
    """Kernels of one sample."""
    one, none = (1,) * len(stride), (0,) * len(stride)
    return Windows(one, stride, one, none, none)


def _reflects(draft: Draft, layer: layers.Conv, windows: Windows, place: KeyPath, at: int) -> bool:
    """Whether there are enough samples to reflect; else a fault."""
    if layer.padding_mode != "reflect" or not draft.sure_of_shape(at):
        return True
    ends = zip(draft.nodes[at].shape, windows.before, windows.after, strict=True)
    bad = [(n, max(ends)) for n, *ends in ends if max(ends) >= n]
    if bad:
        found = f"{bad[0][1]} samples to reflect, of {bad[0][0]}"
        draft.fault((*place, "padding_mode"), found, "padding below the size", "use replicate, or a larger input")
    return not bad


def _check_groups(draft: Draft, groups: int, place: KeyPath, ends: tuple[int, int]) -> None:
    at, channels = ends
    counts = {"out": channels}
    if draft.sure_of_channels(at):
        counts = {"in": draft.nodes[at].channels, **counts}
    bad = [f"{spell_channels(count)} {side}" for side, count in counts.items() if count % groups]
    if bad:
        found = f"{groups} groups do not divide {' and '.join(bad)}"
        fitting = [n for n in range(1, groups) if not any(count % n for count in counts.values())]
        do = f"write groups: {fitting[-1]}" if fitting else ""
        draft.fault((*place, "groups"), found, "a number that divides the channels in and out", do)


def _check_fixed(draft: Draft, layer: layers.Conv, windows: Windows, place: KeyPath, ends: tuple[int, int]) -> None:
    """Whether a fixed kernel has the size it is defined for, and makes as many channels as are written."""
    at, channels = ends
    if layer.weights in ("sobel", "laplace") and set(windows.size) != {3}:
        draft.fault(
            (*place, "kernel"),
            f"a {layer.weights} kernel of {crossed(windows.size)}",
            "kernel: 3",
            "write kernel: 3",
        )
    each = draft.ndim if layer.weights == "sobel" else 1
    made = each * draft.nodes[at].channels
    if channels != made and draft.sure_of_channels(at):
        found = f"{spell_channels(channels)} of a {layer.weights} kernel"
        expected = f"{made}: {each} for each of {spell_channels(draft.nodes[at].channels)}"
        draft.fault((*place, "conv"), found, expected, f"write conv: {made}")


def _bias(layer: layers.Weighted) -> bool:
    """A norm brings its own shift, so bias must be asked for."""
    return layer.norm is None if layer.bias is None else layer.bias


def transposed_conv(draft: Draft, layer: layers.TransposedConv, place: KeyPath, at: int) -> int:
    """A transposed convolution and its tail: (C, N) → (C′, N·s) where it crops to ``same``.

    With other cropping N becomes (N − 1)·s + d(k−1) + 1 − crop.
    """
    if not axes_to_slide_along(draft, layer, place, at):
        return at
    asked = {"kernel": layer.kernel, "stride": layer.stride, "dilation": layer.dilation}
    windows, sure = asked_windows(draft, place, asked, "valid" if layer.padding == "same" else layer.padding)
    if layer.padding == "same":
        windows = _cropped_to_stride(windows)
    node, channels, bias = draft.nodes[at], draft.channels(layer.channels), _bias(layer)
    _check_groups(draft, layer.groups, place, (at, channels))
    shape = windows.transposed_shape(node.shape)
    if min(shape) < 1 and sure and draft.sure_of_shape(at):
        axis = next(axis for axis, size in enumerate(shape) if size < 1)
        found = f"cropping leaves nothing along axis {axis + 1} of {len(shape)}"
        expected = f"an output of at least 1 sample; {windows.transposed_formula(axis, node.shape[axis])}"
        draft.fault(place, found, expected, "crop less, or write padding: same")
        sure = False
    weights = prod(windows.size) * node.channels * channels // layer.groups
    attributes = TransposedAttributes(
        node.channels,
        windows.size,
        windows.stride,
        windows.before,
        windows.after,
        windows.dilation,
        layer.groups,
        bias,
        layer.init,
    )
    done = draft.slid(
        "transposed_conv",
        (at,),
        place,
        attributes,
        windows.transposed_gather,
        shape,
        sure,
        channels=channels,
        parameters=weights + channels * bias,
        multiply_adds=weights * prod(node.shape),
    )
    return tail(draft, layer, place, done)


def _cropped_to_stride(windows: Windows) -> Windows:
    """d(k−1) + 1 − s samples cropped, the odd one at the far end, so that sizes are multiplied by the stride."""
    crops = [span + 1 - stride for span, stride in zip(windows.spans, windows.stride, strict=True)]
    before = tuple(max(0, crop) // 2 for crop in crops)
    after = tuple(crop - near for crop, near in zip(crops, before, strict=True))
    return Windows(windows.size, windows.stride, windows.dilation, before, after)


def dense(draft: Draft, layer: layers.Dense, place: KeyPath, at: int) -> int:
    """A dense layer and its tail: features (C,) → (C′,)."""
    if draft.nodes[at].shape:
        found = f"a dense layer on {spell_output(draft.nodes[at])}"
        draft.fault(place, found, "one list of features", "put the layer flatten before it, or use conv")
        at = flattened(draft, place, at)
        draft.doubt(at, shape=True)
    features, bias = draft.nodes[at].channels, _bias(layer)
    channels = draft.channels(layer.channels)
    done = draft.step(
        "dense",
        (at,),
        place,
        DenseAttributes(features, bias, layer.init),
        whole=True,
        channels=channels,
        parameters=features * channels + channels * bias,
        multiply_adds=features * channels,
    )
    return tail(draft, layer, place, done)
