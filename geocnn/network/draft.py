"""A plan in the making: nodes, names of skips, and all faults so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from geocnn.errors import Fault
from geocnn.marked import KeyPath, Marked
from geocnn.network.node import Attributes, Node, Reach
from geocnn.network.spec import Padding, Sizes
from geocnn.network.windows import Windows, same_padding
from geocnn.records import nearest, spell

__all__ = ["MAX_SIZE", "Draft", "Origin", "spell_sizes"]

MAX_SIZE = 10**9


@dataclass(frozen=True)
class Origin:
    """Where a spec is written, as far as that is known."""

    marked: Marked | None = None
    key: KeyPath = ()

    def fault(self, place: KeyPath, found: str, expected: str = "", do: str = "") -> Fault:
        """A fault at a place of the spec."""
        if self.marked is None:
            return Fault(found, expected, do, key=spell(place))
        key = self._written(place)
        return Fault(found, expected, do, self.marked.source, self.marked.line(key), spell(key))

    def _written(self, place: KeyPath) -> KeyPath:
        """The place in the words of the file: a spec may be a bare list, a block's layers stand under its kind."""
        here: Any = self.marked.data if self.marked else None
        for part in self.key:
            here = here[part]
        written = self.key
        for part in place:
            if part == "layers" and isinstance(here, list):
                continue
            if part == "residual" and isinstance(here, dict) and part not in here:
                part = "layers"
            written = (*written, part)
            known = isinstance(here, list) or (isinstance(here, dict) and part in here)
            here = here[part] if known else None
        return written


@dataclass
class _Scope:
    """Names of one block: the node and the place of each, and which were used."""

    saved: dict[str, tuple[int, KeyPath]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


class Draft:
    """Nodes so far, and what is wrong so far.

    After a fault the expansion goes on with the best guess; what rests on a guess is unsure, and nothing that
    follows from it is reported.
    """

    def __init__(self, input: tuple[int, ...], outputs: int, origin: Origin) -> None:
        reach = (Reach(),) * (len(input) - 1)
        self.nodes = [Node(0, "input", (), None, "input", input[0], input[1:], reach)]
        self.outputs = outputs
        self.faults: list[Fault] = []
        self._origin = origin
        self._scopes: list[_Scope] = []
        self._unsure_shapes: set[int] = set()
        self._unsure_channels: set[int] = set()

    def fault(self, place: KeyPath, found: str, expected: str = "", do: str = "") -> None:
        """Note a fault."""
        self.faults.append(self._origin.fault(place, found, expected, do))

    def step(
        self,
        kind: str,
        inputs: tuple[int, ...],
        place: KeyPath,
        attributes: Attributes = None,
        **changes: Any,
    ) -> int:
        """Add a node that is like its first input but for `changes`; its id."""
        node = replace(
            self.nodes[inputs[0]],
            id=len(self.nodes),
            kind=kind,
            inputs=inputs,
            place=spell(place),
            attributes=attributes,
            **{"parameters": 0, "multiply_adds": 0, **changes},
        )
        self.nodes.append(node)
        self.doubt(
            node.id,
            shape=not self._unsure_shapes.isdisjoint(inputs),
            channels=kind not in ("conv", "dense") and not self._unsure_channels.isdisjoint(inputs),
        )
        return node.id

    def withdraw(self, at: int) -> None:
        """Give a node the sizes and the reach of its input, after a fault."""
        node = self.nodes[at]
        before = self.nodes[node.inputs[0]]
        self.nodes[at] = replace(node, shape=before.shape, reach=before.reach)

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

    def open_block(self) -> None:
        """Begin a block with names of its own."""
        self._scopes.append(_Scope())

    def close_block(self) -> None:
        """End a block; a name that was saved in vain is a fault."""
        scope = self._scopes.pop()
        for name, (_, place) in scope.saved.items():
            if name not in scope.used:
                self.fault((*place, "save"), f"{name!r} is saved and never used", "", "use it, or remove the save")

    def save(self, name: str, place: KeyPath, at: int) -> None:
        """Keep a node under a name of the block."""
        saved = self._scopes[-1].saved
        if name in saved:
            first = spell(saved[name][1])
            self.fault((*place, "save"), f"{name!r} is saved twice, first in {first}", "each name once in a block")
        else:
            saved[name] = (at, place)

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
            do = "save it in this block: names belong to their block"
        elif meant:
            scope.used.add(meant)
        known = f"one of {', '.join(scope.saved)}" if scope.saved else "a name that was saved above, in this block"
        self.fault(place, f"no layer above is saved as {name!r}", known, do)
        return None

    def axes(self, place: KeyPath, value: Sizes) -> tuple[tuple[int, ...], bool]:
        """One number per axis, and whether as many were written; a number stands for all axes."""
        ndim = len(self.nodes[0].shape)
        if isinstance(value, int):
            return (value,) * ndim, True
        if len(value) == ndim:
            return value, True
        found = f"{len(value)} numbers {spell_sizes(value, ', ')} for {ndim} axes"
        self.fault(place, found, "one number for all axes, or one per axis")
        return (*value, *(1,) * ndim)[:ndim], False

    def windows(
        self,
        place: KeyPath,
        at: int,
        asked: dict[str, Sizes],
        padding: Padding,
    ) -> tuple[Windows, bool]:
        """Windows as asked for, and whether they fit a node.

        The keys of `asked` are those of the spec: the window's ``kernel`` or ``size`` first, then ``stride`` and,
        if wished, ``dilation``.
        """
        read = {key: self.axes((*place, key), value) for key, value in asked.items()}
        sure = all(right for _, right in read.values())
        size, stride = (numbers for numbers, _ in list(read.values())[:2])
        dilation = read["dilation"][0] if "dilation" in read else (1,) * len(size)
        if padding == "same":
            ends = [same_padding(k, d) for k, d in zip(size, dilation, strict=True)]
            before, after = tuple(end[0] for end in ends), tuple(end[1] for end in ends)
        else:
            before, right = self.axes((*place, "padding"), 0 if padding == "valid" else padding)
            after, sure = before, sure and right
        made = Windows(size, stride, dilation, before, after)
        return made, sure and self._fit(made, place, at)

    def _fit(self, windows: Windows, place: KeyPath, at: int) -> bool:
        """Whether every axis holds a window; else a fault with the formula."""
        node = self.nodes[at]
        shape = windows.shape(node.shape)
        if not self.sure_of_shape(at) or min(shape) >= 1:
            return True
        axis = next(axis for axis, size in enumerate(shape) if size < 1)
        n, pad = node.shape[axis], windows.before[axis] + windows.after[axis]
        found = (
            f"a window of {windows.spans[axis] + 1} samples on {n} + {pad} padded = {n + pad}, "
            f"along axis {axis + 1} of {len(shape)}"
        )
        expected = f"an output of at least 1 sample; {windows.formula(axis, n)}"
        self.fault(place, found, expected, "use a smaller window, padding: same, fewer reductions or a larger input")
        return False

    def can_meet(self, place: KeyPath, at: int, other: int, name: str) -> bool:
        """Whether two nodes agree in sizes and stride; else a fault."""
        ours, theirs = self.nodes[at], self.nodes[other]
        if not self.sure_of_shape(at, other):
            return True
        if ours.shape != theirs.shape:
            found = f"{spell_sizes(ours.shape)} samples here and {spell_sizes(theirs.shape)} of {name} cannot meet"
            self.fault(place, found, "equal sizes", self._remedy())
            return False
        if ours.stride != theirs.stride:
            found = f"one sample in {spell_sizes(ours.stride)} here and one in {spell_sizes(theirs.stride)} of {name}"
            self.fault(place, found, "equal strides", "upsample or reduce one of the two")
            return False
        return True

    def _remedy(self) -> str:
        """What to do about sizes that differ: mostly an odd size was halved."""
        shape = self.nodes[0].shape
        strides = [max(node.stride[axis].numerator for node in self.nodes) for axis in range(len(shape))]
        fitting = tuple(-(-size // stride) * stride for size, stride in zip(shape, strides, strict=True))
        if fitting != shape:
            return f"use an input of multiples of {spell_sizes(strides)}, such as {spell_sizes(fitting)}"
        return "use padding: same, and upsample as often as sizes are reduced"

    def joined(self, at: int, other: int) -> tuple[Reach, ...]:
        """Reach of a sum or concatenation."""
        pair = zip(self.nodes[at].reach, self.nodes[other].reach, strict=True)
        return tuple(ours.joined(theirs) for ours, theirs in pair)


def spell_sizes(sizes: Any, by: str = " × ") -> str:
    """``9 × 9``."""
    return by.join(str(size) for size in sizes) or "no axes"
