"""How much memory a network takes that is computed plane by plane: its parts played through without running them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import prod

from geocnn.network.fronts import Fronts, Part
from geocnn.network.keeping import concatenates, folds, hands_on, scratch
from geocnn.network.liveness import overwrites, users
from geocnn.network.node import (
    BYTES_PER_INDEX,
    BYTES_PER_SAMPLE,
    Node,
    PoolAttributes,
    TransposedAttributes,
    UnpoolAttributes,
    UpsampleAttributes,
)
from geocnn.network.plan import Plan
from geocnn.network.sizes import shapes_for

__all__ = ["stream_bytes"]


def stream_bytes(
    plan: Plan, shape: Sequence[int], chunk: int, axis: int = 0, bytes_per_sample: int = BYTES_PER_SAMPLE
) -> int:
    """The most bytes that a stream holds at once beside the network's parameters, the planes pushed last among them.

    Parameters
    ----------
    plan
        It must be exact.
    shape
        Of the input, \\*shape; it must be admissible. Beyond a few receptive fields its length along `axis` is of no
        account.
    chunk
        Planes that are pushed at once: a multiple of the plan's stride.
    axis
        Along which planes arrive.
    bytes_per_sample
        Of what layers compute in: 4 for float32, 2 for bf16. What is pushed and what comes out is float32.
    """
    near, far = plan.halo[axis]
    several = 2 * (near + far) + 4 * chunk
    planes = min(shape[axis], -(-several // plan.stride[axis]) * plan.stride[axis])
    played = _Played(plan, [planes if each == axis else n for each, n in enumerate(shape)], axis, bytes_per_sample)
    return played.peak(chunk)


class _Played:
    """Chunks that the nodes of a plan hold while planes arrive."""

    def __init__(self, plan: Plan, shape: Sequence[int], axis: int, bytes_per_sample: int) -> None:
        shapes = shapes_for(plan, shape)
        if shapes is None:
            raise ValueError(f"the network takes no input of {tuple(shape)} samples")
        self._total, self._axis, self._bytes = shape[axis], axis, bytes_per_sample
        self._fronts = Fronts(plan, axis)
        self._plane = {
            node.id: bytes_per_sample * node.channels * prod(n for each, n in enumerate(size) if each != axis)
            for node, size in zip(plan.nodes, shapes, strict=True)
        }
        self._kept = {node.id: self._plane[node.id] + self._places(node) for node in plan.nodes}
        self._chunks: dict[int, deque[tuple[int, int]]] = {node.id: deque() for node in plan.trunk}
        over, counts = overwrites(plan, training=False, alone=True), users(plan)
        self._free = {
            node.id
            for node in plan.trunk[1:]
            if node.id in over or hands_on(node, training=False) or folds(node, plan.nodes, counts)
        }
        self._held = self._most = 0

    def peak(self, chunk: int) -> int:
        """The most bytes at once, for chunks of so many planes."""
        for planes in range(0, self._total, chunk):
            there = min(planes + chunk, self._total)
            self._append(0, planes, there)
            for part in self._fronts.advance(there):
                self._play(part)
        for part in self._fronts.finish():
            self._play(part)
        wider = BYTES_PER_SAMPLE / self._bytes * (self._bytes < BYTES_PER_SAMPLE)
        return self._most + int(wider * chunk * self._plane[0])

    def _play(self, part: Part) -> None:
        """One step: what it copies and makes, what it leaves to be held, and what nobody needs any more."""
        node, start = part.node, part.start
        if concatenates(node):
            start = min(self._fronts.needed(node.id), start)
            self._most = max(self._most, self._held + (part.stop - start) * self._plane[node.id])
            self._drop(node.id, part.start)
        else:
            copied = sum(self._copied(part, each) for each in node.inputs)
            output = 0 if node.id in self._free else (part.stop - start) * self._plane[node.id]
            self._most = max(self._most, self._held + copied + output + self._beside(part))
        self._append(node.id, start, part.stop)
        for each in dict.fromkeys((*node.inputs, node.id)):
            self._drop(each, self._fronts.needed(each))

    def _drop(self, each: int, before: int) -> None:
        chunks = self._chunks[each]
        while chunks and chunks[0][1] <= before:
            first, last = chunks.popleft()
            self._held -= (last - first) * self._kept[each]

    def _append(self, at: int, first: int, last: int) -> None:
        self._chunks[at].append((first, last))
        self._held += (last - first) * self._kept[at]

    def _copied(self, part: Part, each: int) -> int:
        """Bytes of the planes that a step looks at, where no chunk holds them all."""
        within = any(first <= part.first and part.last <= last for first, last in self._chunks[each])
        return 0 if within else (part.last - part.first) * self._plane[each]

    def _partial(self, part: Part, each: int) -> bool:
        """Whether the planes that a step looks at are some of a chunk."""
        return not self._copied(part, each) and (part.first, part.last) not in self._chunks[each]

    def _beside(self, part: Part) -> int:
        """Bytes that a step takes beside what it copies and makes.

        Places of largest samples, planes cut off again, and inputs and weights in an order that suits the processor.
        """
        node, asked = part.node, part.node.attributes
        taken = (part.last - part.first) * self._plane[node.inputs[0]]
        made = (part.last - part.first) * part.node.gather[self._axis].up * self._plane[node.id]
        spare = max(0, made - (part.stop - part.start) * self._plane[node.id])
        weights = self._bytes * node.parameters
        if isinstance(asked, PoolAttributes):
            places = (part.stop - part.start) * self._plane[node.id] // self._bytes * BYTES_PER_INDEX
            view = taken if self._axis and self._partial(part, node.inputs[0]) else 0
            return view + places * (asked.method == "max") * (PLACES if asked.indices else 1)
        if isinstance(asked, UnpoolAttributes):
            return made + taken + taken // self._bytes * BYTES_PER_INDEX
        if isinstance(asked, TransposedAttributes):
            return weights + taken + made + spare
        if isinstance(asked, UpsampleAttributes):
            return spare + int(scratch(node) * made)
        return weights

    def _places(self, node: Node) -> int:
        """Bytes of a plane of places that a later unpool asks a max pool for."""
        asked = isinstance(node.attributes, PoolAttributes) and node.attributes.indices
        return self._plane[node.id] // self._bytes * BYTES_PER_INDEX * asked


PLACES = 6
"""Numbers that `to_windows` holds at once for each place."""
