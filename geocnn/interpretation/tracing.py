"""Sticks from a label volume: the middle of each fault, line by line, as an interpreter would pick it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geocnn.interpretation.picks import Floats

__all__ = ["traced_sticks"]

SHORTEST = 4
"""Samples of the shortest stick: what is shorter is no fault on a line."""

NEAR = 6.0
"""Positions by which a fault may move from one picked line to the next for each line between, at most."""


@dataclass
class _Stick:
    """Nodes of a fault on a line: sample and middle across, from the top downwards."""

    line: int
    nodes: list[tuple[int, float]] = field(default_factory=list)


def traced_sticks(label: NDArray[np.integer], every: int = 4, step: int = 4, axis: int = 0) -> list[list[Floats]]:
    """Faults of a label (I, X, S), each a list of sticks (n, 3) of positions.

    Parameters
    ----------
    every
        Lines from one picked line to the next; the last line is picked, too.
    step
        Samples from one node to the next.
    axis
        0: picked on inlines; 1: on crosslines. Faults that strike along the lines are better picked on the others.
    """
    volume = np.moveaxis(label == 1, axis, 0)
    faults: list[list[_Stick]] = []
    before: list[tuple[int, _Stick]] = []
    for line in dict.fromkeys((*range(0, len(volume), every), len(volume) - 1)):
        now = list(_sticks_on(volume[line], line))
        of_fault = _continued(before, now, NEAR * every)
        before = []
        for number, stick in enumerate(now):
            if number not in of_fault:
                faults.append([])
            fault = of_fault.get(number, len(faults) - 1)
            faults[fault].append(stick)
            before.append((fault, stick))
    return [[_positions(stick, step, axis) for stick in fault] for fault in faults]


def _continued(before: Sequence[tuple[int, _Stick]], now: Sequence[_Stick], most: float) -> dict[int, int]:
    """Fault of each stick, by its number, that goes on with a fault of the line before: the nearest pairs first."""
    pairs = sorted(
        (_apart(old, new), fault, k, number) for k, (fault, old) in enumerate(before) for number, new in enumerate(now)
    )
    taken: set[int] = set()
    of_fault: dict[int, int] = {}
    for apart, fault, k, number in pairs:
        if apart <= most and k not in taken and number not in of_fault:
            taken.add(k)
            of_fault[number] = fault
    return of_fault


def _sticks_on(section: NDArray[np.bool_], line: int) -> Iterator[_Stick]:
    """Sticks on one line (X, S): runs of fault samples, followed from sample to sample."""
    growing: list[tuple[tuple[int, int], _Stick]] = []
    done: list[_Stick] = []
    for sample in range(section.shape[1] + 1):
        runs = _runs(section[:, sample]) if sample < section.shape[1] else []
        grown: list[tuple[tuple[int, int], _Stick]] = []
        for (start, stop), stick in growing:
            touching = [run for run in runs if run[0] <= stop and run[1] >= start]
            if not touching:
                done.append(stick)
                continue
            middle = (start + stop) / 2
            run = min(touching, key=lambda each: abs((each[0] + each[1]) / 2 - middle))
            runs.remove(run)
            stick.nodes.append((sample, (run[0] + run[1] - 1) / 2))
            grown.append((run, stick))
        grown += [(run, _Stick(line, [(sample, (run[0] + run[1] - 1) / 2)])) for run in runs]
        growing = grown
    return (stick for stick in done if len(stick.nodes) >= SHORTEST)


def _runs(row: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _apart(first: _Stick, second: _Stick) -> float:
    """Mean distance across of two sticks where both have samples; infinite where they share none."""
    places = dict(first.nodes)
    both = [abs(places[sample] - across) for sample, across in second.nodes if sample in places]
    return float(np.mean(both)) if both else float("inf")


def _positions(stick: _Stick, step: int, axis: int) -> Floats:
    """Every so many nodes, the last among them; (n, 3).

    Middles of whole bins are up to half a bin off: each is averaged with those around, as many above as below.
    """
    samples, middles = (np.array(column, np.float64) for column in zip(*stick.nodes, strict=True))
    last = len(samples) - 1
    sums = np.concatenate([[0.0], np.cumsum(middles)])
    kept = np.array(list(dict.fromkeys((*range(0, last, step), last))))
    around = np.minimum(np.minimum(kept, last - kept), step // 2)
    across = (sums[kept + around + 1] - sums[kept - around]) / (2 * around + 1)
    lateral = [np.full(len(kept), float(stick.line)), across]
    return np.column_stack([*(lateral if axis == 0 else lateral[::-1]), samples[kept]])
