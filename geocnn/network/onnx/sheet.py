"""An ONNX graph in the making: the steps written so far, under names that are unique, and their constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from geocnn.network.node import Node
from geocnn.network.plan import Plan

__all__ = ["INPUT", "OUTPUT", "Sheet"]

INPUT, OUTPUT = "image", "probability"
"""Names of the graph's input and output."""

FAR = 2**62
"""An end that means: up to the last sample."""


class Sheet:
    """Steps and constants, in the order in which they are written.

    Parameters
    ----------
    plan
        What is being written.
    weights
        Of each node, by its id: ``weight``, ``bias``, ``running_mean``, ``running_var``.
    fixed
        Whether the sizes of the plan are those of every input; else the graph asks its inputs for them.

    Attributes
    ----------
    nodes, constants
        What was written.
    values
        Name of the output of each node of the plan, by its id.
    indices
        Where each max pool found its largest samples, by its id, if an unpool needs it.
    """

    def __init__(self, plan: Plan, weights: Mapping[int, Mapping[str, NDArray[np.float32]]], fixed: bool) -> None:
        self.plan = plan
        self.fixed = fixed
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.values: dict[int, str] = {}
        self.indices: dict[int, str] = {}
        self._weights = weights
        self._names = {INPUT}
        self._sizes: dict[str, str] = {}

    def op(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Write a step; the name of its output: `name`, numbered if it is taken."""
        output = self._free(name)
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def op_of_two(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> tuple[str, str]:
        """Write a step of two outputs; their names."""
        outputs = self._free(name), self._free(f"{name}/indices")
        self.nodes.append(helper.make_node(kind, inputs, outputs, outputs[0], **attributes))
        return outputs

    def constant(self, value: NDArray[np.float32] | NDArray[np.int64], name: str) -> str:
        """Keep a constant; its name."""
        name = self._free(name)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, value: ArrayLike, name: str) -> str:
        """Keep whole numbers, such as sizes or ends; their name."""
        return self.constant(np.asarray(value, np.int64), name)

    def has_weight(self, node: Node, weight: str) -> bool:
        """Whether a node has such a weight."""
        return weight in self._weights.get(node.id, {})

    def weight(self, node: Node, weight: str, shape: Sequence[int] | None = None) -> str:
        """Keep a weight of a node, in another shape if wished; its name."""
        value = self._weights[node.id][weight]
        return self.constant(value if shape is None else value.reshape(tuple(shape)), f"{self.name(node)}.{weight}")

    def name(self, node: Node) -> str:
        """``layers[3].residual[0]/conv``."""
        return node.kind if node.place == node.kind else f"{node.place}/{node.kind}"

    def channelwise(self, node: Node) -> tuple[int, ...]:
        """Shape of one number per channel: (1, C, 1, …)."""
        return (1, node.channels, *(1,) * len(node.shape))

    def sizes(self, at: int) -> str:
        """Samples of a node's output along each axis, as a vector of the graph."""
        node, value = self.plan.nodes[at], self.values[at]
        if value not in self._sizes:
            name = f"{value}/sizes"
            if self.fixed:
                self._sizes[value] = self.integers(node.shape, name)
            else:
                begin, end = self.integers([2], f"{name}/begin"), self.integers([FAR], f"{name}/end")
                self._sizes[value] = self.op("Slice", (self.op("Shape", (value,), f"{value}/shape"), begin, end), name)
        return self._sizes[value]

    def shape(self, leading: Sequence[int], sizes: str, name: str) -> str:
        """A shape of some numbers, followed by sizes; −1 stands for what is left."""
        return self.op("Concat", (self.integers(leading, f"{name}/leading"), sizes), name, axis=0)

    def cut(self, value: str, sizes: str, name: str) -> str:
        """The samples of a value up to `sizes`, along all axes."""
        axes = list(range(2, 2 + self.plan.ndim))
        begin = self.integers([0] * len(axes), f"{name}/begin")
        return self.op("Slice", (value, begin, sizes, self.integers(axes, f"{name}/axes")), name)

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self._names:
            number += 1
            free = f"{name}.{number}"
        self._names.add(free)
        return free
