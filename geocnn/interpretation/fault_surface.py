"""Surfaces of faults: sticks joined by triangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from geocnn.interpretation.picks import Floats
from geocnn.interpretation.sticks import Sticks

__all__ = ["triangles_of", "unjoined"]

APART = 3.0
"""Neighbouring sticks further apart than so many usual distances of their fault are not joined."""

Triangle = tuple[Floats, Floats, Floats]


def triangles_of(sticks: Sticks) -> Floats:
    """Triangles (n, 3, 3) that faults are made of, by their corners: sticks, as triangles of two corners, and between.

    Notes
    -----
    Two sticks are joined by triangles from node to node, each time over the shorter diagonal. Neighbours that are more
    than three times as far apart as the neighbours of their fault usually are, are not joined: an interpreter who
    leaves lines out picks the rest evenly, but faults that end are not bridged. Nor are two sticks on one line.
    """
    found: list[Triangle] = []
    for fault in sticks.faults:
        for stick in fault:
            found += _along(stick)
        for first, second in _joined(fault):
            found += _between(first, second)
    return np.array(found).reshape(-1, 3, 3)


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


def _along(stick: Floats) -> Iterator[Triangle]:
    """Segments of a stick, or its one node, as triangles."""
    yield from ((a, b, b) for a, b in pairwise(stick))
    if len(stick) == 1:
        yield stick[0], stick[0], stick[0]


def _between(first: Floats, second: Floats) -> Iterator[Triangle]:
    """Triangles between two sticks, the second one turned round if it runs the other way."""

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
