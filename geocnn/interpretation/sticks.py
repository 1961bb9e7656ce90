"""Sticks of faults: put in order, from node to node and from stick to stick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from geocnn.interpretation.picks import Floats
from geocnn.interpretation.placing import Placed

__all__ = ["Sticks", "sticks_of_picks"]

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
    """

    faults: list[list[Floats]] = field(default_factory=list)
    duplicates: int = 0
    disordered: int = 0
    single: int = 0

    @property
    def count(self) -> int:
        """Number of sticks."""
        return sum(len(sticks) for sticks in self.faults)


def sticks_of_picks(files: Sequence[Placed]) -> Sticks:
    """The sticks of some files; each file has its own faults."""
    sticks = Sticks()
    for placed in files:
        picks = placed.picks
        for fault in dict.fromkeys(picks.fault.tolist()):
            mine = [
                _ordered(placed.positions[(picks.stick == stick) & (picks.fault == fault)], sticks)
                for stick in dict.fromkeys(picks.stick[picks.fault == fault].tolist())
            ]
            sticks.single += sum(len(stick) == 1 for stick in mine)
            sticks.faults.append(_side_by_side(mine))
    return sticks


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


def _side_by_side(sticks: list[Floats]) -> list[Floats]:
    """Sticks of a fault in the order in which they lie beside each other."""
    if len(sticks) < 3:
        return sticks
    centres = np.array([stick.mean(axis=0) for stick in sticks])
    return [sticks[k] for k in np.argsort(_along(centres), kind="stable")]
