"""How long the output of each node is needed, and where a node may write over what it takes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from math import prod

from geocnn.network.node import (
    ActivationAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UpsampleAttributes,
)
from geocnn.network.plan import Plan

__all__ = ["overwrites", "spent_after", "users"]


def spent_after(nodes: Sequence[Node], keep: Container[int]) -> dict[int, tuple[int, ...]]:
    """For each of these nodes the outputs that no later one takes, in the order in which they came; never those kept.

    What nothing takes at all is spent as soon as it is there.
    """
    last = {node.id: node.id for node in nodes}
    for node in nodes:
        last.update(dict.fromkeys(node.inputs, node.id))
    spent: dict[int, list[int]] = {node.id: [] for node in nodes}
    for each in sorted(last):
        if each not in keep:
            spent[last[each]].append(each)
    return {user: tuple(values) for user, values in spent.items()}


def users(plan: Plan) -> list[int]:
    """How many nodes of the trunk take each node, its use as the output counted."""
    counts = [0] * len(plan.nodes)
    counts[plan.output_id] += 1
    for node in plan.trunk:
        for each in node.inputs:
            counts[each] += 1
    return counts


def overwrites(plan: Plan, training: bool, alone: bool = False) -> frozenset[int]:
    """The nodes that may write their output over their first input: activations, sums and, in prediction, products.

    Nothing else sees the memory that changes: the network's input, its output and its heads stay as they are. While
    training, what a backward pass needs stays too: an activation is only taken whose gradient follows from its
    output, after a node whose gradient does not, and no other node has kept the values. With `alone` no other node may
    take what is written over, not even before.
    """
    roots = _roots(plan.nodes)
    takers: dict[int, list[Node]] = {}
    for node in plan.nodes[1:]:
        for root in {roots[each] for each in node.inputs}:
            takers.setdefault(root, []).append(node)
    fixed = {roots[each] for each in (0, plan.output_id, *plan.heads.values())}
    found = set()
    for node in plan.nodes[1:]:
        if not _rewrites(node, plan.nodes, training):
            continue
        root, *others = (roots[each] for each in node.inputs)
        if root in fixed or root in others or takers[root][-1] is not node or (alone and len(takers[root]) > 1):
            continue
        if training and not _unneeded(plan.nodes[root], plan.nodes[node.inputs[0]], takers[root][:-1]):
            continue
        found.add(node.id)
    return frozenset(found)


_FROM_OUTPUT = ("relu", "leaky_relu", "elu", "tanh", "sigmoid")
"""Activations whose gradient follows from their output."""


def _rewrites(node: Node, nodes: Sequence[Node], training: bool) -> bool:
    """Whether a node has a form that writes over its first input."""
    asked = node.attributes
    if isinstance(asked, ActivationAttributes):
        return asked.function in _FROM_OUTPUT or (asked.function == "silu" and not training)
    if isinstance(asked, JoinAttributes):
        first = nodes[node.inputs[0]]
        whole = (first.channels, first.shape) == (node.channels, node.shape) and not asked.crop
        several = node.shape == () or prod(node.shape) > 1  # One sample may stand for all of a larger input.
        return whole and several and (node.kind == "add" or (node.kind == "multiply" and not training))
    return False


def _unneeded(maker: Node, taken: Node, others: Iterable[Node]) -> bool:
    """Whether no backward pass needs the values of `maker`, which the nodes `others` have taken too."""
    return maker is taken and _forgets(maker) and all(user.kind in _LINEAR for user in others)


_LINEAR = ("add", "concat", "flatten", "pixel_shuffle")
"""Kinds whose gradient does not depend on their inputs."""
_FORGETFUL: Mapping[str, bool] = dict.fromkeys(("conv", "dense", "add", "multiply", "concat"), True)


def _forgets(node: Node) -> bool:
    """Whether the gradient of a node does not depend on its output, which is memory of its own and no view."""
    asked = node.attributes
    if isinstance(asked, NormAttributes):
        return asked.method in ("batch", "group")
    if isinstance(asked, TransposedAttributes):
        return asked.before == asked.after
    return _FORGETFUL.get(node.kind, False)


def _roots(nodes: Sequence[Node]) -> dict[int, int]:
    """For each node the one whose memory its output may be."""
    roots: dict[int, int] = {}
    for node in nodes:
        roots[node.id] = roots[node.inputs[0]] if _may_be_view(node) else node.id
    return roots


def _may_be_view(node: Node) -> bool:
    """Whether a node may hand on the memory of its input."""
    asked = node.attributes
    if isinstance(asked, UpsampleAttributes | ShuffleAttributes):
        return prod(asked.factor) == 1
    return node.kind in ("flatten", "dropout")
