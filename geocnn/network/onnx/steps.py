"""Each kind of node in the words of ONNX (opset 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.network.node import (
    ActivationAttributes,
    ConvAttributes,
    DenseAttributes,
    GlobalPoolAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UnpoolAttributes,
    UpsampleAttributes,
)
from geocnn.network.onnx.sheet import Sheet

__all__ = ["OPSET", "STEPS", "triangle"]

OPSET = 17
EPSILON = 1e-5
"""Added to variances, as in the module."""

PADDING_MODES = {"reflect": "reflect", "replicate": "edge"}


def _conv(sheet: Sheet, node: Node, asked: ConvAttributes) -> str:
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    pads = [*asked.before, *asked.after]
    if asked.padding_mode in PADDING_MODES and any(pads):
        ends = sheet.integers([0, 0, *asked.before, 0, 0, *asked.after], f"{name}/ends")
        value = sheet.op("Pad", (value, ends), f"{name}/padded", mode=PADDING_MODES[asked.padding_mode])
        pads = [0] * len(pads)
    return sheet.op(
        "Conv",
        (value, *_weights(sheet, node)),
        name,
        kernel_shape=asked.kernel,
        strides=asked.stride,
        dilations=asked.dilation,
        group=asked.groups,
        pads=pads,
    )


def _transposed_conv(sheet: Sheet, node: Node, asked: TransposedAttributes) -> str:
    return sheet.op(
        "ConvTranspose",
        (sheet.values[node.inputs[0]], *_weights(sheet, node)),
        sheet.name(node),
        kernel_shape=asked.kernel,
        strides=asked.stride,
        dilations=asked.dilation,
        group=asked.groups,
        pads=[*asked.before, *(max(0, end) for end in asked.after)],
        output_padding=[max(0, -end) for end in asked.after],
    )


def _weights(sheet: Sheet, node: Node) -> list[str]:
    return [sheet.weight(node, each) for each in ("weight", "bias") if sheet.has_weight(node, each)]


def _dense(sheet: Sheet, node: Node, asked: DenseAttributes) -> str:
    return sheet.op("Gemm", (sheet.values[node.inputs[0]], *_weights(sheet, node)), sheet.name(node), transB=1)


def _pool(sheet: Sheet, node: Node, asked: PoolAttributes) -> str:
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    windows = {"kernel_shape": asked.size, "strides": asked.stride, "pads": (*asked.before, *asked.after)}
    if asked.method == "mean":
        return sheet.op("AveragePool", (value,), name, count_include_pad=1, **windows)
    if not asked.indices:
        return sheet.op("MaxPool", (value,), name, **windows)
    pooled, sheet.indices[node.id] = sheet.op_of_two("MaxPool", (value,), name, **windows)
    return pooled


def _global_pool(sheet: Sheet, node: Node, asked: GlobalPoolAttributes) -> str:
    kind = {"max": "GlobalMaxPool", "mean": "GlobalAveragePool"}[asked.method]
    return sheet.op(kind, (sheet.values[node.inputs[0]],), sheet.name(node))


def _unpool(sheet: Sheet, node: Node, asked: UnpoolAttributes) -> str:
    """By the indices of ONNX, which count in the whole unpadded input of the pool."""
    name, (value, pool) = sheet.name(node), node.inputs
    before = sheet.op("Shape", (sheet.values[sheet.plan.nodes[pool].inputs[0]],), f"{name}/shape")
    all_of_it = sheet.integers([-1], f"{name}/flat")
    nothing = sheet.op("Reshape", (sheet.op("ConstantOfShape", (before,), f"{name}/zeros"), all_of_it), f"{name}/none")
    places = sheet.op("Reshape", (sheet.indices[pool], all_of_it), f"{name}/places")
    samples = sheet.op("Reshape", (sheet.values[value], all_of_it), f"{name}/samples")
    scattered = sheet.op("ScatterElements", (nothing, places, samples), f"{name}/scattered", axis=0)
    return sheet.op("Reshape", (scattered, before), name)


def _upsample(sheet: Sheet, node: Node, asked: UpsampleAttributes) -> str:
    """Repeated samples by ``Resize``, lines by a transposed convolution, which is exact wherever in the survey."""
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    if asked.mode == "nearest":
        scales = sheet.constant(np.array([1, 1, *asked.factor], np.float32), f"{name}/scales")
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return sheet.op("Resize", (value, "", scales), name, **how)
    lines = [triangle(factor) for factor in asked.factor]
    edges = [int(factor > 1) for factor in asked.factor]
    ends = sheet.integers([0, 0, *edges, 0, 0, *edges], f"{name}/ends")
    kernel = reduce(np.multiply.outer, [line for line, _, _ in lines]).astype(np.float32)
    weight = sheet.constant(np.broadcast_to(kernel, (node.channels, 1, *kernel.shape)), f"{name}.weight")
    return sheet.op(
        "ConvTranspose",
        (sheet.op("Pad", (value, ends), f"{name}/padded", mode="edge"), weight),
        name,
        kernel_shape=kernel.shape,
        strides=asked.factor,
        group=node.channels,
        pads=[*(before for _, before, _ in lines), *(after for _, _, after in lines)],
    )


def triangle(factor: int) -> tuple[NDArray[np.float64], int, int]:
    """Kernel of a transposed convolution that draws lines between samples, and what it crops at both ends.

    Its input has one more sample at each end, equal to the last one.

    Notes
    -----
    Output j lies at (j + ½)/f − ½ and takes max(0, 1 − |(d + ½)/f − ½|) of input i, where d = j − f·i; the first d of
    which that is not 0 is −⌊f/2⌋, the first tap of the kernel.
    """
    if factor == 1:
        return np.ones(1), 0, 0
    first = -(factor // 2)
    taps = np.arange(first, first + 2 * factor - factor % 2)
    line = 1 - np.abs((taps + 0.5) / factor - 0.5)
    return line, factor - first, len(taps) + first


def _pixel_shuffle(sheet: Sheet, node: Node, asked: ShuffleAttributes) -> str:
    name, before = sheet.name(node), node.inputs[0]
    sizes, axes = sheet.sizes(before), len(asked.factor)
    apart = sheet.shape((-1, node.channels, *asked.factor), sizes, f"{name}/apart")
    parts = sheet.op("Reshape", (sheet.values[before], apart), f"{name}/parts")
    order = [0, 1, *(at for axis in range(axes) for at in (2 + axes + axis, 2 + axis))]
    woven = sheet.op("Transpose", (parts,), f"{name}/woven", perm=order)
    grown = sheet.op("Mul", (sizes, sheet.integers(asked.factor, f"{name}/factor")), f"{name}/grown")
    return sheet.op("Reshape", (woven, sheet.shape((-1, node.channels), grown, f"{name}/shape")), name)


def _add(sheet: Sheet, node: Node, asked: JoinAttributes) -> str:
    return reduce(lambda a, b: sheet.op("Add", (a, b), sheet.name(node)), _cropped(sheet, node, asked))


def _multiply(sheet: Sheet, node: Node, asked: JoinAttributes) -> str:
    return reduce(lambda a, b: sheet.op("Mul", (a, b), sheet.name(node)), _cropped(sheet, node, asked))


def _concat(sheet: Sheet, node: Node, asked: JoinAttributes) -> str:
    name, values = sheet.name(node), _cropped(sheet, node, asked)
    single = [sheet.plan.nodes[at].single for at in node.inputs]
    if any(single) and not all(single):
        wide = single.index(False)
        sizes = _common(sheet, node) if asked.crop else sheet.sizes(node.inputs[wide])
        shape = sheet.shape((1, 1), sizes, f"{name}/shape")
        pairs = zip(values, single, strict=True)
        values = [sheet.op("Expand", (value, shape), f"{name}/one") if one else value for value, one in pairs]
    return sheet.op("Concat", values, name, axis=1)


def _cropped(sheet: Sheet, node: Node, asked: JoinAttributes) -> list[str]:
    """The inputs of a join, cut to the smallest along each axis where the join crops."""
    if not asked.crop:
        return [sheet.values[at] for at in node.inputs]
    common = _common(sheet, node)
    return [
        sheet.values[at]
        if sheet.plan.nodes[at].single or (sheet.fixed and sheet.plan.nodes[at].shape == node.shape)
        else sheet.cut(sheet.values[at], common, f"{sheet.name(node)}/cut")
        for at in node.inputs
    ]


def _common(sheet: Sheet, node: Node) -> str:
    """Sizes of the smallest input along each axis."""
    if sheet.fixed:
        return sheet.integers(node.shape, f"{sheet.name(node)}/sizes")
    wide = [at for at in node.inputs if not sheet.plan.nodes[at].single] or list(node.inputs)
    return sheet.op("Min", [sheet.sizes(at) for at in wide], f"{sheet.name(node)}/sizes")


def _norm(sheet: Sheet, node: Node, asked: NormAttributes) -> str:
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    if asked.method == "batch":
        weights = [sheet.weight(node, each) for each in ("weight", "bias", "running_mean", "running_var")]
        return sheet.op("BatchNormalization", (value, *weights), name, epsilon=EPSILON)
    if asked.method == "instance":
        return sheet.op("InstanceNormalization", (value, *_weights(sheet, node)), name, epsilon=EPSILON)
    scores = (_scores_of_groups if asked.method == "group" else _scores_of_samples)(sheet, node, asked)
    scaled = sheet.op("Mul", (scores, sheet.weight(node, "weight", sheet.channelwise(node))), f"{name}/scaled")
    return sheet.op("Add", (scaled, sheet.weight(node, "bias", sheet.channelwise(node))), name)


def _scores_of_groups(sheet: Sheet, node: Node, asked: NormAttributes) -> str:
    """Groups laid out as channels, each normalised over all its samples."""
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    shape = sheet.op("Shape", (value,), f"{name}/shape")
    groups = sheet.op("Reshape", (value, sheet.integers([0, asked.groups, -1], f"{name}/groups")), f"{name}/grouped")
    one, zero = (sheet.constant(np.full(asked.groups, each, np.float32), f"{name}/unit") for each in (1, 0))
    scores = sheet.op("InstanceNormalization", (groups, one, zero), f"{name}/normal", epsilon=EPSILON)
    return sheet.op("Reshape", (scores, shape), f"{name}/scores")


def _scores_of_samples(sheet: Sheet, node: Node, asked: NormAttributes) -> str:
    """The channels of each sample, normalised."""
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    mean = sheet.op("ReduceMean", (value,), f"{name}/mean", axes=[1])
    centred = sheet.op("Sub", (value, mean), f"{name}/centred")
    squares = sheet.op("Mul", (centred, centred), f"{name}/squares")
    variance = sheet.op("ReduceMean", (squares,), f"{name}/variance", axes=[1])
    epsilon = sheet.constant(np.array(EPSILON, np.float32), f"{name}/epsilon")
    deviation = sheet.op("Sqrt", (sheet.op("Add", (variance, epsilon), f"{name}/padded"),), f"{name}/deviation")
    return sheet.op("Div", (centred, deviation), f"{name}/scores")


def _activation(sheet: Sheet, node: Node, asked: ActivationAttributes) -> str:
    name, value = sheet.name(node), sheet.values[node.inputs[0]]
    if asked.function == "silu":
        return sheet.op("Mul", (value, sheet.op("Sigmoid", (value,), f"{name}/gate")), name)
    if asked.function == "gelu":
        return _gelu(sheet, value, name)
    kind, attributes = _FUNCTIONS[asked.function]
    return sheet.op(kind, (value,), name, **attributes)


_FUNCTIONS: Mapping[str, tuple[str, dict[str, float]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
}


def _gelu(sheet: Sheet, value: str, name: str) -> str:
    """½ x (1 + erf(x/√2)), which opset 17 has no word for."""
    root, half, one = (sheet.constant(np.array(each, np.float32), f"{name}/c") for each in (np.sqrt(2), 0.5, 1))
    erf = sheet.op("Erf", (sheet.op("Div", (value, root), f"{name}/scaled"),), f"{name}/erf")
    gate = sheet.op("Add", (erf, one), f"{name}/gate")
    return sheet.op("Mul", (sheet.op("Mul", (value, gate), f"{name}/double"), half), name)


def _dropout(sheet: Sheet, node: Node, asked: object) -> str:
    """Nothing: it acts while training alone."""
    return sheet.values[node.inputs[0]]


def _flatten(sheet: Sheet, node: Node, asked: object) -> str:
    return sheet.op("Flatten", (sheet.values[node.inputs[0]],), sheet.name(node), axis=1)


STEPS: Mapping[str, Callable[[Sheet, Node, Any], str]] = {
    "conv": _conv,
    "transposed_conv": _transposed_conv,
    "dense": _dense,
    "pool": _pool,
    "global_pool": _global_pool,
    "unpool": _unpool,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "add": _add,
    "multiply": _multiply,
    "concat": _concat,
    "norm": _norm,
    "activation": _activation,
    "dropout": _dropout,
    "flatten": _flatten,
}
"""How each kind is written; the result is the name of its output."""
