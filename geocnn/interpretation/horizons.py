"""Horizons: depths of the traces of a survey between picks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from geocnn.interpretation.picks import Floats

__all__ = ["Horizon", "horizon_of_picks"]

GAP = 3.0
"""Triangles of picks with edges longer than so many usual ones are not filled in."""

OWN = 0.5
"""A pick gives a depth to the trace that lies no further away along either axis, in positions."""

ROUNDING = 0.1
"""Error of coordinates, in positions, by which traces at the rim may seem to lie outside the picks."""

SAME = 100
"""Picks nearer than a part of a position of so many are one."""

NEIGHBOURS = 8
FLAT = 0.1
"""Picks that spread less across than this part of what they do along are a line, which tells no dip across."""


class Horizon(NamedTuple):
    """A horizon on the traces of a survey.

    Parameters
    ----------
    depths
        Positions along the samples (I, X), nan where it is unknown.
    duplicates
        Picks that stand where another does.
    gaps
        Traces between picks that lie in gaps too wide to be filled.
    widest
        The longest edge of a triangle that is filled, in positions.
    """

    depths: Floats
    duplicates: int
    gaps: int
    widest: float


def horizon_of_picks(positions: Floats, lateral: tuple[int, int]) -> Horizon:
    """The horizon through picks at positions (n, 3), fractions of a trace among them.

    Notes
    -----
    It is linear over the Delaunay triangles of the picks, but for triangles whose longest edge is longer than three
    times the usual one (the median over triangles). So lines of picks are filled in as grids of picks are, whatever
    their spacing, and what separates two areas is not. Nothing is filled in beyond the outermost picks, but that the
    trace in whose bin a pick lies takes its depth, led there along the dip of the picks around.
    """
    places, z, duplicates = _distinct(positions)
    traces = np.stack(np.meshgrid(*map(np.arange, lateral), indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float64)
    line = _as_line(places)
    if line is not None:
        depths, widest, between = _along_line(places, z, traces, line)
        _at_picks(depths, places, z, traces)
    else:
        depths, widest, between = _over_triangles(places, z, traces)
    gaps = int((between & ~np.isfinite(depths)).sum())
    return Horizon(depths.reshape(lateral), duplicates, gaps, widest)


def _distinct(positions: Floats) -> tuple[Floats, Floats, int]:
    """Places (n, 2) and depths of picks; those of one place are averaged, and counted."""
    cells, which, count = np.unique(
        np.round(positions[:, :2] * SAME).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    means = [np.bincount(which.ravel(), column) / count for column in positions.T]
    return np.column_stack(means[:2]), means[2], len(positions) - len(cells)


def _as_line(places: Floats) -> Floats | None:
    """The direction of picks that lie on one line, which make no triangles; None if they spread."""
    centred = places - places.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2]
    if len(places) > 2 and np.ptp(centred @ direction[1]) > OWN:
        return None
    return np.asarray(direction[0])


def _along_line(
    places: Floats, z: Floats, traces: Floats, direction: Floats
) -> tuple[Floats, float, NDArray[np.bool_]]:
    """Depths of traces whose bins a line of picks crosses, linear between them; what is filled; what is between."""
    order = np.argsort(places @ direction)
    along, z = (places @ direction)[order], z[order]
    steps = np.diff(along)
    widest = GAP * float(np.median(steps)) if len(steps) else 0.0
    where = traces @ direction
    across = np.abs((traces - places.mean(axis=0)) @ np.array([-direction[1], direction[0]]))
    between = (across <= OWN) & (where >= along[0]) & (where <= along[-1])
    depths = np.full(len(traces), np.nan)
    after = np.clip(np.searchsorted(along, where[between]), 1, max(1, len(along) - 1))
    if len(steps):
        depths[between] = np.where(steps[after - 1] <= widest, np.interp(where[between], along, z), np.nan)
    return depths, widest, between


def _over_triangles(places: Floats, z: Floats, traces: Floats) -> tuple[Floats, float, NDArray[np.bool_]]:
    """Depths of traces in triangles that are filled, nan elsewhere; their longest edge; traces in any triangle."""
    depths = np.full(len(traces), np.nan)
    try:
        mesh = Delaunay(places)
    except QhullError:
        # So nearly on one line that they make no triangles.
        return depths, 0.0, np.zeros(len(traces), np.bool_)
    corners = places[mesh.simplices]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    widest = GAP * float(np.median(longest))

    def fill(shift: Floats) -> NDArray[np.int64]:
        unknown = np.flatnonzero(~np.isfinite(depths))
        at = traces[unknown] + shift
        triangle = mesh.find_simplex(at)
        inside = (triangle >= 0) & (longest[triangle] <= widest)
        depths[unknown[inside]] = _interpolated(mesh, z, triangle[inside], at[inside])
        return unknown[triangle >= 0]

    # Traces at picks need no search, which is slow at the corners of triangles.
    apart, nearest = cKDTree(places).query(traces, distance_upper_bound=0.5 / SAME)
    depths[np.isfinite(apart)] = z[np.asarray(nearest)[np.isfinite(apart)]]
    between = np.zeros(len(traces), np.bool_)
    between[fill(np.zeros(2))] = True
    _at_picks(depths, places, z, traces)
    for shift in np.array([(1, 0), (-1, 0), (0, 1), (0, -1)]) * ROUNDING:
        fill(shift)
    return depths, widest, between


def _interpolated(mesh: Delaunay, z: Floats, triangle: NDArray[np.int32], at: Floats) -> Floats:
    """z at places in triangles."""
    transform = mesh.transform[triangle]
    first = np.einsum("nij,nj->ni", transform[:, :2], at - transform[:, 2])
    weights = np.column_stack([first, 1 - first.sum(axis=1)])
    return np.asarray((weights * z[mesh.simplices[triangle]]).sum(axis=1))


def _at_picks(depths: Floats, places: Floats, z: Floats, traces: Floats) -> None:
    """Fill in unknown traces in whose bins a pick lies: along the dip of the picks around."""
    open_ = np.flatnonzero(~np.isfinite(depths))
    number = min(NEIGHBOURS, len(places))
    tree = cKDTree(places)
    nearest = np.asarray(tree.query(traces[open_], distance_upper_bound=OWN * np.sqrt(2) + 1e-9)[1])
    held = nearest < len(places)
    open_, nearest = open_[held], nearest[held]
    held = np.asarray((np.abs(traces[open_] - places[nearest]) <= OWN + 1e-9).all(axis=1))
    open_, nearest = open_[held], nearest[held]
    if not len(open_):
        return
    around = np.asarray(tree.query(places[nearest], k=number)[1]).reshape(len(open_), number)
    apart = places[around] - places[nearest][:, None]
    # The shortest dip that fits: none across picks on one line.
    dip = np.einsum("nij,nj->ni", np.linalg.pinv(apart, rcond=FLAT), z[around] - z[nearest][:, None])
    depths[open_] = z[nearest] + ((traces[open_] - places[nearest]) * dip).sum(axis=1)
