"""Inline and crossline numbers from coordinates alone: the lattice of bins that midpoints lie on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geocnn.errors import SurveyError
from geocnn.survey.segy.keys import MOST_EMPTY
from geocnn.survey.segy.segy_file import Integers

__all__ = ["NoLattice", "bin_by_coordinates"]

Floats = NDArray[np.float64]

SEEDS = 5
"""Places of the survey where neighbours are looked at."""

AROUND = 1500
"""Distinct points looked at around each."""

NEIGHBOURS = 40
"""Neighbours of a point: bins may be five times as long as wide, and more."""

FITTED = 50_000
"""Points that the lattice is fitted to, evenly picked."""

ROUGHEST = 0.15
"""Standard deviation of points about their bins' centres, in bins, above which there are no bins: 0.29 is chance."""


class NoLattice(SurveyError):
    """Points that lie on no lattice."""


def bin_by_coordinates(x: Floats, y: Floats) -> tuple[Integers, Integers, float]:
    """Inline and crossline of each point (n,), counted from 1, and the largest distance from a bin's centre, in bins.

    The lattice may be turned, have bins of two sizes, and miss points; points may lie off the centres by a tenth of a
    bin. The crossline is the number that changes from point to point in the order given; both grow with the order.

    Notes
    -----
    The differences of neighbours cluster about lattice vectors. The two shortest that are not parallel make a basis,
    which is refined by least squares on points rounded to it, in circles that double until they hold all points: the
    error of a vector, times the steps that it is taken, must stay below half a bin.

    Raises
    ------
    NoLattice
        If the points lie on one line, along a curve, or anywhere.
    """
    points = np.stack([x, y], axis=1).astype(np.float64)
    if not np.isfinite(points).all():
        raise NoLattice("some coordinates are no numbers", "finite coordinates")
    points -= np.median(points, axis=0)
    lattice = _lattice(points)
    places = lattice.places(points)
    steps = np.rint(places)
    off = float(np.abs(places - steps).max())
    cells = float(np.prod(np.ptp(steps, axis=0) + 1))
    if not cells <= MOST_EMPTY * max(len(points), 100):
        raise NoLattice(
            f"{len(points):,} coordinates spread over {cells:,.0f} bins of {lattice.words}",
            f"a point in one bin of {MOST_EMPTY} at least: they lie along a crooked line, or some are wrong",
        )
    first, second = _oriented(steps.astype(np.int64))
    return first + 1, second + 1, off


@dataclass(frozen=True)
class Lattice:
    """Points at origin + i · vectors[0] + j · vectors[1]."""

    origin: Floats
    vectors: Floats

    def places(self, points: Floats) -> Floats:
        """(i, j) of points (n, 2), as fractions."""
        return np.asarray((points - self.origin) @ np.linalg.inv(self.vectors))

    @property
    def flat(self) -> bool:
        """Whether the vectors are parallel, but for rounding."""
        return bool(abs(np.linalg.det(self.vectors)) <= 1e-6 * np.prod(np.hypot(*self.vectors.T)))

    @property
    def words(self) -> str:
        """``12.5 × 25``."""
        return " × ".join(f"{length:.4g}" for length in np.hypot(*self.vectors.T).tolist())

    def roughness(self, points: Floats) -> float:
        """Standard deviation of points about the nearest bins' centres, in bins."""
        places = self.places(points[:: max(1, len(points) // FITTED)])
        return float(np.sqrt(np.mean((places - np.rint(places)) ** 2, axis=0)).max())

    def fitted(self, points: Floats) -> Lattice:
        """The lattice by least squares on the points, each at the bin that it is nearest to now."""
        design = np.column_stack([np.ones(len(points)), np.rint(self.places(points))])
        solution, _, rank, _ = np.linalg.lstsq(design, points, rcond=None)
        found = Lattice(solution[0], solution[1:])
        return self if rank < 3 or found.flat else found


def _lattice(points: Floats) -> Lattice:
    """The lattice of the points, by the neighbours at one of a few places."""
    picked = points[np.linspace(0, len(points) - 1, SEEDS + 2).astype(int)[1:-1]]
    found = [lattice for seed in picked if (lattice := _around(points, seed)) is not None]
    if not found:
        raise NoLattice("the coordinates do not spread in two directions", "midpoints of a 3-D survey")
    # Where lines are missing, bins seem larger than they are.
    for rough in sorted(found, key=lambda lattice: float(np.prod(np.hypot(*lattice.vectors.T)))):
        refined = _refined(points, rough)
        if refined.roughness(points) <= ROUGHEST:
            return refined
    raise NoLattice(
        f"the coordinates lie anywhere between bins of {found[0].words}",
        "midpoints within a tenth of a bin of the centres of regular bins",
    )


def _around(points: Floats, seed: Floats) -> Lattice | None:
    """The rough lattice of the points around a seed; None if they are few, or lie on one line."""
    distances = np.hypot(*(points - seed).T)
    # Traces of a gather share a midpoint: many points may be few distinct ones.
    many = min(40 * AROUND, len(points))
    near = points[np.argpartition(distances, many - 1)[:many]]
    distinct = np.unique(near[:, 0] + 1j * near[:, 1])
    near = np.stack([distinct.real, distinct.imag], axis=1)
    near = near[np.argsort(np.hypot(*(near - seed).T))[:AROUND]]
    if len(near) < 4:
        return None
    others = np.asarray(cKDTree(near).query(near, min(NEIGHBOURS, len(near)))[1])[:, 1:]
    vectors = (near[others] - near[:, None]).reshape(-1, 2)
    first = _shortest(vectors)
    length = float(np.hypot(*first))
    across = np.abs(vectors @ np.array([-first[1], first[0]])) / length
    rest = vectors[across > 0.5 * length]
    if not len(rest):
        return None
    lattice = Lattice(near[0], _reduced(first, _shortest(rest, length)))
    return None if lattice.flat else lattice


def _shortest(vectors: Floats, apart: float = np.inf) -> Floats:
    """Centre of the cluster of the shortest vectors, (2,); a vector and its opposite are one.

    Clusters are `apart` from each other, or as far as they are from 0.
    """
    lengths = np.hypot(*vectors.T)
    centre = vectors[np.argsort(lengths)[len(lengths) // 100]]
    for _ in range(8):
        turned = vectors * np.where(vectors @ centre < 0, -1, 1)[:, None]
        centre = turned[np.hypot(*(turned - centre).T) <= 0.45 * min(apart, float(np.hypot(*centre)))].mean(axis=0)
    return np.asarray(centre)


def _reduced(first: Floats, second: Floats) -> Floats:
    """The same lattice by its two shortest vectors (2, 2), after Lagrange."""
    for _ in range(20):
        if second @ second < first @ first:
            first, second = second, first
        times = np.rint(first @ second / (first @ first))
        if times == 0:
            break
        second = second - times * first
    return np.stack([first, second])


def _refined(points: Floats, lattice: Lattice) -> Lattice:
    """The lattice by least squares, over circles that double until they hold all points."""
    distances = np.hypot(*(points - lattice.origin).T)
    radius, end = 4 * float(np.hypot(*lattice.vectors.T).max()), float(distances.max())
    while True:
        inside = np.flatnonzero(distances <= radius)
        lattice = lattice.fitted(points[inside[:: max(1, len(inside) // FITTED)]])
        if radius >= end:
            return lattice.fitted(points[:: max(1, len(points) // FITTED)])
        radius *= 2


def _oriented(steps: Integers) -> tuple[Integers, Integers]:
    """Slow and fast numbers (n,) of points from 0, both growing with the order of the points; `steps` is (n, 2)."""
    moves = np.diff(steps, axis=0)
    alone = [(moves[:, axis] != 0) & (moves[:, 1 - axis] == 0) for axis in (0, 1)]
    fast = int(np.count_nonzero(alone[1]) >= np.count_nonzero(alone[0]))
    along = np.sign(moves[alone[fast], fast])
    # Lines that run to and fro cancel out: the first one tells.
    forth = along.sum() if abs(along.sum()) > 0.1 * len(along) else along[:1].sum()
    half = len(steps) // 2
    onward = steps[half:, 1 - fast].mean() - steps[:half, 1 - fast].mean() if half else 0
    slow_numbers, fast_numbers = (
        -numbers if backward else numbers
        for numbers, backward in ((steps[:, 1 - fast], onward < 0), (steps[:, fast], forth < 0))
    )
    return slow_numbers - slow_numbers.min(), fast_numbers - fast_numbers.min()
