"""What the kinds of nodes hold in memory beside their outputs: copies, places, and what a backward pass needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from geocnn.network.node import (
    BYTES_PER_INDEX,
    BYTES_PER_SAMPLE,
    ActivationAttributes,
    ConvAttributes,
    GlobalPoolAttributes,
    JoinAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UnpoolAttributes,
    UpsampleAttributes,
)

__all__ = [
    "Kept",
    "channels_last",
    "concatenates",
    "cropped_by",
    "folds",
    "hands_on",
    "kept_for_backward",
    "padded_by",
    "pads_itself",
    "passes_on",
    "reflects",
    "scratch",
    "views",
]


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
    further = BYTES_PER_SAMPLE if _brings_channels_last(node) else 0
    return Kept(inputs=node.kind in ("conv", "transposed_conv", "dense", "norm", "multiply"), further=further)


def concatenates(node: Node) -> bool:
    """Whether a stream writes a node's inputs side by side, behind its planes that are still needed."""
    asked = node.attributes
    return node.kind == "concat" and isinstance(asked, JoinAttributes) and not (asked.crop or asked.singles)


def pads_itself(node: Node) -> bool:
    """Whether torch's own layer pads: by as much at both ends, with what it pads with, and at most half a window."""
    asked = node.attributes
    if isinstance(asked, ConvAttributes):
        return asked.before == asked.after and asked.padding_mode == "zeros" and asked.weights is None
    if isinstance(asked, PoolAttributes):
        fits = all(2 * near <= size for near, size in zip(asked.before, asked.size, strict=True))
        # Torch's mean over volumes refuses an input that is smaller than the window before it is padded.
        refused = asked.method == "mean" and len(asked.size) == 3 and any(asked.before)
        return asked.before == asked.after and fits and not asked.indices and not refused
    return False


def padded_by(node: Node) -> tuple[int, ...]:
    """Samples by which a padded copy of the input is longer along each axis; () where the layer itself pads."""
    asked = node.attributes
    if not isinstance(asked, ConvAttributes | PoolAttributes) or pads_itself(node):
        return ()
    ends = tuple(map(sum, zip(asked.before, asked.after, strict=True)))
    return ends if any(ends) else ()


def reflects(node: Node) -> bool:
    """Whether the samples that are padded come from the input, which is then needed for the backward pass."""
    return isinstance(node.attributes, ConvAttributes) and node.attributes.padding_mode != "zeros"


def cropped_by(node: Node) -> tuple[int, ...]:
    """Samples by which the memory of the output is longer along each axis, which a view of it leaves out; or ()."""
    asked = node.attributes
    if isinstance(asked, TransposedAttributes):
        ends = zip(asked.before, asked.after, asked.kernel, asked.dilation, strict=True)
        itself = all(0 <= near == far <= (k - 1) * d for near, far, k, d in ends)
        cut = [] if itself else [near + max(0, far) for near, far in zip(asked.before, asked.after, strict=True)]
    elif isinstance(asked, UnpoolAttributes):
        cut = [near + far for near, far in zip(asked.pool.before, asked.pool.after, strict=True)]
    else:
        return ()
    return tuple(cut) if any(cut) else ()


def scratch(node: Node) -> float:
    """What a pass holds for a while, in terms of the output; convolutions are a case of their own."""
    asked = node.attributes
    if isinstance(asked, UpsampleAttributes) and asked.mode == "linear":
        return 1 + 3 / asked.factor[-1]  # Phases along the last axis, and the neighbours of its samples.
    if _brings_channels_last(node):
        return 1 if len(node.shape) == 1 else 0
    if isinstance(asked, JoinAttributes):
        return 1 if node.kind != "concat" and len(node.inputs) > 2 else 0
    return 1 if node.kind == "unpool" else 0


def _brings_channels_last(node: Node) -> bool:
    """Whether a node looks at the channels of each sample together."""
    return isinstance(node.attributes, NormAttributes) and node.attributes.method == "layer" and len(node.shape) > 0


def channels_last(nodes: Iterable[Node]) -> frozenset[int]:
    """The nodes whose channels lie side by side in memory.

    Convolutions along two or three axes take and make these without copies; along one they copy them into order.
    """
    found: set[int] = set()
    for node in nodes:
        keeps = ("activation", "dropout", "norm", "pool", "add", *(["conv"] if len(node.shape) > 1 else []))
        if _brings_channels_last(node) or (node.kind in keeps and node.inputs[0] in found):
            found.add(node.id)
    return frozenset(found)


def views(nodes: Iterable[Node]) -> frozenset[int]:
    """The nodes whose samples may be a part of larger memory: convolutions copy them into order."""
    found: set[int] = set()
    for node in nodes:
        if cropped_by(node) or (node.kind in ("activation", "dropout", "norm") and node.inputs[0] in found):
            found.add(node.id)
    return frozenset(found)


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
