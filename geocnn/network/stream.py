"""A network computed plane by plane: each activation once, and no more planes held than the next ones need."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from geocnn.network.build import Network
from geocnn.network.fronts import Fronts, Part
from geocnn.network.inference import CHANNELS_LAST, InferenceNetwork, core_of
from geocnn.network.keeping import concatenates
from geocnn.network.node import (
    ConvAttributes,
    Node,
    PoolAttributes,
    ShuffleAttributes,
    TransposedAttributes,
    UnpoolAttributes,
    UpsampleAttributes,
)
from geocnn.network.places import from_windows, to_windows
from geocnn.network.plan import Plan
from geocnn.network.resampling import Pooled

__all__ = ["Stream", "StreamingNetwork"]


class StreamingNetwork:
    """A trained network whose layers leave one axis unpadded: `Stream` pads it, at its true ends alone.

    Parameters
    ----------
    network
        Its plan must be exact. The weights are copied, as by `InferenceNetwork`.
    axis
        Of the input along which planes will arrive: 0 is the first after the channels.
    dtype
        In which layers compute, such as torch.bfloat16; None is the network's own.
    """

    def __init__(self, network: Network, axis: int = 0, dtype: torch.dtype | None = None) -> None:
        if not network.plan.exact:
            raise ValueError("a network that looks at its whole input cannot be computed plane by plane")
        self.plan, self.axis, self.dtype = network.plan, axis, dtype
        bare = Network(_unpadded(network.plan, axis))
        for weight in network.parameters():
            bare.to(weight)
            break
        for node in network.plan.nodes[1:]:
            core_of(bare.step(node)).load_state_dict(core_of(network.step(node)).state_dict())
        fast = InferenceNetwork(bare, in_parts=True, dtype=dtype)
        self.steps: dict[int, Any] = {node.id: step for node, step in zip(self.plan.trunk[1:], fast.steps, strict=True)}


class Stream:
    """One survey through a network: planes in, planes out.

    ::

        push   ·······[ chunk ]        planes of the input, any number at a time
        out    ···[ chunk ]            later by what the network sees ahead

    The outputs are those of one pass over all planes at once, whatever the chunks. Chunks of a multiple of the plan's
    stride make the same shapes again and again, but for the first and the last ones.

    Parameters
    ----------
    network
        It can serve any number of streams.
    """

    def __init__(self, network: StreamingNetwork) -> None:
        self._network, self._axis = network, 2 + network.axis
        self._fronts = Fronts(network.plan, network.axis)
        self._planes = {node.id: _Planes(self._axis) for node in network.plan.trunk}
        self._places = {at: _Planes(self._axis) for at, step in network.steps.items() if isinstance(step, Pooled)}
        self._sizes: dict[int, torch.Size] = {}

    def push(self, planes: Tensor) -> Tensor | None:
        """Logits that depend on nothing to come, in float32 at least; None while there are none.

        Parameters
        ----------
        planes
            The next ones, (B, C, \\*shape); their number may vary, the other sizes may not.
        """
        self._planes[0].append(planes if self._network.dtype is None else planes.to(self._network.dtype))
        return self._run(self._fronts.advance(self._fronts.made[0] + planes.shape[self._axis]))

    def finish(self) -> Tensor | None:
        """The logits that are left, now that the last plane was pushed.

        Raises
        ------
        ValueError
            If the network takes no input of so many planes.
        """
        return self._run(self._fronts.finish())

    def _run(self, parts: Iterable[Part]) -> Tensor | None:
        logits: list[Tensor] = []
        for part in parts:
            made = self._concatenated(part) if concatenates(part.node) else self._computed(part)
            if part.node.id == self._network.plan.output_id:
                logits.append(made)
            for each in dict.fromkeys((*part.node.inputs, part.node.id)):
                for held in (self._planes[each], self._places.get(each)):
                    if held is not None:
                        held.drop(self._fronts.needed(each))
        if not logits:
            return None
        joined = torch.cat(logits, self._axis) if len(logits) > 1 else logits[0]
        return joined.float() if joined.dtype.itemsize < 4 else joined

    def _concatenated(self, part: Part) -> Tensor:
        """Output planes of a concatenation, written behind those that are still needed.

        Its inputs are so copied once, in however many chunks they lie, and layers after it find all that they look at
        in one chunk: they would else copy the widest planes that there are.
        """
        held, first = self._planes[part.node.id], min(self._fronts.needed(part.node.id), part.start)
        inputs = [self._planes[each].pieces(part.start, part.stop) for each in part.node.inputs]
        like = inputs[0][0]
        shape = [*like.shape]
        shape[1], shape[self._axis] = part.node.channels, part.stop - first
        row = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=_layout(like))
        kept = part.start - first
        if kept:
            row.narrow(self._axis, 0, kept).copy_(held.take(first, part.start))
        made = row.narrow(self._axis, kept, part.stop - part.start)
        channel = 0
        for pieces in inputs:
            plane = 0
            for piece in pieces:  # torch.cat(out=) leaves a channels-last view of one sample as it was (torch 2.13)
                size = piece.shape[self._axis]
                made.narrow(1, channel, piece.shape[1]).narrow(self._axis, plane, size).copy_(piece)
                plane += size
            channel += pieces[0].shape[1]
        held.replace(first, row)
        return made

    def _computed(self, part: Part) -> Tensor:
        """Output planes ``part.start:part.stop`` of a node."""
        made = self._stepped(part)
        self._planes[part.node.id].append(made)
        return made

    def _stepped(self, part: Part) -> Tensor:
        asked, step = part.node.attributes, self._network.steps[part.node.id]
        if isinstance(asked, UnpoolAttributes):
            return self._put_back(part, asked.pool, step)
        if isinstance(asked, PoolAttributes) and asked.indices:
            return self._pooled(part, asked, step)
        if isinstance(asked, TransposedAttributes | UpsampleAttributes | ShuffleAttributes):
            return self._spread(part, step)
        made: Tensor = step(*(self._windows(part, each) for each in part.node.inputs))
        return made

    def _windows(self, part: Part, each: int) -> Tensor:
        """Planes of an input that a step looks at, with those that it pads at true ends."""
        there, asked = self._fronts.made[each], part.node.attributes
        if part.first >= 0 and part.last <= there:
            return self._planes[each].take(part.first, part.last)
        if isinstance(asked, ConvAttributes) and asked.padding_mode != "zeros":
            wanted = torch.arange(part.first, part.last)
            if asked.padding_mode == "reflect":
                wanted = wanted.abs()
                wanted = torch.where(wanted < there, wanted, 2 * (there - 1) - wanted)
            wanted = wanted.clamp(0, there - 1)
            first, last = int(wanted.min()), int(wanted.max()) + 1
            planes = self._planes[each].take(first, last)
            return planes.index_select(self._axis, (wanted - first).to(planes.device))
        # At least one plane, though windows may lie in the padding as a whole.
        first = min(max(0, part.first), there - 1)
        last = max(min(there, part.last), first + 1)
        value = float("-inf") if isinstance(asked, PoolAttributes) and asked.method == "max" else 0.0
        near, far = max(0, first - part.first), max(0, part.last - last)
        planes = self._beside(self._planes[each].take(first, last), near, far, value)
        return planes.narrow(self._axis, part.first - first + near, part.last - part.first)

    def _beside(self, planes: Tensor, near: int, far: int, value: float) -> Tensor:
        """Planes with others of one value before and after."""
        widths = [0, 0] * (planes.ndim - 1 - self._axis) + [near, far]
        return functional.pad(planes, widths, value=value)

    def _spread(self, part: Part, step: Any) -> Tensor:
        """Planes that a step makes several of from each of its inputs; those that are to come change are cut off."""
        [each], axis = part.node.inputs, self._network.axis
        asked, times = part.node.attributes, part.node.gather[axis].up
        there = self._fronts.made[each]
        first = min(max(0, part.first), there - 1)
        planes = self._planes[each].take(first, max(min(there, part.last), first + 1))
        start = part.start - first * times + (asked.before[axis] if isinstance(asked, TransposedAttributes) else 0)
        stop = start + part.stop - part.start
        made: Tensor = step(planes)
        missing = stop - made.shape[self._axis]
        if missing > 0:  # Planes that no input reaches hold the bias, as those that zeros reach.
            del made
            made = step(self._beside(planes, 0, -(-missing // times), 0.0))
        # Steps that lay out samples anew leave channels apart: convolutions after them would copy all that they take.
        if made.shape[self._axis] == stop - start:
            return made.contiguous(memory_format=_layout(made))
        cut = made.narrow(self._axis, start, stop - start)
        return cut.clone(memory_format=_layout(made))  # A view would hold them all.

    def _pooled(self, part: Part, asked: PoolAttributes, step: Pooled) -> Tensor:
        """Largest samples; where they were is kept, window by window."""
        axis = self._network.axis
        taken = self._windows(part, part.node.inputs[0])
        made: Tensor
        made, indices, _ = step(taken)
        sizes = [near + n + far for near, n, far in zip(asked.before, taken.shape[2:], asked.after, strict=True)]
        sizes[axis] = taken.shape[self._axis]
        self._places[part.node.id].append(to_windows(indices, sizes, axis, asked.stride[axis]))
        self._sizes[part.node.id] = taken.shape[2:]
        return made

    def _put_back(self, part: Part, pool: PoolAttributes, step: Any) -> Tensor:
        """Samples where a pool found them, zeros elsewhere."""
        axis, (each, pooled) = self._network.axis, part.node.inputs
        stride, before = pool.stride[axis], pool.before[axis]
        there = self._fronts.made[pooled]
        first = min(max(0, part.first), there - 1)  # Planes after the last window are zeros.
        last = max(min(there, part.last), first + 1)
        sizes = [*self._sizes[pooled]]
        sizes[axis] = (last - first) * stride
        padded = [near + n + far for near, n, far in zip(pool.before, sizes, pool.after, strict=True)]
        padded[axis] = sizes[axis]
        places = from_windows(self._places[pooled].take(first, last), padded, axis, stride)
        made: Tensor = step(self._planes[each].take(first, last), places, torch.Size(sizes))
        start = part.start + before - first * stride
        missing = start + part.stop - part.start - made.shape[self._axis]
        return self._beside(made, 0, max(0, missing), 0.0).narrow(self._axis, start, part.stop - part.start)


class _Planes:
    """Consecutive planes, as they came: the first ones are dropped once nobody needs them."""

    def __init__(self, axis: int) -> None:
        self._axis, self._first = axis, 0
        self._chunks: deque[Tensor] = deque()

    def append(self, chunk: Tensor) -> None:
        """Hold further planes."""
        self._chunks.append(chunk)

    def replace(self, first: int, chunk: Tensor) -> None:
        """Hold the planes of one chunk alone, from plane `first` on."""
        self._first, self._chunks = first, deque([chunk])

    def take(self, first: int, last: int) -> Tensor:
        """Planes ``first:last``: a view where one chunk holds them all."""
        pieces = self.pieces(first, last)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, self._axis)

    def pieces(self, first: int, last: int) -> list[Tensor]:
        """Planes ``first:last`` as views, one of each chunk."""
        pieces, at = [], self._first
        for chunk in self._chunks:
            size = chunk.shape[self._axis]
            begin, end = max(first, at), min(last, at + size)
            if begin < end:
                pieces.append(chunk.narrow(self._axis, begin - at, end - begin))
            at += size
        return pieces

    def drop(self, before: int) -> None:
        """Give back the chunks that lie wholly before a plane."""
        while self._chunks and self._first + self._chunks[0].shape[self._axis] <= before:
            self._first += self._chunks.popleft().shape[self._axis]


def _layout(planes: Tensor) -> torch.memory_format:
    """In which convolutions compute fastest."""
    plain = torch.contiguous_format
    return CHANNELS_LAST.get(planes.ndim, plain) if planes.device.type == "cpu" else plain


def _unpadded(plan: Plan, axis: int) -> Plan:
    """The plan without padding, and without cropping, along an axis; its shapes stay those of the padded one."""
    return replace(plan, nodes=tuple(replace(node, attributes=_bare(node, axis)) for node in plan.nodes))


def _bare(node: Node, axis: int) -> Any:
    asked = node.attributes
    if isinstance(asked, UnpoolAttributes):
        return UnpoolAttributes(_without_ends(asked.pool, axis))
    return _without_ends(asked, axis) if isinstance(asked, _Sliding) else asked


_Sliding = ConvAttributes | PoolAttributes | TransposedAttributes


def _without_ends(asked: Any, axis: int) -> Any:
    before, after = list(asked.before), list(asked.after)
    before[axis] = after[axis] = 0
    return replace(asked, before=tuple(before), after=tuple(after))
