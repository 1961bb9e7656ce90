"""What runs: a plan as a torch module, node by node."""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import Tensor, nn

from geocnn.network.liveness import spent_after
from geocnn.network.modules import Pooled, make_module
from geocnn.network.node import Node
from geocnn.network.plan import Plan

__all__ = ["Network", "step_name"]


class Network(nn.Module):
    """A plan that runs.

    The names of its weights come from their places in the spec: ``layers_3_residual_0_conv.weight``.

    Parameters
    ----------
    plan
        Its sizes are those of one input; without a flatten layer other sizes can be run too.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.steps = nn.ModuleDict({step_name(node): make_module(node) for node in plan.nodes[1:]})
        self._trunk = _Schedule(plan.trunk, {plan.output_id})
        self._all = _Schedule(plan.nodes, {plan.output_id, *plan.heads.values()})

    def step(self, node: Node) -> nn.Module:
        """The module of a node."""
        return self.steps[step_name(node)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, \\*shape), or (B, outputs) after a flatten layer, of inputs (B, C, \\*shape)."""
        return self._run(self._trunk, x)[self.plan.output_id]

    def with_heads(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and those of the heads by name."""
        values = self._run(self._all, x)
        return values[self.plan.output_id], {name: values[node] for name, node in self.plan.heads.items()}

    def _run(self, schedule: _Schedule, x: Tensor) -> dict[int, Tensor]:
        """Outputs of the nodes that are kept."""
        values = {0: x}
        indices: dict[int, tuple[Tensor, tuple[int, ...]]] = {}
        del x
        for node, name, spent in schedule.steps:
            step = self.steps[name]
            if node.kind == "unpool":
                values[node.id] = step(values[node.inputs[0]], *indices[node.inputs[1]])
            elif isinstance(step, Pooled):
                values[node.id], *found = step(values[node.inputs[0]])
                indices[node.id] = (found[0], found[1])
            else:
                values[node.id] = step(*(values[each] for each in node.inputs))
            for each in spent:
                del values[each]
                indices.pop(each, None)
        return values


class _Schedule:
    """Nodes in order, the names of their steps, and what nobody needs once they are done."""

    def __init__(self, nodes: Iterable[Node], keep: set[int]) -> None:
        listed = tuple(nodes)
        spent = spent_after(listed, keep)
        self.steps = [(node, step_name(node), spent[node.id]) for node in listed if node.inputs]


def step_name(node: Node) -> str:
    """``layers_3_residual_0_conv``."""
    return "_".join([*re.findall(r"\w+", node.place), node.kind])
