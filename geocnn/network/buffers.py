"""How large the buffers are that the nodes of a plan take: outputs, padded and blocked copies, places."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from geocnn.network.keeping import channels_last, cropped_by, padded_by, scratch, views
from geocnn.network.ledger import Ledger
from geocnn.network.node import (
    BYTES_PER_INDEX,
    BYTES_PER_SAMPLE,
    ConvAttributes,
    Node,
    NormAttributes,
    PoolAttributes,
    TransposedAttributes,
)
from geocnn.network.plan import Plan
from geocnn.network.sizes import shapes_for

__all__ = ["Buffers", "Copies"]

BLOCK = 16
"""Channels that convolutions work on at once."""

LOSS_OF_ONE = 10
LOSS_PER_CLASS = 3
"""Numbers that `geocnn.losses` hold at once for each sample: of one output, and for each of several (measured)."""


class Copies(NamedTuple):
    """Bytes of copies that a convolution works on: of what it takes and makes, and of the gradients of both."""

    taken: int = 0
    made: int = 0
    before: int = 0
    after: int = 0


class Buffers:
    """Bytes of what the nodes of a plan hold, for a batch of inputs of a shape."""

    def __init__(self, plan: Plan, batch: int, shape: Sequence[int] | None, last: bool = False) -> None:
        shapes = shapes_for(plan, plan.input[1:] if shape is None else shape)
        if shapes is None:
            raise ValueError(f"the network takes no input of {tuple(shape or ())} samples")
        self._nodes, self._batch, self._channels_last = plan.nodes, batch, channels_last(plan.nodes)
        self._all_last = last and len(plan.input) > 2
        self._views = views(plan.nodes)
        self.shapes = shapes

    def output(self, node: Node, each: int = BYTES_PER_SAMPLE) -> int:
        """Of its output, at `each` bytes a sample."""
        return each * self._batch * node.channels * prod(self.shapes[node.id])

    def indices(self, node: Node) -> int:
        """Of the places that a later unpool asks a max pool for."""
        asked = isinstance(node.attributes, PoolAttributes) and node.attributes.indices
        return self.output(node, BYTES_PER_INDEX) if asked else 0

    def padded(self, node: Node) -> int:
        """Of a padded copy of its input; 0 where there is none."""
        ends, taken = padded_by(node), self._nodes[node.inputs[0]]
        shape = [size + more for size, more in zip(self.shapes[taken.id], ends, strict=True)] if ends else [0]
        return BYTES_PER_SAMPLE * self._batch * taken.channels * prod(shape)

    def cropped(self, node: Node) -> int:
        """Of the memory of its output, of which it may use a part."""
        ends = cropped_by(node)
        if not ends:
            return self.output(node)
        shape = [size + more for size, more in zip(self.shapes[node.id], ends, strict=True)]
        return BYTES_PER_SAMPLE * self._batch * node.channels * prod(shape)

    def scratch(self, node: Node) -> int:
        """Of what a pass holds for a while, convolutions left out."""
        return int(scratch(node) * self.output(node))

    def copies(self, node: Node) -> Copies:
        """Of the copies that a convolution works on."""
        asked, taken = node.attributes, self._nodes[node.inputs[0]]
        if self._all_last:
            return Copies(self._copied(node), self.cropped(node) * bool(cropped_by(node)))
        if not isinstance(asked, ConvAttributes | TransposedAttributes):
            return Copies()
        before, after = (self.output(each) // each.channels * _blocks(each.channels) for each in (taken, node))
        if isinstance(asked, TransposedAttributes):
            output, still = self.cropped(node), set(asked.stride) == {1}
            return Copies(before * still, after if still else 2 * output, before, output)
        last = taken.id in self._channels_last
        if last and len(taken.shape) > 1:
            return Copies()
        plain = taken.channels < BLOCK and asked.groups == 1 and set(asked.kernel) != {1}
        view = self.output(taken) if taken.id in self._views or last else 0
        return Copies(0 if plain else before, after + view, before, after)

    def _copied(self, node: Node) -> int:
        """Of what a step copies where channels lie side by side: torch has no kernel for it, or its input is plain."""
        asked, taken = node.attributes, self._nodes[node.inputs[0]]
        if isinstance(asked, PoolAttributes) and not asked.indices:
            places = self.output(node, BYTES_PER_INDEX) if asked.method == "max" else 0
            return places or (self.padded(node) or self.output(taken)) * (len(taken.shape) > 2)
        if isinstance(asked, NormAttributes) and asked.method == "instance":
            return self.output(node)
        if isinstance(asked, TransposedAttributes):
            blocked = taken.channels > 1 and any(k > 1 for k in asked.kernel)
            return self.output(taken) // taken.channels * _blocks(taken.channels) * blocked
        plain = taken.kind == "pixel_shuffle" or taken.id in self._views
        return self.output(taken) * (plain and isinstance(asked, ConvAttributes))

    def computed(self, node: Node, ledger: Ledger) -> int:
        """The buffer of its output; workspace has come and gone."""
        copies = self.copies(node)
        taken, made = ledger.take(copies.taken), ledger.take(copies.made + self.scratch(node))
        if not self._all_last:
            ledger.drop(taken)
        output = ledger.take(self.cropped(node))
        ledger.drop(made, taken) if self._all_last else ledger.drop(made)
        return output

    def loss(self, node: Node) -> int:
        """Of what a loss of this output holds."""
        numbers = LOSS_OF_ONE if node.channels == 1 else LOSS_PER_CLASS * node.channels
        return BYTES_PER_SAMPLE * self._batch * numbers * prod(self.shapes[node.id])


def _blocks(channels: int) -> int:
    """Channels filled up to whole blocks."""
    return -(-channels // BLOCK) * BLOCK
