"""How far each node of a plan has come while planes of its input arrive along one axis; without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from math import ceil
from typing import NamedTuple

from geocnn.network.node import ConvAttributes, Node, PoolAttributes, TransposedAttributes, UnpoolAttributes
from geocnn.network.plan import Plan
from geocnn.network.sizes import sizes_along

__all__ = ["Fronts", "Part", "replay"]


class Part(NamedTuple):
    """What a node computes next: its output planes ``start:stop``, from the planes ``first:last`` of its inputs.

    Where `first` is negative, or `last` beyond the planes that there are, a node pads itself.
    """

    node: Node
    start: int
    stop: int
    first: int
    last: int


class Fronts:
    """Planes made and planes kept of every node of the trunk.

    ::

        made        0 ············· kept ═════════ made
                    gone by         held           to come

    Parameters
    ----------
    plan
        It must be exact.
    axis
        Of the network's input along which planes arrive.
    """

    def __init__(self, plan: Plan, axis: int) -> None:
        self._plan, self._axis = plan, axis
        self._takers: dict[int, list[Node]] = {node.id: [] for node in plan.trunk}
        for node in plan.trunk:
            for each in dict.fromkeys(node.inputs):
                self._takers[each].append(node)
        self.made = dict.fromkeys(self._takers, 0)
        self._beyond = dict(self.made)  # Planes as if the input went on beyond its end.
        self._chunk = 1

    def advance(self, planes: int) -> Iterator[Part]:
        """What can be computed once the input has come to `planes`, in order; more will follow."""
        self._chunk = max(self._chunk, planes - self.made[0])
        self.made[0] = planes
        yield from self._go_to(planes, None)

    def finish(self) -> Iterator[Part]:
        """What is left once the input has come to its end, in parts as large as those before.

        Raises
        ------
        ValueError
            If the network takes no input of so many planes.
        """
        sizes = sizes_along(self._plan, self._axis, self.made[0])
        if sizes is None:
            raise ValueError(f"the network takes no input of {self.made[0]} planes")
        while any(made < sizes[at] for at, made in self.made.items()):
            yield from self._go_to(self._beyond[0] + self._chunk, sizes)

    def _go_to(self, planes: int, sizes: Sequence[int] | None) -> Iterator[Part]:
        """Parts of all nodes as if the input had come to `planes`, none beyond its size."""
        self._beyond[0] = planes
        for node in self._plan.trunk[1:]:
            ready = self._beyond[node.id] = max(self._beyond[node.id], self._ready(node))
            start, stop = self.made[node.id], ready if sizes is None else min(ready, sizes[node.id])
            if stop > start:
                gather = node.gather[self._axis]
                self.made[node.id] = stop
                yield Part(node, start, stop, gather.first(start), gather.last(stop - 1) + 1)

    def needed(self, node_id: int) -> int:
        """First plane of a node that some node still needs."""
        made = self.made[node_id]
        return min([made, *(self._first(taker, made) for taker in self._takers[node_id])])

    def _ready(self, node: Node) -> int:
        """Planes of a node that depend on nothing to come."""
        gather, there = node.gather[self._axis], min(self._beyond[each] for each in node.inputs)
        if there <= self._mirrored(node):
            return 0
        return min((there * gather.up - 1 - gather.after) // gather.down + 1, self._reached(node, there))

    def _reached(self, node: Node, there: int) -> int:
        """Planes up to the last one that an input reaches: windows shorter than their stride leave none after it."""
        asked, axis = node.attributes, self._axis
        if not isinstance(asked, TransposedAttributes):
            return there * node.gather[axis].up
        span = asked.dilation[axis] * (asked.kernel[axis] - 1)
        return (there - 1) * asked.stride[axis] + span + 1 - asked.before[axis] - asked.after[axis]

    def _first(self, taker: Node, made: int) -> int:
        """First plane of an input that a taker still needs."""
        first = taker.gather[self._axis].first(self.made[taker.id])
        if isinstance(taker.attributes, ConvAttributes | PoolAttributes | TransposedAttributes | UnpoolAttributes):
            # At an end a window may lie in the padding as a whole.
            first = min(first, made - 1 - self._mirrored(taker))
        return max(0, first)

    def _mirrored(self, node: Node) -> int:
        """Planes beside the outermost that a node needs to pad itself by reflection."""
        asked = node.attributes
        if isinstance(asked, ConvAttributes) and asked.padding_mode == "reflect":
            return max(asked.before[self._axis], asked.after[self._axis])
        return 0


def replay(plan: Plan, chunk: int, axis: int = 0) -> int:
    """Input planes before an output plane from which a stream must be begun again to give it bit for bit.

    For an output plane at input plane p, begin at the largest multiple of `chunk` up to p − replay, or at 0: from p on
    every plane of the new stream is bit-equal to that of a stream that began at 0, or at any multiple of `chunk`
    before.

    Parameters
    ----------
    plan
        It must be exact.
    chunk
        Planes that are pushed at once, in both streams alike: a multiple of the plan's stride.
    axis
        Along which planes arrive.

    Returns
    -------
    int
        A multiple of `chunk`, at least one.

    Raises
    ------
    ValueError
        If chunks would begin between the strides of the network.

    Notes
    -----
    A plane is bit-equal if the same kernel computes it from equal planes at the same place of an equally large part.

    *Parts.* The front of a node follows from the fronts of its inputs, and moves by r / stride where all of them move
    by r. So once a node has begun, its parts end where those of the other stream do. Its first part alone is another,
    since the other stream's began earlier, or is padded; and so may be, in memory, what later parts take from the first
    part of an input.

    *Planes.* Output j of such a part is equal if the inputs from `low` (j) on are, where ``low`` is the first that its
    window holds, or that it reflects there at the end. Kernels that mix the planes of a part (Winograd's, FFT) do not
    fit in here; torch takes none on a CPU.

    Going through the nodes, each has thus a plane from which on it is equal, and the last one's is what is asked for.
    """
    if chunk < 1 or chunk % plan.stride[axis]:
        raise ValueError(f"chunks of {chunk} planes are no multiple of the stride {plan.stride[axis]}")
    settled, equal = _settled(plan, chunk, axis), {0: 0}
    for node in plan.trunk[1:]:
        j = settled[node.id]
        while any(_low(node, axis, j) < equal[each] for each in node.inputs):
            j += 1
        equal[node.id] = j
    output = plan.output
    return max(1, ceil(equal[output.id] * output.stride[axis] / chunk)) * chunk


def _settled(plan: Plan, chunk: int, axis: int) -> dict[int, int]:
    """For each node the plane from which its parts are neither the first, nor take from the first of an input."""
    fronts, begun, settled = Fronts(plan, axis), {0: 0}, {0: 0}
    for pushed in count(1):
        for part in fronts.advance(pushed * chunk):
            at, inputs = part.node.id, part.node.inputs
            if at not in begun:
                begun[at] = part.stop
            elif at not in settled and all(part.first >= begun[each] for each in inputs):
                settled[at] = part.start
        if len(settled) == len(plan.trunk):
            break
    return settled


def _low(node: Node, axis: int, j: int) -> int:
    """First input that output `j` can depend on, wherever the input ends."""
    gather, asked = node.gather[axis], node.attributes
    first = gather.first(j)
    if isinstance(asked, ConvAttributes) and asked.padding_mode != "zeros":
        return min(first, gather.last(j) - 2 * asked.after[axis])
    return first
