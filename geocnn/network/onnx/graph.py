"""A plan as an ONNX model: normalisation, network and last activation in one graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from geocnn.errors import ModelError
from geocnn.network.onnx.sheet import INPUT, OUTPUT, Sheet
from geocnn.network.onnx.steps import OPSET, STEPS
from geocnn.network.plan import Plan

__all__ = ["INPUT", "OUTPUT", "Ends", "onnx_model"]

IR_VERSION = 8
"""Of the files of opset 17, so that readers of that time take them."""

LARGEST = 2**31 - 2**20
"""Bytes that one ONNX file can hold (a protocol buffer), less what is no weight."""


@dataclass(frozen=True)
class Ends:
    """What stands around a network in its graph.

    Parameters
    ----------
    mean, std, clip
        Amplitudes become (x − mean) / std of their channel, clipped to ± `clip`.
    shape
        Samples along each axis of every input, one input at a time; None leaves batch and sizes open.
    padded
        Whether zeros are added at the far ends up to a multiple of the stride, and cut off the output.
    axes
        Names of the axes.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    clip: float
    shape: tuple[int, ...] | None
    padded: bool
    axes: tuple[str, ...]


def onnx_model(
    plan: Plan, weights: Mapping[int, Mapping[str, NDArray[np.float32]]], ends: Ends, metadata: Mapping[str, str]
) -> ModelProto:
    """The model; its heads are left out.

    The input ``image`` (B, C, \\*shape) is in amplitudes, the output ``probability`` (B, K, \\*shape) as prediction
    writes it: of class 1, or of each class.

    Parameters
    ----------
    plan
        For sizes that the graph is fixed to, or any.
    weights
        Of each node, by its id (see `Sheet`).
    ends
        What stands before and after the network.
    metadata
        Kept in the model, entry by entry.

    Raises
    ------
    ModelError
        If the weights are too large for one file, or a layer cannot be written.
    """
    _require_words(plan)
    _require_small(plan)
    sheet = Sheet(plan, weights, fixed=ends.shape is not None or not plan.output.shape)
    sheet.values[0] = _normalised(sheet, ends)
    sizes = _sizes_of_input(sheet, ends) if ends.padded else ""
    if sizes:
        sheet.values[0] = _padded(sheet, sizes, ends)
    for node in plan.trunk[1:]:
        sheet.values[node.id] = STEPS[node.kind](sheet, node, node.attributes)
    _write_output(sheet, sizes)
    graph = helper.make_graph(sheet.nodes, "geocnn", *_interface(plan, ends), sheet.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "geocnn"
    helper.set_model_props(model, dict(metadata))
    return model


def _require_words(plan: Plan) -> None:
    missing = [f"{node.kind} at {node.place}" for node in plan.trunk[1:] if node.kind not in STEPS]
    if missing:
        raise ModelError(
            f"geocnn cannot write as ONNX: {', '.join(missing)}",
            expected=f"layers of the kinds {', '.join(STEPS)}",
            do="run the model with geocnn predict",
        )


def _require_small(plan: Plan) -> None:
    size = 4 * plan.parameters
    if size > LARGEST:
        raise ModelError(
            f"{plan.parameters:,} parameters take {size / 1e9:.1f} GB",
            expected="less than 2 GB, which is all that one ONNX file can hold",
            do="train a narrower network (width: in its spec)",
        )


def _normalised(sheet: Sheet, ends: Ends) -> str:
    """Amplitudes as z-scores, clipped: in the words of `Normaliser.apply`."""
    channels = (1, len(ends.mean), *(1,) * sheet.plan.ndim)
    mean, std = (
        sheet.constant(np.array(values, np.float32).reshape(channels), name)
        for name, values in (("mean", ends.mean), ("std", ends.std))
    )
    low, high = (sheet.constant(np.array(end * ends.clip, np.float32), f"clip{end:+d}") for end in (-1, 1))
    scores = sheet.op("Div", (sheet.op("Sub", (INPUT, mean), "centred"), std), "scores")
    return sheet.op("Clip", (scores, low, high), "normalised")


def _sizes_of_input(sheet: Sheet, ends: Ends) -> str:
    """Samples of the input along each axis; "" where nothing can be missing to a multiple of the stride."""
    plan = sheet.plan
    if set(plan.stride) == {1} or ends.shape == plan.nodes[0].shape:
        return ""
    if ends.shape is not None:
        return sheet.integers(ends.shape, "sizes")
    return sheet.sizes(0)


def _padded(sheet: Sheet, sizes: str, ends: Ends) -> str:
    """Zeros at the far ends, as prediction adds them."""
    plan = sheet.plan
    if ends.shape is not None:
        missing = [far - near for near, far in zip(ends.shape, plan.nodes[0].shape, strict=True)]
        widths = sheet.integers([0] * (4 + plan.ndim) + missing, "widths")
    else:
        stride = sheet.integers(plan.stride, "stride")
        missing_here = sheet.op("Mod", (sheet.op("Neg", (sizes,), "missing/negative"), stride), "missing")
        widths = sheet.shape([0] * (4 + plan.ndim), missing_here, "widths")
    return sheet.op("Pad", (sheet.values[0], widths), "padded", mode="constant")


def _write_output(sheet: Sheet, sizes: str) -> None:
    """The last activation, on what is no padding."""
    logits = sheet.values[sheet.plan.output_id]
    if sizes:
        logits = sheet.cut(logits, sizes, "logits")
    if sheet.plan.outputs == 1:
        sheet.op("Sigmoid", (logits,), OUTPUT)
    else:
        sheet.op("Softmax", (logits,), OUTPUT, axis=1)


def _interface(plan: Plan, ends: Ends) -> tuple[list[ValueInfoProto], list[ValueInfoProto]]:
    """Names, types and sizes of input and output; open sizes are called by their axes."""
    before: tuple[int | str, ...] = plan.input[1:]
    after: tuple[int | str, ...] = plan.output.shape
    if ends.shape is not None:
        before, after = ends.shape, ends.shape if ends.padded else after
    elif any(plan.output.stride):
        before = ends.axes
        after = ends.axes if plan.output.shape == plan.input[1:] else tuple(f"{axis}_out" for axis in ends.axes)
    elif plan.output.shape:
        before = ends.axes
    batch: int | str = "batch" if ends.shape is None else 1
    return (
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, plan.input[0], *before])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, plan.outputs, *after])],
    )
