"""Surfaces from picks: sticks joined by triangles, horizons between their picks; and which samples lie on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import QhullError, cKDTree

from geocnn.interpretation.picks import Floats
from geocnn.interpretation.placing import Placed

__all__ = ["Sticks", "dense_surface", "horizon_depths", "near", "sticks_of_picks"]

APART = 3.0
"""Neighbouring sticks further apart than so many usual distances of their fault are not joined."""

GAP = 3.0
"""Horizons are not filled in further from a pick than so many usual distances of their picks."""

DETOUR = 1.25
"""How much longer than the way along a stick's main direction that of its file may be: sticks are curved."""

SPACING = 0.3
"""Distance of the points, in positions, that a surface is made of before samples near it are looked for."""


@dataclass
class Sticks:
    """Sticks of faults, and what was found in them.

    Parameters
    ----------
    faults
        For each fault its sticks in order, each an array (n, 3) of positions along which nodes follow each other.
    duplicates, disordered, single, unjoined
        Nodes that stood twice; sticks whose nodes were put in order; sticks of one node; neighbours not joined.
    """

    faults: list[list[Floats]] = field(default_factory=list)
    duplicates: int = 0
    disordered: int = 0
    single: int = 0
    unjoined: int = 0

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


def dense_surface(sticks: Sticks) -> Floats:
    """Points (n, 3) on the surfaces of all faults, `SPACING` apart: sticks, and triangles between neighbours.

    Notes
    -----
    Two sticks are joined by triangles from node to node, each time over the shorter diagonal. Neighbours that are more
    than three times as far apart as the neighbours of their fault usually are, are not joined: an interpreter who
    leaves lines out picks the rest evenly, but faults that end are not bridged. Nor are two sticks on one line.
    """
    points = [np.empty((0, 3))]
    for fault in sticks.faults:
        points += [_on_line(stick) for stick in fault]
        apart = [_distance(a, b) for a, b in pairwise(fault)]
        most = APART * float(np.median(apart)) if apart else 0.0
        for (first, second), distance in zip(pairwise(fault), apart, strict=True):
            if distance > most or _on_one_line(first, second):
                sticks.unjoined += 1
                continue
            points += [_on_triangle(*corners) for corners in _triangles(first, second)]
    return np.concatenate(points)


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
    """Points in a triangle."""
    longest = max(np.linalg.norm(b - a), np.linalg.norm(c - a), np.linalg.norm(c - b))
    number = 1 + ceil(longest / SPACING)
    u, v = np.meshgrid(np.arange(number + 1) / number, np.arange(number + 1) / number, indexing="ij")
    inside = u + v <= 1 + 1e-9
    return np.asarray(a + u[inside][:, None] * (b - a) + v[inside][:, None] * (c - a))


def near(points: Floats, shape: Sequence[int], distance: float) -> NDArray[np.bool_]:
    """Which samples of a grid lie within a distance, in positions, of points (n, 3)."""
    found = np.zeros(shape, np.bool_)
    reach = ceil(distance)
    upper = np.array(shape) - 1 + reach
    points = points[((points >= -reach) & (points <= upper)).all(axis=1)]
    if not len(points):
        return found
    cells = np.unique(np.round(points).astype(np.int64), axis=0)
    steps = np.arange(-reach, reach + 1)
    around = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    tree = cKDTree(points)
    for some in np.array_split(cells, max(1, len(cells) // 50_000)):
        samples = np.unique((some[:, None] + around).reshape(-1, 3), axis=0)
        samples = samples[((samples >= 0) & (samples < np.array(shape))).all(axis=1)]
        # Points are up to a spacing apart, so that the surface may be a little nearer than they are.
        close = tree.query(samples, distance_upper_bound=np.hypot(distance, SPACING / 2))[0]
        found[tuple(samples[np.isfinite(close)].T)] = True
    return found


def horizon_depths(placed: Placed, lateral: tuple[int, ...]) -> tuple[Floats, int]:
    """Positions of a horizon along the samples (I, X), nan where it is unknown; and how many picks share a trace.

    Notes
    -----
    Picks of one trace are averaged. Between traces with picks the horizon is linear over triangles, as far as three
    times the usual distance of neighbouring picks.
    """
    known = np.isfinite(placed.positions).all(axis=1)
    nodes = placed.positions[known]
    traces, which = np.unique(np.round(nodes[:, :2]).astype(np.int64), axis=0, return_inverse=True)
    z = np.bincount(which.ravel(), nodes[:, 2]) / np.bincount(which.ravel())
    depths = np.full(lateral, np.nan)
    inside = ((traces >= 0) & (traces < np.array(lateral))).all(axis=1)
    gaps = _filled(traces, z, lateral)
    depths[:] = gaps
    depths[tuple(traces[inside].T)] = z[inside]
    return depths, len(nodes) - len(traces)


def _filled(traces: NDArray[np.int64], z: Floats, lateral: tuple[int, ...]) -> Floats:
    """The horizon between picks, nan elsewhere."""
    everywhere = np.stack(np.meshgrid(*map(np.arange, lateral), indexing="ij"), axis=-1).reshape(-1, 2)
    tree = cKDTree(traces)
    usual = float(np.median(np.asarray(tree.query(traces, k=2)[0])[:, 1])) if len(traces) > 1 else 0.0
    try:
        filled = LinearNDInterpolator(traces, z)(everywhere)
    except (QhullError, ValueError):
        # All on one line: the nearest pick, which the distance below keeps on that line.
        filled = NearestNDInterpolator(traces, z)(everywhere)
    filled[np.asarray(tree.query(everywhere)[0]) > GAP * usual] = np.nan
    return np.asarray(filled, np.float64).reshape(lateral)
