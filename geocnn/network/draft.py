"""A plan in the making: nodes, names of skips, and all faults so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from geocnn.errors import Fault
from geocnn.marked import KeyPath
from geocnn.network.layers import Sizes
from geocnn.network.node import Attributes, Node
from geocnn.network.origin import Origin
from geocnn.network.reach import Gather, Reach
from geocnn.records import crossed, nearest, spell

__all__ = ["MAX_SIZE", "Draft", "Scope", "TooLargeError", "spell_channels", "spell_output"]

MAX_SIZE = 10**9
MAX_STEPS = 30_000
MAX_PHASES = 4096


class TooLargeError(Exception):
    """The expansion was given up; the draft has noted why."""


@dataclass
class Scope:
    """Names of one block: the node and the place of each, which were used, and which may be bound anew."""

    saved: dict[str, tuple[int, KeyPath]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    carried: set[str] = field(default_factory=set)


class Draft:
    """Nodes so far, and what is wrong so far.

    After a fault the expansion goes on with the best guess; what rests on a guess is unsure, and nothing that
    follows from it is reported.

    Parameters
    ----------
    input
        (C, \\*shape).
    outputs
        Channels that ``outputs`` stands for.
    width
        Scales all other channels.
    origin
        Where the spec is written.
    """

    def __init__(self, input: tuple[int, ...], outputs: int, width: float, origin: Origin) -> None:
        reach = (Reach(),) * (len(input) - 1)
        self.nodes = [Node(0, "input", (), None, "input", input[0], input[1:], reach)]
        self.outputs = outputs
        self.heads: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._width = width
        self._origin = origin
        self._scopes: list[Scope] = []
        self._steps = 0
        self._unsure_shapes: set[int] = set()
        self._unsure_channels: set[int] = set()

    @property
    def ndim(self) -> int:
        """Axes of the network's input."""
        return len(self.nodes[0].shape)

    def fault(self, place: KeyPath, found: str, expected: str = "", do: str = "") -> None:
        """Note a fault; what a repetition says again is left out."""
        fault = self._origin.fault(place, found, expected, do)
        again = any(part == "repeat" and number for part, number in pairwise(place))
        if not (again and any(fault.key == other.key for other in self.faults)):
            self.faults.append(fault)

    def count_step(self, place: KeyPath) -> None:
        """Count a layer that is expanded; give up where there are too many."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            self.fault(place[:2], f"more than {MAX_STEPS:,} layers, repetitions counted", f"at most {MAX_STEPS:,}")
            raise TooLargeError

    def channels(self, written: str | int) -> int:
        """Channels that a layer makes: those of the task, or as written times the width."""
        return self.outputs if isinstance(written, str) else max(1, int(written * self._width + 0.5))

    def step(
        self,
        kind: str,
        inputs: tuple[int, ...],
        place: KeyPath,
        attributes: Attributes = None,
        gather: tuple[Gather, ...] | None = None,
        whole: bool = False,
        **changes: Any,
    ) -> int:
        """Add a node that is like its first input but for `changes`, and return its id.

        It looks along the axes as `gather` says (sample by sample if None), or at all samples at once if `whole`.
        """
        where = () if whole else (Gather(),) * self.ndim if gather is None else gather
        node = replace(
            self.nodes[inputs[0]],
            id=len(self.nodes),
            kind=kind,
            inputs=inputs,
            place=spell(place),
            attributes=attributes,
            gather=where,
            **{"reach": self._reach(inputs, gather, whole), "parameters": 0, "multiply_adds": 0, **changes},
        )
        self.nodes.append(node)
        self.doubt(
            node.id,
            shape=not self._unsure_shapes.isdisjoint(inputs),
            channels=kind not in ("conv", "transposed_conv", "dense") and not self._unsure_channels.isdisjoint(inputs),
        )
        return node.id

    def _reach(self, inputs: tuple[int, ...], gather: tuple[Gather, ...] | None, whole: bool) -> tuple[Reach, ...]:
        """Reach of a step on these inputs; what a single adds to others is only that it has seen all."""
        if gather is None and not whole and len(inputs) == 1:
            return self.nodes[inputs[0]].reach
        wide = [each for each in inputs if not self.nodes[each].single] or list(inputs)
        reaches: dict[object, Reach] = {}  # Most networks are alike along their axes.
        found = []
        for axis in range(self.ndim):
            first, *others = (self.nodes[each].reach[axis] for each in wide)
            everything = whole or any(self.nodes[each].reach[axis].whole for each in inputs)
            alike = (everything, gather and gather[axis], id(first), *map(id, others))
            if alike not in reaches:
                for other in others:
                    first = first.joined(other)
                first = first.gathered(gather[axis]) if gather is not None else first
                reaches[alike] = replace(first, whole=True) if everything else first
            found.append(reaches[alike])
        return tuple(found)

    def slid(
        self,
        kind: str,
        inputs: tuple[int, ...],
        place: KeyPath,
        attributes: Attributes,
        gather: tuple[Gather, ...],
        shape: tuple[int, ...],
        sure: bool,
        **changes: Any,
    ) -> int:
        """Add a node whose sizes differ from its first input's; a fault where a size or stride is beyond reason."""
        node = self.nodes[inputs[0]]
        shape = tuple(max(1, size) for size in shape)
        reaches = list(zip(node.reach, gather, strict=True))
        strides = [where.stretched(reach.stride) for reach, where in reaches]
        found = ""
        if max(shape) > MAX_SIZE or max(strides) > MAX_SIZE:
            found = f"sizes {crossed(shape)} at a stride of {crossed(strides)}"
            self.fault(place, found, f"at most {MAX_SIZE} along each axis")
        elif (phases := max(reach.phases_after(where) for reach, where in reaches)) > MAX_PHASES:
            found = f"upsampling that makes {phases} outputs which see different windows"
            self.fault(place, found, f"at most {MAX_PHASES}", "upsample by less")
        if found:
            shape, gather = node.shape, (Gather(),) * self.ndim
        done = self.step(kind, inputs, place, attributes, gather, shape=shape, **changes)
        self.doubt(done, shape=not sure or bool(found))
        return done

    def everything(self) -> tuple[Reach, ...]:
        """Reach, along each axis, of what is made of all samples at once."""
        return tuple(Reach(Fraction(0), ((0, size - 1),), True) for size in self.nodes[0].shape)

    def doubt(self, at: int, shape: bool = False, channels: bool = False) -> None:
        """Take shape or channels of a node for a guess."""
        if shape:
            self._unsure_shapes.add(at)
        if channels:
            self._unsure_channels.add(at)

    def sure_of_shape(self, *nodes: int) -> bool:
        """Whether the shapes of these nodes rest on no guess."""
        return self._unsure_shapes.isdisjoint(nodes)

    def sure_of_channels(self, *nodes: int) -> bool:
        """Whether the channels of these nodes rest on no guess."""
        return self._unsure_channels.isdisjoint(nodes)

    @contextmanager
    def block(self, carried: Mapping[str, tuple[int, KeyPath]] | None = None) -> Iterator[Scope]:
        """A block with names of its own, and with those carried into it.

        A name that was saved in vain is a fault.
        """
        scope = Scope(dict(carried or {}), set(), set(carried or {}))
        self._scopes.append(scope)
        yield scope
        self._scopes.pop()
        for name, (_, place) in scope.saved.items():
            if name not in scope.used and name not in scope.carried:
                self.fault((*place, "save"), f"{name!r} is saved and never used", "", "use it, or remove the save")

    def save(self, name: str, place: KeyPath, at: int) -> None:
        """Keep a node under a name of the block."""
        scope = self._scopes[-1]
        if name in scope.saved and name not in scope.carried:
            first = spell(scope.saved[name][1])
            found = f"{name!r} is saved twice, first in {first}"
            self.fault((*place, "save"), found, "each name once in a block; repeat binds what it carries anew")
        else:
            scope.saved[name] = (at, place)

    def rebind(self, name: str, place: KeyPath, at: int) -> None:
        """Let a name of the block stand for another node, after a repetition that carried it."""
        self._scopes[-1].saved[name] = (at, place)

    def head(self, name: str, place: KeyPath, at: int) -> None:
        """Make a node an extra output."""
        node = self.nodes[at]
        if name in self.heads:
            self.fault((*place, "head"), f"two heads are called {name!r}", "each name once in a network")
        elif node.channels != self.outputs and self.sure_of_channels(at):
            found, expected = f"head {name!r} of {spell_channels(node.channels)}", f"{self.outputs}, as the task needs"
            self.fault((*place, "head"), found, expected, f"write {{conv: outputs, kernel: 1, head: {name}}}")
        self.heads[name] = at

    def saved(self, name: str, place: KeyPath) -> int | None:
        """The node of a name of the block; None, and a fault, if there is none."""
        scope = self._scopes[-1]
        if name in scope.saved:
            scope.used.add(name)
            return scope.saved[name][0]
        outer = next((each for each in self._scopes if name in each.saved), None)
        meant = nearest(name, scope.saved)
        do = f"write {meant!r}" if meant else f"write save: {name} on a layer above it"
        if outer is not None:
            outer.used.add(name)
            do = "save it in this block: names belong to their block (a repeat can carry them)"
        elif meant:
            scope.used.add(meant)
        known = f"one of {', '.join(scope.saved)}" if scope.saved else "a name that was saved above, in this block"
        self.fault(place, f"no layer above is saved as {name!r}", known, do)
        return None

    def axes(self, place: KeyPath, value: Sizes) -> tuple[tuple[int, ...], bool]:
        """One number per axis, and whether as many were written; a number stands for all axes."""
        if isinstance(value, int):
            return (value,) * self.ndim, True
        if len(value) == self.ndim:
            return value, True
        found = f"{len(value)} numbers {', '.join(map(str, value)) or 'no axes'} for {self.ndim} axes"
        self.fault(place, found, "one number for all axes, or one per axis")
        return (*value, *(1,) * self.ndim)[: self.ndim], False


def spell_channels(count: int) -> str:
    """``1 channel``."""
    return f"{count} channel" if count == 1 else f"{count} channels"


def spell_output(node: Node) -> str:
    """``3 channels of 16 × 16``, or ``256 features``."""
    if not node.shape:
        return f"{node.channels} features"
    return f"{spell_channels(node.channels)} of {crossed(node.shape)}"
