"""What flows from layer to layer: the rows of an outline in the order in which they run, and the skips between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from geocnn.network import layers
from geocnn.network.node import ActivationAttributes, ConvAttributes, Node
from geocnn.network.outline import Row, outline
from geocnn.network.plan import Plan
from geocnn.network.spec import Spec
from geocnn.network.wording import by, number, written

__all__ = ["Flow", "Skip", "flow_of", "step_text"]


@dataclass(frozen=True)
class Skip:
    """An output that is taken by others than the next row, which are in order."""

    source: int
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """Rows in the order in which they run, and what they take.

    Attributes
    ----------
    rows
        Those that do something; a block stands where its branches meet, after the layers in it.
    chained
        Whether each row takes the output of the row before it.
    skips
        The other ways, by their source; those to the next repetition of a block are left out.
    levels
        Resolution of each row: 0 for the finest, one more for each coarser one; singles are the coarsest.
    """

    rows: tuple[Row, ...]
    chained: tuple[bool, ...]
    skips: tuple[Skip, ...]
    levels: tuple[int, ...]


def flow_of(plan: Plan, spec: Spec, whole_blocks: bool = False) -> Flow:
    """The flow of a plan; if wished each block as a single row."""
    found = _whole(outline(plan, spec)) if whole_blocks else outline(plan, spec)
    rows = sorted((row for row in found if row.nodes), key=lambda row: row.nodes[0].id)
    edges = set(_edges(rows))
    targets: dict[int, list[int]] = {}
    for source, target in sorted(edges):
        if target != source + 1:
            targets.setdefault(source, []).append(target)
    return Flow(
        tuple(rows),
        tuple((index - 1, index) in edges for index in range(len(rows))),
        tuple(Skip(source, tuple(ends)) for source, ends in targets.items()),
        _levels(rows),
    )


def _whole(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows that no block holds, each with the nodes of what it holds."""
    starts = [index for index, row in enumerate(rows) if not row.depth]
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        nodes = [node for row in rows[start:stop] for node in row.nodes]
        yield replace(rows[start], nodes=tuple(sorted(nodes, key=lambda node: node.id)))


def _edges(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Pairs of rows of which the second takes what the first makes, in the first repetition of each."""
    holder = {node.id: index for index, row in enumerate(rows) for node in row.nodes}
    for index, row in enumerate(rows):
        for node in row.nodes[: len(row.nodes) // prod(fold.times for fold in row.folds)]:
            for source in {holder[each] for each in node.inputs} - {index}:
                if source < index:
                    yield source, index


def _levels(rows: Sequence[Row]) -> tuple[int, ...]:
    strides = [_stride(row.made[-1]) for row in rows]
    order = {stride: level for level, stride in enumerate(sorted(set(strides)))}
    return tuple(order[stride] for stride in strides)


def _stride(node: Node) -> float:
    """Samples of the input for one of a node; infinite for a single and for features."""
    return float(prod(node.stride)) if node.shape and all(node.stride) else float("inf")


def step_text(row: Row, ndim: int) -> str:
    """What a row does where its turn comes: a block adds, multiplies or concatenates what its layers made."""
    if row.place == "input":
        return "input"
    if row.layer is not None and not isinstance(row.layer, layers.Residual | layers.Branches):
        return written(row.layer, ndim, without=("bias", "init"))
    once = row.nodes[: len(row.nodes) // prod(fold.times for fold in row.folds)]
    names = ("save", "head")
    saved = [f"{name} {value}" for name in names if (value := getattr(row.layer, name, None))]
    return " ".join([*map(_node_text, once), *saved])


def _node_text(node: Node) -> str:
    asked = node.attributes
    if isinstance(asked, ActivationAttributes):
        return asked.function
    if isinstance(asked, ConvAttributes):
        stride = "" if set(asked.stride) == {1} else f" stride {number(asked.stride)}"
        return f"conv {by(asked.kernel)}{stride}"
    return node.kind
