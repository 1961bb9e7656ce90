"""The order in which the nodes of a plan run, and when their outputs are given back."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from geocnn.network.liveness import spent_after
from geocnn.network.node import Node
from geocnn.network.resampling import Pooled
from geocnn.network.segments import Segment, segments

__all__ = ["Schedule"]

Steps = Sequence[nn.Module]


class _State:
    """Outputs by node while a network runs, and the places and sizes that pools have found."""

    def __init__(self, values: dict[int, Tensor], places: dict[int, tuple[Any, ...]]) -> None:
        self.values, self.places = values, places

    def run(self, node: Node, step: nn.Module) -> None:
        """Let a node make its output."""
        values = self.values
        if node.kind == "unpool":
            values[node.id] = step(values[node.inputs[0]], *self.places[node.inputs[1]])
        elif isinstance(step, Pooled):
            values[node.id], *found = step(values[node.inputs[0]])
            self.places[node.id] = tuple(found)
        else:
            values[node.id] = step(*[values[each] for each in node.inputs])

    def forget(self, spent: Iterable[int]) -> None:
        """Give back what nobody needs any more."""
        for each in spent:
            del self.values[each]
            self.places.pop(each, None)

    def only(self, nodes: Iterable[int]) -> _State:
        """What some nodes have made."""
        kept = set(nodes)
        values = {each: value for each, value in self.values.items() if each in kept}
        return _State(values, {each: found for each, found in self.places.items() if each in kept})


class Schedule:
    """Nodes in order, each with what nobody needs once it is done.

    Parameters
    ----------
    nodes
        The input and every node that is to run, inputs before their users.
    keep
        The nodes whose outputs are asked for.
    over
        The nodes that write over their first input.
    """

    def __init__(self, nodes: Iterable[Node], keep: set[int], over: Container[int] = ()) -> None:
        self.nodes = tuple(nodes)
        self._keep, self._over = keep, over
        self._spent = spent_after(self.nodes, keep)

    def run(self, steps: Steps, x: Tensor) -> dict[int, Tensor]:
        """Outputs of the nodes that are kept; `steps` are the modules of all nodes but the input, in order."""
        state = _State({0: x}, {})
        del x
        self._advance(state, steps, 1)
        return state.values

    def run_in_segments(self, steps: Steps, x: Tensor) -> dict[int, Tensor]:
        """The same, keeping for the backward pass only what crosses between segments; that pass runs them once more.

        The last segment, whose gradients are asked for first, keeps what it needs. Dropout draws the same numbers
        again, running statistics follow the first pass alone: weights' gradients and buffers have the same bits.
        """
        state = _State({0: x}, {})
        *early, late = self._segments
        for segment in early:
            self._run_twice(state, steps, segment)
        self._advance(state, steps, late.start)
        return state.values

    @cached_property
    def _segments(self) -> tuple[Segment, ...]:
        return segments(self.nodes, self._keep, self._over)

    def _advance(self, state: _State, steps: Steps, start: int, stop: int | None = None) -> None:
        """Run the nodes between two positions."""
        for node, step in zip(self.nodes[start:stop], steps[start - 1 : stop and stop - 1], strict=True):
            state.run(node, step)
            state.forget(self._spent[node.id])

    def _run_twice(self, state: _State, steps: Steps, segment: Segment) -> None:
        """Run a segment, and have the backward pass run it again."""
        taken, again = segment.taken, steps[segment.start - 1 : segment.stop - 1]
        places = {each: state.places[each] for each in taken if each in state.places}

        def work(*values: Tensor) -> _State:
            inside = _State(dict(zip(taken, values, strict=True)), dict(places))
            self._advance(inside, steps, segment.start, segment.stop)
            return inside.only(segment.made)

        made = checkpoint(
            work,
            *(state.values[each] for each in taken),
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _untracked(again)),
        )
        for node in self.nodes[segment.start : segment.stop]:
            state.forget(each for each in self._spent[node.id] if each in taken)
        state.values |= made.values
        state.places |= made.places


@contextmanager
def _untracked(steps: Steps) -> Iterator[None]:
    """Have batch norms update copies of their running statistics.

    Without any they would keep other tensors than in the first pass, which torch compares.
    """
    modules = [module for step in steps for module in step.modules()]
    norms = [each for each in modules if isinstance(each, nn.modules.batchnorm._BatchNorm) and each.training]
    buffers = [(norm, name, buffer) for norm in norms for name, buffer in norm.named_buffers()]
    for norm, name, buffer in buffers:
        setattr(norm, name, buffer.clone())
    try:
        yield
    finally:
        for norm, name, buffer in buffers:
            setattr(norm, name, buffer)
