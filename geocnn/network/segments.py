"""Where the forward pass of training is cut, so that what a backward pass needs is computed again part by part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from geocnn.network.keeping import hands_on
from geocnn.network.node import Node

__all__ = ["Segment", "cut_at", "cuts", "segments"]


@dataclass(frozen=True)
class Segment:
    """Neighbouring nodes of a schedule, as a function of what crosses into them.

    Attributes
    ----------
    start, stop
        Positions among the nodes of the schedule.
    taken
        The nodes before it whose outputs it takes.
    made
        Its nodes whose outputs are taken later or asked for.
    """

    start: int
    stop: int
    taken: tuple[int, ...]
    made: tuple[int, ...]


def segments(nodes: Sequence[Node], keep: Container[int], over: Container[int]) -> tuple[Segment, ...]:
    """The segments of a pass over `nodes` with which training holds the least memory at once.

    Parameters
    ----------
    nodes
        The input and all nodes that run, inputs before their users.
    keep
        The nodes whose outputs are asked for.
    over
        The nodes that write over their first input.

    Notes
    -----
    While the gradients of segment k are computed there are all outputs of this segment, computed again, the outputs
    that cross out of it and of segments before it, and the gradients of some of these; of half of them, say. So
    s_k + 3/2 c_k is to be at most a limit, the smallest for which there is a way to cut, with s_k the bytes of the
    segment and c_k = Σ_{l ≤ k} of what crosses out of segment l: nothing, out of the last. For a chain of n equal nodes
    that is about √(3n), with segments that become shorter; √n of them, equally long, take 5/2 √n (Chen et al., 2016,
    Training deep nets with sublinear memory cost). The limit is found by bisection, to a hundredth.
    """
    at = cuts(nodes, over)
    own = [0 if node.id in over or hands_on(node, training=True) else node.activation_bytes for node in nodes[1:]]
    before = [0, 0, *accumulate(own)]  # Of the nodes 1, 2, … before a position.
    sizes, crossing = [before[position] for position in at], _crossing(nodes, keep, at)
    low, high, found = 0, sizes[-1], [0, len(at) - 1]
    while high - low > high // 100 + 1:
        middle = (low + high) // 2
        path = _path(sizes, crossing, middle)
        if path:
            high, found = middle, path
        else:
            low = middle
    return cut_at(nodes, keep, [at[each] for each in found])


def cuts(nodes: Sequence[Node], over: Container[int]) -> list[int]:
    """The positions before which `nodes` may be cut, the first and the last of them after the input and at the end.

    What crosses a cut is kept for the second pass: no node behind may write over it.
    """
    position = {node.id: at for at, node in enumerate(nodes)}
    closed = {
        between
        for node in nodes
        if node.id in over
        for between in range(position[node.inputs[0]] + 1, position[node.id] + 1)
    }
    return [at for at in range(1, len(nodes) + 1) if at not in closed]


def cut_at(nodes: Sequence[Node], keep: Container[int], at: Sequence[int]) -> tuple[Segment, ...]:
    """The segments between the positions `at`, which begin after the input and end with the nodes."""
    last = _last_uses(nodes, keep)
    found = []
    for start, stop in pairwise(at):
        inside = nodes[start:stop]
        own = {node.id for node in inside}
        taken = dict.fromkeys(each for node in inside for each in node.inputs if each not in own)
        made = tuple(node.id for node in inside if last[node.id] >= stop)
        found.append(Segment(start, stop, tuple(taken), made))
    return tuple(found)


def _last_uses(nodes: Sequence[Node], keep: Container[int]) -> dict[int, int]:
    """For each node the position of the last that takes it; what is kept is taken at the end."""
    last = {node.id: len(nodes) if node.id in keep else at for at, node in enumerate(nodes)}
    for at, node in enumerate(nodes):
        for each in node.inputs:
            last[each] = max(last[each], at)
    return last


def _crossing(nodes: Sequence[Node], keep: Container[int], at: Sequence[int]) -> list[list[int]]:
    """For each cut, and each cut before it, the bytes made between the two that are needed behind; [later][earlier]."""
    last = _last_uses(nodes, keep)
    found = []
    for stop in at:
        behind = [node.activation_bytes * (last[node.id] >= stop and stop < len(nodes)) for node in nodes[1:stop]]
        sums = [0, *accumulate(reversed(behind))]
        found.append([sums[stop - start] for start in at if start <= stop])
    return found


def _path(sizes: Sequence[int], crossing: Sequence[Sequence[int]], limit: int) -> list[int]:
    """The cuts, as positions in `sizes`, that keep to a limit; none if there are none.

    The least that can cross up to each cut leaves the most room behind it: a shortest path.
    """
    held: dict[int, int] = {0: 0}
    origin: dict[int, int] = {}
    for stop in range(1, len(sizes)):
        first = bisect_left(sizes, sizes[stop] - limit, 0, stop)
        ways = [(held[start] + crossing[stop][start], start) for start in range(first, stop) if start in held]
        fitting = [(total, start) for total, start in ways if 1.5 * total + sizes[stop] - sizes[start] <= limit]
        if fitting:
            held[stop], origin[stop] = min(fitting)
    path = [len(sizes) - 1]
    while path[-1] in origin:
        path.append(origin[path[-1]])
    return path[::-1] if path[-1] == 0 else []
