"""Surfaces of faults: sticks joined by triangles, and which samples of a survey lie on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import ceil, hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from geocnn.interpretation.picks import Floats
from geocnn.interpretation.sticks import Sticks

__all__ = ["dense_surface", "near", "unjoined"]

APART = 3.0
"""Neighbouring sticks further apart than so many usual distances of their fault are not joined."""

SPACING = 0.3
"""Distance of the points, in positions, that a surface is made of before samples near it are looked for."""

MOST_POINTS = 100_000
"""Points that are looked at together."""

HALF_CELL = sqrt(3) / 2
"""Distance of a point from the sample that it is nearest to, at most."""


def dense_surface(sticks: Sticks) -> Iterator[Floats]:
    """Points on the surfaces of faults, `SPACING` apart, in arrays (n, 3): sticks, and triangles between neighbours.

    Notes
    -----
    Two sticks are joined by triangles from node to node, each time over the shorter diagonal. Neighbours that are more
    than three times as far apart as the neighbours of their fault usually are, are not joined: an interpreter who
    leaves lines out picks the rest evenly, but faults that end are not bridged. Nor are two sticks on one line.
    """
    for fault in sticks.faults:
        for stick in fault:
            yield _on_line(stick)
        for first, second in _joined(fault):
            # Together as far as they lie beside each other: a box around them is looked at.
            yield from _batched(_on_triangle(*corners) for corners in _triangles(first, second))


def unjoined(sticks: Sticks) -> int:
    """Sticks that no surface joins to the next one of their fault."""
    return sum(len(fault) - 1 - len(_joined(fault)) for fault in sticks.faults)


def _joined(fault: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
    """Neighbours with a surface between them."""
    pairs = list(pairwise(fault))
    apart = [_distance(*pair) for pair in pairs]
    most = APART * float(np.median(apart)) if apart else 0.0
    return [pair for pair, distance in zip(pairs, apart, strict=True) if distance <= most and not _on_one_line(*pair)]


def _distance(first: Floats, second: Floats) -> float:
    """Distance of the middles of two sticks on the map."""
    return float(np.linalg.norm(first[:, :2].mean(axis=0) - second[:, :2].mean(axis=0)))


def _on_one_line(first: Floats, second: Floats) -> bool:
    """Whether two sticks were picked on the same inline or crossline, and run along it: upright ones tell no line."""
    both = np.ptp(np.concatenate([first, second])[:, :2], axis=0)
    each = np.maximum(np.ptp(first[:, :2], axis=0), np.ptp(second[:, :2], axis=0))
    return bool(((both < 0.5) & (each[::-1] >= 0.5)).any())


def _triangles(first: Floats, second: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Triangles between two sticks, whose nodes run the same way."""

    def length(a: Floats, b: Floats) -> float:
        return float(np.linalg.norm(a - b))

    straight = length(first[0], second[0]) + length(first[-1], second[-1])
    if straight > length(first[0], second[-1]) + length(first[-1], second[0]):
        second = second[::-1]
    i = j = 0
    while i < len(first) - 1 or j < len(second) - 1:
        last_of_first, last_of_second = i == len(first) - 1, j == len(second) - 1
        ahead = last_of_second or (
            not last_of_first and length(first[i + 1], second[j]) <= length(first[i], second[j + 1])
        )
        if ahead:
            yield first[i], first[i + 1], second[j]
            i += 1
        else:
            yield first[i], second[j], second[j + 1]
            j += 1


def _on_line(nodes: Floats) -> Floats:
    """Points along a stick."""
    if len(nodes) == 1:
        return nodes
    parts = [
        start + (stop - start) * np.linspace(0, 1, 2 + int(np.linalg.norm(stop - start) / SPACING))[:, None]
        for start, stop in pairwise(nodes)
    ]
    return np.concatenate(parts)


def _on_triangle(a: Floats, b: Floats, c: Floats) -> Floats:
    r"""Points in a triangle, in rows along its shortest edge that grow from the corner opposite to it.

    ::

             b          row 0: one point
            / \
           /   \        row k: points from b + k/K (a − b) to b + k/K (c − b), as many as their distance asks for
          a - - c       row K: the shortest edge
    """
    a, b, c = min(((a, b, c), (b, c, a), (c, a, b)), key=lambda each: float(np.linalg.norm(each[2] - each[0])))
    rows, columns = (1 + ceil(length / SPACING) for length in (_longer(a, b, c), float(np.linalg.norm(c - a))))
    share, column = np.meshgrid(np.arange(rows + 1) / rows, np.arange(columns + 1), indexing="ij")
    inside = column <= np.ceil(share * columns)
    share, along = share[inside][:, None], np.minimum(column / columns, share)[inside][:, None]
    return np.asarray(b + share * (a - b) + along * (c - a))


def _longer(a: Floats, b: Floats, c: Floats) -> float:
    return max(float(np.linalg.norm(b - a)), float(np.linalg.norm(b - c)))


def _batched(parts: Iterable[Floats]) -> Iterator[Floats]:
    """Arrays of points that follow each other, joined to larger ones."""
    waiting: list[Floats] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part)
        if count >= MOST_POINTS:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)


def near(parts: Iterable[Floats], shape: Sequence[int], distance: float) -> NDArray[np.bool_]:
    """Which samples of a grid lie within a distance, in positions, of points, arrays (n, 3).

    Notes
    -----
    Points are up to a spacing apart, so that the surface may be a little nearer than they are: the distance that counts
    is √(distance² + (spacing/2)²). A point is at most √3/2 from the middle of its cell: the distance from cells with
    points tells of most samples on which side they are, and only the others are measured exactly.
    """
    found = np.zeros(shape, np.bool_)
    reach = hypot(distance, SPACING / 2)
    for points in parts:
        beyond = ceil(reach + HALF_CELL)
        cells = np.round(points).astype(np.int64)
        beside = ((cells >= -beyond) & (cells < np.array(shape) + beyond)).all(axis=1)
        if beside.any():
            _mark(found, points[beside], cells[beside], reach)
    return found


def _mark(found: NDArray[np.bool_], points: Floats, cells: NDArray[np.int64], reach: float) -> None:
    """Set samples of a grid that lie within reach of points."""
    beyond = ceil(reach + HALF_CELL)
    start, stop = cells.min(axis=0) - beyond, cells.max(axis=0) + beyond + 1
    free = np.ones(stop - start, np.bool_)
    free[tuple((cells - start).T)] = False
    apart = np.asarray(distance_transform_edt(free))
    low, high = np.maximum(start, 0), np.minimum(stop, found.shape)
    apart = apart[tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))]
    here = found[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    here |= apart <= reach - HALF_CELL
    unsure = np.argwhere(~here & (apart < reach + HALF_CELL))
    close = cKDTree(points).query(unsure + low, distance_upper_bound=reach)[0]
    here[tuple(unsure[np.isfinite(close)].T)] = True
