"""What residual blocks are: σ(a + z), or σ(f(a) + z) with a projection f."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from geocnn.network.build import Network
from geocnn.network.node import ActivationAttributes, ConvAttributes, JoinAttributes, Node
from geocnn.network.plan import Plan
from geocnn.network.verify.drawn import difference, inside, observed, weight_of
from geocnn.network.verify.finding import ROUNDING, Finding

__all__ = ["FUNCTIONS", "residual_findings"]

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: x.clamp(min=0),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, torch.expm1(x)),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "tanh": torch.tanh,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
}


def residual_findings(network: Network, x: Tensor) -> Iterator[Finding]:
    """Of each residual block of a run."""
    plan = network.plan
    values, _ = observed(network, x)
    for join in plan.nodes:
        if not _closes_a_block(plan, join):
            continue
        z = values[join.inputs[0]]
        given, formula = _given(network, join, values)
        crop = isinstance(join.attributes, JoinAttributes) and join.attributes.crop
        if crop:
            least = inside(slice(0, min(sizes)) for sizes in zip(z.shape[2:], given.shape[2:], strict=True))
            z, given = z[least], given[least]
        expected = torch.cat((z, given), 1) if join.kind == "concat" else given + z
        last = join
        after = [node for node in plan.nodes if node.inputs == (join.id,) and node.place == join.place]
        if after and isinstance(after[0].attributes, ActivationAttributes):
            last, expected = after[0], FUNCTIONS[after[0].attributes.function](expected)
            formula = f"{after[0].attributes.function}({formula})"
        formula = formula if join.kind == "add" else f"{formula.replace(' + ', ' beside ')}"
        yield Finding(
            "residual block = σ(a + z), σ(f(a) + z)",
            formula,
            difference(values[last.id], expected),
            ROUNDING,
            join.place,
        )


def _closes_a_block(plan: Plan, node: Node) -> bool:
    """Whether it joins the end of a residual block with its input."""
    inside = f"{node.place}.residual["
    return node.kind in ("add", "concat") and any(each.place.startswith(inside) for each in plan.nodes[: node.id])


def _given(network: Network, join: Node, values: Mapping[int, Tensor]) -> tuple[Tensor, str]:
    """a or f(a), f computed from its weights: a matrix at each sample, and the norm."""
    plan = network.plan
    end = plan.nodes[join.inputs[1]]
    shortcut = [node for node in plan.nodes if node.place == f"{join.place}.shortcut"]
    if not shortcut:
        return values[end.id], "a + z"
    projection, *norms = shortcut
    asked = projection.attributes
    if not isinstance(asked, ConvAttributes):
        raise TypeError(f"the shortcut begins with {projection.kind}")
    weight, _ = weight_of(network.step(projection))
    a = values[projection.inputs[0]][inside(slice(None, None, step) for step in asked.stride)]
    f = torch.einsum("oi,bi...->bo...", weight.flatten(1), a)
    for norm in norms:
        with torch.no_grad():
            f = network.step(norm)(f.clone())
    return f, "f(a) + z"
