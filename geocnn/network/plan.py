"""What a spec means: one flat list of nodes, with shapes, costs, and what each output depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, Marked
from geocnn.network.draft import MAX_SIZE, Draft
from geocnn.network.expansion.network import expand_network
from geocnn.network.node import Node, needed_by
from geocnn.network.origin import Origin
from geocnn.network.spec import Spec
from geocnn.records import show

__all__ = ["Node", "Plan", "expand"]


@dataclass(frozen=True)
class Plan:
    """A network as a flat list in which every node comes after its inputs.

    Attributes
    ----------
    nodes
        The first is the input.
    input
        (C, \\*shape) for which shapes and costs hold; without a flatten layer the network takes other shapes too.
    outputs
        Channels of the output.
    output_id
        The node whose output is the network's.
    heads
        The nodes of extra outputs by name (deep supervision); prediction leaves them out.

    Notes
    -----
    A tile whose start is a multiple of `stride`, extended by `halo` rounded up to the stride and cut at the true
    edges of the data, gives the same outputs in its core as one pass over the whole, if the plan is `exact`:
    every node falls on the same samples as in the whole pass, and zeros padded at a cut are further from the
    core than its outputs can see.
    """

    nodes: tuple[Node, ...]
    input: tuple[int, ...]
    outputs: int
    output_id: int
    heads: Mapping[str, int]

    @property
    def output(self) -> Node:
        """The node whose output is the network's."""
        return self.nodes[self.output_id]

    @property
    def ndim(self) -> int:
        """Axes of the input: 1, 2 or 3."""
        return len(self.input) - 1

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(node.parameters for node in self.nodes)

    @property
    def multiply_adds(self) -> int:
        """Of one pass over the input."""
        return sum(node.multiply_adds for node in self.nodes)

    @property
    def activation_bytes(self) -> int:
        """Memory of the outputs of all nodes for one input, in float32; `training_bytes` is what training holds."""
        return sum(node.activation_bytes for node in self.nodes)

    @property
    def trunk(self) -> tuple[Node, ...]:
        """The nodes that the output depends on: all but those that only heads need."""
        return needed_by(self.nodes, (self.output_id,))

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """Input samples that an output sees along each axis, averaged over neighbouring outputs.

        Nodes that look at all samples at once (`breaks`) are left out.
        """
        return self.output.receptive_field

    @property
    def stride(self) -> tuple[int, ...]:
        """Smallest shift of the input, along each axis, that shifts every node by whole samples."""
        strides = [[node.stride[axis] for node in self.nodes if node.shape] for axis in range(self.ndim)]
        return tuple(lcm(*(stride.numerator for stride in axis if stride)) for axis in strides)

    @property
    def halo(self) -> tuple[tuple[int, int], ...]:
        """Input samples before and after its own that an output can see, along each axis."""
        return tuple((max(0, reach.left), max(0, reach.right)) for reach in self.output.reach)

    @property
    def breaks(self) -> tuple[Node, ...]:
        """The nodes whose outputs depend on the whole input, so that tiles cannot be exact."""
        return tuple(node for node in self.trunk if node.whole)

    @property
    def exact(self) -> bool:
        """Whether tiles with their halo give what one pass gives."""
        return not self.breaks

    def admissible(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The smallest shape of multiples of the stride that holds `shape`."""
        return tuple(-(-size // stride) * stride for size, stride in zip(shape, self.stride, strict=True))


def expand(
    spec: Spec,
    input: tuple[int, ...],
    outputs: int,
    marked: Marked | None = None,
    key: KeyPath = (),
) -> Plan:
    """The plan of a spec for an input.

    Parameters
    ----------
    spec
        What is written.
    input
        (C, \\*shape): channels, and samples along one to three axes.
    outputs
        Channels that the task needs.
    marked, key
        Where the spec is written, for the messages.

    Raises
    ------
    ConfigError
        With every fault that does not follow from another.
    """
    _check_sizes(input, outputs)
    draft = Draft(input, outputs, spec.width, Origin(marked, key))
    last = expand_network(draft, spec.layers)
    if draft.faults:
        raise ConfigError(sorted(draft.faults, key=lambda fault: fault.line or 0))
    return Plan(tuple(draft.nodes), input, outputs, last, draft.heads)


def _check_sizes(input: tuple[int, ...], outputs: int) -> None:
    if not 2 <= len(input) <= 4 or not all(1 <= size <= MAX_SIZE for size in input):
        expected = "channels and the samples along one to three axes, each at least 1, such as 1,64,64,64"
        raise ConfigError([Fault(f"input of the size {show(input)}", expected)])
    if not 1 <= outputs <= MAX_SIZE:
        raise ConfigError([Fault(f"{outputs} outputs", "at least 1")])
