"""What the kinds of nodes hold in memory beside their outputs: copies, places, and what a backward pass needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from geocnn.network.node import (
    BYTES_PER_INDEX,
    BYTES_PER_SAMPLE,
    ActivationAttributes,
    ConvAttributes,
    GlobalPoolAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    ShuffleAttributes,
    UpsampleAttributes,
)

__all__ = ["Kept", "folds", "hands_on", "kept_for_backward", "padded_by", "passes_on"]


@dataclass(frozen=True)
class Kept:
    """What a node keeps from its forward to its backward pass.

    Attributes
    ----------
    inputs, output
        Whether it needs them.
    further
        Bytes for each sample of its output.
    """

    inputs: bool = False
    output: bool = False
    further: int = 0


def kept_for_backward(node: Node, overwrites: bool) -> Kept:
    """What a node keeps; `overwrites` says whether it writes its output over its input."""
    asked = node.attributes
    if isinstance(asked, ActivationAttributes):
        from_output = overwrites or asked.function in ("relu", "tanh", "sigmoid")
        return Kept(output=True) if from_output else Kept(inputs=True)
    if isinstance(asked, PoolAttributes):
        return Kept(inputs=True, further=BYTES_PER_INDEX if asked.method == "max" else 0)
    if isinstance(asked, GlobalPoolAttributes):
        return Kept(inputs=True, output=True) if asked.method == "max" else Kept()
    if node.kind == "dropout":
        return Kept(further=BYTES_PER_SAMPLE)
    return Kept(inputs=node.kind in ("conv", "transposed_conv", "dense", "norm", "multiply"))


def padded_by(node: Node) -> tuple[int, ...]:
    """Samples by which a padded copy of the input is longer along each axis; () where the layer itself pads."""
    asked = node.attributes
    if isinstance(asked, ConvAttributes):
        copies = asked.before != asked.after or (asked.padding_mode != "zeros" and any(asked.before))
    elif isinstance(asked, PoolAttributes):
        copies = any(asked.before + asked.after)
    else:
        return ()
    return tuple(map(sum, zip(asked.before, asked.after, strict=True))) if copies else ()


def hands_on(node: Node, training: bool) -> bool:
    """Whether a node hands on the memory of its input."""
    asked = node.attributes
    if isinstance(asked, UpsampleAttributes | ShuffleAttributes):
        return prod(asked.factor) == 1
    return node.kind == "flatten" or (node.kind == "dropout" and not training)


def passes_on(node: Node) -> bool:
    """Whether the gradient of its output is, or holds, that of its inputs."""
    return node.kind in ("add", "concat") or hands_on(node, training=True)


def folds(node: Node, nodes: Sequence[Node], users: Sequence[int]) -> bool:
    """Whether a norm can be folded into the weights of the layer before it, whose only user it is."""
    if not isinstance(node.attributes, NormAttributes) or node.attributes.method != "batch":
        return False
    maker = nodes[node.inputs[0]]
    fixed = isinstance(maker.attributes, ConvAttributes) and maker.attributes.weights is not None
    return maker.kind in ("conv", "transposed_conv", "dense") and users[maker.id] == 1 and not fixed
