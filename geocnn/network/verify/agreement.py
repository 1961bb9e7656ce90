"""The plan and the module agree: shapes, parameters, products, and which step takes what."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.node import NormAttributes
from geocnn.network.plan import Plan
from geocnn.network.verify.drawn import difference, observed
from geocnn.network.verify.finding import EXACT, ROUNDING, Finding

__all__ = ["WIRED", "plan_findings", "prediction_finding", "wiring_finding"]


WIRED = "each step takes what is planned"
FOLDING = 1e-10
"""Bound of what differs because norms are folded into weights: rounding that later layers may make larger."""


def plan_findings(plan: Plan, network: Network | None = None) -> Iterator[Finding]:
    """Shapes, parameters and multiply-adds at the plan's own sizes, without computing a sample.

    `network` is what is compared with the plan; the one that is built for it if left out.
    """
    with torch.device("meta"):
        network = (Network(plan) if network is None else network).to("meta").eval()
        with FlopCounterMode(display=False) as counter:
            values, _ = observed(network, torch.empty(1, *plan.input))
    count = len(plan.nodes)
    odd = [node for node in plan.nodes if tuple(values[node.id].shape[1:]) != (node.channels, *node.shape)]
    what = f"{count} steps of an input {plan.input}"
    if odd:
        found = tuple(values[odd[0].id].shape[1:])
        what = f"planned {(odd[0].channels, *odd[0].shape)}, made {found}"
    yield Finding("shapes as planned", what, len(odd), EXACT, odd[0].place if odd else "")
    wrong = [
        node
        for node in plan.nodes[1:]
        if sum(each.numel() for each in network.step(node).parameters()) != node.parameters
    ]
    what = f"{plan.parameters:,} in all" if not wrong else f"planned {wrong[0].parameters:,}"
    yield Finding("parameters as planned", what, len(wrong), EXACT, wrong[0].place if wrong else "")
    counted = counter.get_total_flops() // 2
    what = f"planned {plan.multiply_adds:,}, counted {counted:,}"
    yield Finding("multiply-adds as planned", what, abs(counted - plan.multiply_adds), EXACT)


def wiring_finding(network: Network, x: Tensor) -> Finding:
    """Each step of a run makes what its module makes of the outputs that the plan names as its inputs."""
    values, places = observed(network, x)
    worst, place = 0.0, ""
    for node in network.plan.nodes[1:]:
        taken = [values[each].clone() for each in node.inputs]
        with torch.no_grad():
            if node.kind == "unpool":
                made = network.step(node)(taken[0], *places[node.inputs[1]])
            else:
                made = network.step(node)(*taken)
        measured = difference(made[0] if isinstance(made, tuple) else made, values[node.id])
        if not measured <= worst:
            worst, place = measured, node.place
    what = f"{len(values)} steps of an input {tuple(x.shape[1:])}"
    return Finding(WIRED, what, worst, ROUNDING, place)


def prediction_finding(network: Network, x: Tensor) -> Finding:
    """What predicts, with norms folded into weights, gives what was trained gives."""
    with torch.no_grad():
        expected, found = network(x.clone()), InferenceNetwork(network)(x.clone())
    folded = sum(isinstance(node.attributes, NormAttributes) for node in network.plan.trunk)
    what = f"{folded} norms, an input of {tuple(x.shape[1:])}"
    return Finding("predicts what was trained", what, difference(found, expected), FOLDING)
