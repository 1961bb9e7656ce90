"""The order in which the nodes of a plan run, and when their outputs are given back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from geocnn.network.liveness import spent_after
from geocnn.network.node import Node
from geocnn.network.resampling import Pooled

__all__ = ["Schedule"]


class Schedule:
    """Nodes in order, each with what nobody needs once it is done.

    Parameters
    ----------
    nodes
        The input and every node that is to run, inputs before their users.
    keep
        The nodes whose outputs are asked for.
    """

    def __init__(self, nodes: Iterable[Node], keep: set[int]) -> None:
        self.nodes = tuple(nodes)
        spent = spent_after(self.nodes, keep)
        self._spent = [spent[node.id] for node in self.nodes[1:]]

    def run(self, steps: Sequence[nn.Module], x: Tensor) -> dict[int, Tensor]:
        """Outputs of the nodes that are kept; `steps` are the modules of all nodes but the input, in order."""
        values = {0: x}
        places: dict[int, list[Any]] = {}
        del x
        for node, step, spent in zip(self.nodes[1:], steps, self._spent, strict=True):
            if node.kind == "unpool":
                values[node.id] = step(values[node.inputs[0]], *places[node.inputs[1]])
            elif isinstance(step, Pooled):
                values[node.id], *places[node.id] = step(values[node.inputs[0]])
            else:
                values[node.id] = step(*[values[each] for each in node.inputs])
            for each in spent:
                del values[each]
                places.pop(each, None)
        return values
