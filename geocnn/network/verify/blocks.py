"""What residual blocks are: σ(a + z), or σ(f(a) + z) with a projection f."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

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


SHORTCUT = ".shortcut"


def residual_findings(network: Network, x: Tensor) -> Iterator[Finding]:
    """Findings of each residual block of a run."""
    plan = network.plan
    values, _ = observed(network, x)
    blocks = _blocks(plan)
    shortcuts: dict[str, list[Node]] = {}
    for node in plan.nodes:
        if node.place.endswith(SHORTCUT):
            shortcuts.setdefault(node.place.removesuffix(SHORTCUT), []).append(node)
    for join in plan.nodes:
        if join.kind not in ("add", "concat") or join.place not in blocks:
            continue
        z = values[join.inputs[0]]
        given, formula = _given(network, join, shortcuts.get(join.place, []), values)
        crop = isinstance(join.attributes, JoinAttributes) and join.attributes.crop
        if crop:
            least = inside(slice(0, min(sizes)) for sizes in zip(z.shape[2:], given.shape[2:], strict=True))
            z, given = z[least], given[least]
        expected = torch.cat((z, given), 1) if join.kind == "concat" else given + z
        last = join
        after = [node for node in plan.nodes[join.id + 1 : join.id + 2] if node.inputs == (join.id,)]
        if after and after[0].place == join.place and isinstance(after[0].attributes, ActivationAttributes):
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


def _blocks(plan: Plan) -> frozenset[str]:
    """Places of residual blocks: what closes one has the place of the block itself."""
    inner = ".residual["
    places = {node.place for node in plan.nodes if inner in node.place}
    ends = {(place, at) for place in places for at in range(len(place)) if place.startswith(inner, at)}
    return frozenset(place[:at] for place, at in ends)


def _given(network: Network, join: Node, shortcut: Sequence[Node], values: Mapping[int, Tensor]) -> tuple[Tensor, str]:
    """a or f(a), f computed from its weights: a matrix at each sample, and the norm."""
    if not shortcut:
        return values[join.inputs[1]], "a + z"
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
