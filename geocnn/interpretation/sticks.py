"""Sticks of faults: put in order, from node to node and from stick to stick."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geocnn.interpretation.picks import Floats, Picks
from geocnn.interpretation.placing import Placed

__all__ = ["Sticks", "sticks_of_picks"]

STRAY = 10.0
"""A node is far from those beside it from so many usual distances on."""

TURN = 0.05
"""Cosine of the angle by which the way from stick to stick turns, from which on it is another surface's."""

DETOUR = 1.25
"""How much longer than the way along a stick's main direction that of its file may be: sticks are curved."""


@dataclass
class Sticks:
    """Sticks of faults, and what was found in them.

    Parameters
    ----------
    faults
        For each fault its sticks in order, each an array (n, 3) of positions along which nodes follow each other.
    duplicates, disordered, single
        Nodes that stood twice; sticks whose nodes were put in order; sticks of one node.
    turns
        Places where the way from stick to stick turns back, in files that do not tell faults apart: a fault begins.
    strays
        Nodes far from those beside them on their stick, as their files place them.
    """

    faults: list[list[Floats]] = field(default_factory=list)
    duplicates: int = 0
    disordered: int = 0
    single: int = 0
    turns: int = 0
    strays: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of sticks."""
        return sum(len(sticks) for sticks in self.faults)


def sticks_of_picks(files: Sequence[Placed]) -> Sticks:
    """The sticks of some files; each file has its own faults."""
    sticks = Sticks()
    for placed in files:
        picks, rows = placed.picks, _rows(placed.picks)
        sticks.strays += _strays(placed, rows.values())
        for fault in dict.fromkeys(fault for fault, _ in rows):
            mine = [_ordered(placed.positions[nodes], sticks) for (of, _), nodes in rows.items() if of == fault]
            sticks.single += sum(len(stick) == 1 for stick in mine)
            found = [_side_by_side(mine)] if picks.tells_faults else _until_turns(mine)
            sticks.turns += len(found) - 1
            sticks.faults += found
    return sticks


def _rows(picks: Picks) -> dict[tuple[int, int], NDArray[np.int64]]:
    """Nodes of each stick, by its fault and its number, in the order of the file."""
    order = np.lexsort((picks.stick, picks.fault))
    both = np.column_stack([picks.fault, picks.stick])[order]
    starts = np.flatnonzero((np.diff(both, axis=0, prepend=-1) != 0).any(axis=1))
    parts = [np.sort(part) for part in np.split(order, starts[1:])]
    parts.sort(key=lambda part: int(part[0]))
    return {(int(picks.fault[part[0]]), int(picks.stick[part[0]])): part for part in parts}


def _strays(placed: Placed, sticks: Iterable[NDArray[np.int64]]) -> list[str]:
    """Nodes far from those beside them, on sticks of three nodes and more, as their files place them.

    Those are more than ten usual distances away; or on the map as much, or ten bins, while the two beside are near
    each other: where a stick flattens, these are as far apart.
    """
    long = [rows for rows in sticks if len(rows) > 2]
    if not long:
        return []
    ways = [np.diff(placed.positions[rows], axis=0) for rows in long]
    most = STRAY * float(np.median(np.concatenate([np.linalg.norm(way, axis=1) for way in ways])))
    usual = float(np.median(np.concatenate([np.hypot(*way[:, :2].T) for way in ways])))
    found: list[str] = []
    for rows, way in zip(long, ways, strict=True):
        step, aside = np.linalg.norm(way, axis=1) > max(most, 1.0), np.hypot(*way[:, :2].T)
        far = np.concatenate([[True], step]) & np.concatenate([step, [True]])
        there, back = aside[:-1], aside[1:]
        across = np.hypot(*(way[:-1] + way[1:])[:, :2].T)
        far[1:-1] |= (np.minimum(there, back) > STRAY * max(usual, 1.0)) & (across < (there + back) / 2)
        found += [placed.picks.told(int(row)) for row in rows[far]]
    return found


def _ordered(nodes: Floats, sticks: Sticks) -> Floats:
    """The nodes of one stick, each once, in the order of the file; along its main direction if that is a detour."""
    different = nodes[np.sort(np.unique(nodes, axis=0, return_index=True)[1])]
    sticks.duplicates += len(nodes) - len(different)
    if len(different) < 2:
        return different
    sorted_ = different[np.argsort(_along(different), kind="stable")]
    if _way(different) <= DETOUR * _way(sorted_):
        return different
    sticks.disordered += 1
    return sorted_


def _along(points: Floats) -> Floats:
    """Places of points (n, 3) along the direction in which they spread most, growing with the last axis."""
    centred = points - points.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    towards = direction[2] if abs(direction[2]) > 1e-9 else direction[int(np.argmax(np.abs(direction)))]
    return np.asarray(centred @ direction * np.sign(towards))


def _way(nodes: Floats) -> float:
    """Length of the way from node to node."""
    return float(np.linalg.norm(np.diff(nodes, axis=0), axis=1).sum())


def _until_turns(sticks: Sequence[Floats]) -> list[list[Floats]]:
    """Sticks in the order of their file, parted where the way from one to the next turns by a right angle or more.

    ::

        A3 . . A2 . . A1      sticks of a fault and, beside it, of another: the way turns from A3 to B1
        B3 . . B2 . . B1
    """
    parts = [[sticks[0]]]
    before: Floats | None = None
    for first, second in pairwise(sticks):
        way = _across(first, second)
        length = float(np.linalg.norm(way))
        if before is not None and before @ way <= TURN * float(np.linalg.norm(before)) * length:
            parts.append([])
            before = None
        elif length > 0:
            before = way
        parts[-1].append(second)
    return parts


def _across(first: Floats, second: Floats) -> Floats:
    """The way from one stick to another, at right angles to both: how far along itself a stick goes does not count."""
    start, stop = first.mean(axis=0), second.mean(axis=0)
    _, spread, directions = np.linalg.svd(np.concatenate([first - start, second - stop]), full_matrices=False)
    along = directions[0] * (spread[0] > 0)
    return np.asarray((stop - start) - ((stop - start) @ along) * along)


def _side_by_side(sticks: list[Floats]) -> list[Floats]:
    """Sticks of a fault in the order in which they lie beside each other."""
    if len(sticks) < 3:
        return sticks
    centres = np.array([stick.mean(axis=0) for stick in sticks])
    return [sticks[k] for k in np.argsort(_along(centres), kind="stable")]
