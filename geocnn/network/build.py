"""What runs: a plan as a torch module, node by node."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geocnn.network.liveness import overwrites
from geocnn.network.modules import make_module
from geocnn.network.node import Node, step_name
from geocnn.network.plan import Plan
from geocnn.network.schedule import Schedule

__all__ = ["Network"]


class Network(nn.Module):
    """A plan that runs.

    The names of its weights come from their places in the spec: ``layers_3_residual_0_conv.weight``.

    Parameters
    ----------
    plan
        Its sizes are those of one input; without a flatten layer other sizes can be run too.

    Attributes
    ----------
    recompute
        Whether training keeps only some outputs for the backward pass, which then computes the others again: the same
        gradients, bit for bit, in less memory and more time.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        over = overwrites(plan, training=True)
        self.steps = nn.ModuleDict({step_name(node): make_module(node, node.id in over) for node in plan.nodes[1:]})
        self.recompute = False
        self._trunk = Schedule(plan.trunk, {plan.output_id}, over)
        self._all = Schedule(plan.nodes, {plan.output_id, *plan.heads.values()}, over)

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

    def _run(self, schedule: Schedule, x: Tensor) -> dict[int, Tensor]:
        in_segments = self.recompute and self.training and torch.is_grad_enabled()
        run = schedule.run_in_segments if in_segments else schedule.run
        return run([self.step(node) for node in schedule.nodes[1:]], x)
