"""Horizons: depths of the traces of a survey between picks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, Delaunay, QhullError, cKDTree

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

TREMBLE = 1e-6
"""Positions by which picks are moved for their triangles to be found: those of exact grids are ambiguous, and slow."""

EDGE = 1e-9
"""Rounding at edges of triangles."""

AT_ONCE = 2**20
"""Traces that are tried for triangles at once."""

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
    apart, nearest = cKDTree(places).query(traces, distance_upper_bound=0.5 / SAME)
    own = np.isfinite(apart)
    depths[own] = z[np.asarray(nearest)[own]]
    if own.all():
        # Every trace was picked: there is nothing between picks.
        return depths, 0.0, own
    try:
        mesh = Delaunay(places + np.random.default_rng(0).uniform(-TREMBLE, TREMBLE, places.shape))
        hull = ConvexHull(places)
    except QhullError:
        # So nearly on one line that they make no triangles.
        return depths, 0.0, np.zeros(len(traces), np.bool_)
    corners = places[mesh.simplices]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    widest = GAP * float(np.median(longest))
    filled = mesh.simplices[longest <= widest]
    shape = traces[-1].astype(np.int64) + 1
    for shift in np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]) * ROUNDING:
        _fill(depths.reshape(shape), places[filled] - shift, z[filled])
        if not shift.any():
            _at_picks(depths, places, z, traces)
    return depths, widest, _within(hull, traces)


def _fill(depths: Floats, corners: Floats, z: Floats) -> None:
    """Fill in unknown traces (I, X) in triangles: corners (n, 3, 2) and their depths (n, 3)."""
    low = np.maximum(np.ceil(corners.min(axis=1) - EDGE), 0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(axis=1) + EDGE), np.array(depths.shape) - 1).astype(np.int64)
    sizes = np.maximum(high - low + 1, 0)
    sides = corners[:, 1:] - corners[:, :1]
    area = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]
    some = np.flatnonzero((sizes.prod(axis=1) > 0) & (np.abs(area) > EDGE))
    batch = np.cumsum(sizes[some].prod(axis=1)) // AT_ONCE
    for part in np.split(some, np.flatnonzero(np.diff(batch)) + 1):
        count = sizes[part].prod(axis=1)
        which = np.repeat(part, count)
        number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        trace = low[which] + np.column_stack(np.divmod(number, sizes[which, 1]))
        unknown = ~np.isfinite(depths[tuple(trace.T)])
        which, trace = which[unknown], trace[unknown]
        (x, y), (a, b) = (trace - corners[which, 0]).T, (sides[which, k] for k in (0, 1))
        first, second = (x * b[:, 1] - y * b[:, 0]) / area[which], (a[:, 0] * y - a[:, 1] * x) / area[which]
        weights = np.column_stack([1 - first - second, first, second])
        inside = (weights >= -EDGE).all(axis=1)
        depths[tuple(trace[inside].T)] = (weights[inside] * z[which[inside]]).sum(axis=1)


def _within(hull: ConvexHull, traces: Floats) -> NDArray[np.bool_]:
    """Which traces lie in the convex hull of picks."""
    inside = np.ones(len(traces), np.bool_)
    for east, north, offset in hull.equations:
        inside &= traces[:, 0] * east + traces[:, 1] * north + offset <= EDGE
    return inside


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
