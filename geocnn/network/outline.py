"""A plan as it is written: a row for each layer, blocks above what is in them, alike repetitions once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from geocnn.network import layers
from geocnn.network.node import Node
from geocnn.network.plan import Plan
from geocnn.network.spec import Spec

__all__ = ["Fold", "Row", "outline"]


@dataclass(frozen=True)
class Fold:
    """Alike repetitions of a block that are shown once: where they are written, and how many there are."""

    place: str
    first: int
    times: int


@dataclass(frozen=True)
class Row:
    """One layer as it is written, and the nodes that it stands for.

    Attributes
    ----------
    place
        Where it is written, in the first repetition: ``layers[3].residual[0]``.
    label
        The end of its place, which its block does not tell: ``[0]``, or ``[1][0]`` in a second branch.
    depth
        Blocks around it.
    layer
        What is written; None for the input, for the shortcut of a residual block, and for a heading.
    nodes
        Its own nodes, of all repetitions; those of the layers in a block have rows of their own.
    made
        What comes out of it in the first and in the last repetition; none of a `use`.
    heading
        What the rows below have in common, where repetitions of a block differ.
    folds
        The repetitions that it stands for, outermost first.
    """

    place: str
    label: str
    depth: int
    layer: layers.Saved | None
    nodes: tuple[Node, ...] = ()
    made: tuple[Node, ...] = ()
    heading: str = ""
    folds: tuple[Fold, ...] = ()

    @property
    def parameters(self) -> int:
        """Parameters of its nodes, all repetitions together."""
        return sum(node.parameters for node in self.nodes)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of its nodes, all repetitions together."""
        return sum(node.multiply_adds for node in self.nodes)

    @property
    def activation_bytes(self) -> int:
        """Memory of the outputs of its nodes, all repetitions together."""
        return sum(node.activation_bytes for node in self.nodes)


def outline(plan: Plan, spec: Spec) -> tuple[Row, ...]:
    """The rows of a plan: the input, then the layers of its spec in the order in which they are written."""
    nodes: dict[str, tuple[Node, ...]] = {
        place: tuple(found) for place, found in groupby(plan.nodes, lambda node: node.place)
    }
    first = Row("input", "", 0, None, nodes["input"], nodes["input"])
    return (first, *_block(nodes, spec.layers, "layers", 0))


Nodes = Mapping[str, tuple[Node, ...]]


def _block(nodes: Nodes, written: Sequence[layers.Saved], place: str, depth: int, branch: str = "") -> Iterator[Row]:
    for index, layer in enumerate(written):
        at = f"{place}[{index}]"
        # A separable convolution has a node before its own.
        own = (*nodes.get(f"{at}.depthwise", ()), *nodes.get(at, ()))
        here = Row(at, f"{branch}[{index}]", depth, layer, own)
        inner = tuple(_inside(nodes, here))
        ends = [row.made for row in inner if row.depth == depth + 1 and row.made]
        made = here.nodes[-1:] or (ends[-1] if ends else ())
        yield replace(here, made=made)
        yield from inner


def _inside(nodes: Nodes, row: Row) -> Iterator[Row]:
    """Rows of the layers in a block."""
    layer, depth = row.layer, row.depth + 1
    if isinstance(layer, layers.Residual):
        yield from _block(nodes, layer.layers, f"{row.place}.residual", depth)
        shortcut = f"{row.place}.shortcut"
        if shortcut in nodes:
            yield Row(shortcut, "shortcut", depth, None, nodes[shortcut], nodes[shortcut][-1:])
    elif isinstance(layer, layers.Branches):
        for number, written in enumerate(layer.blocks):
            yield from _block(nodes, written, f"{row.place}.branches[{number}]", depth, f"[{number}]")
    elif isinstance(layer, layers.Repeat):
        yield from _repeated(nodes, row, layer)


def _repeated(nodes: Nodes, row: Row, layer: layers.Repeat) -> Iterator[Row]:
    """Rows of a block, once for each run of repetitions that are alike."""
    blocks = [
        tuple(_block(nodes, layer.layers, f"{row.place}.repeat[{time}].layers", row.depth + 1))
        for time in range(layer.times)
    ]
    runs = [[time for time, _ in run] for _, run in groupby(enumerate(map(_signature, blocks)), lambda each: each[1])]
    for run in runs:
        alike = zip(*(blocks[time] for time in run), strict=True)
        folded = [_folded(rows, Fold(row.place, run[0], len(run))) for rows in alike]
        if len(runs) > 1:
            span = f"repetition {run[0] + 1}" if len(run) == 1 else f"repetitions {run[0] + 1} to {run[-1] + 1}, alike"
            yield Row(f"{row.place}.repeat[{run[0]}]", "", row.depth + 1, None, heading=span)
            folded = [replace(each, depth=each.depth + 1) for each in folded]
        yield from folded


def _signature(rows: Sequence[Row]) -> tuple[object, ...]:
    """What must be equal in repetitions that are alike."""
    return tuple(
        (len(row.nodes), row.parameters, row.multiply_adds, *((node.channels, node.shape) for node in row.made[-1:]))
        for row in rows
    )


def _folded(rows: Sequence[Row], fold: Fold) -> Row:
    """The same row of all repetitions of a run as one."""
    first, last = rows[0], rows[-1]
    together = tuple(node for row in rows for node in row.nodes)
    folds = (fold, *first.folds) if fold.times > 1 else first.folds
    return replace(first, nodes=together, made=(*first.made[:1], *last.made[-1:]), folds=folds)
