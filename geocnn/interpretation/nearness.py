"""Which samples of a survey lie near a surface of triangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from geocnn.interpretation.picks import Floats

__all__ = ["near", "points_in", "spacing"]

SPACING = 0.3
"""Distance, in positions, of the points that a surface is made of, where samples within one position are looked for."""

HALF_CELL = sqrt(3) / 2
"""Distance of a point from the sample that it is nearest to, at most."""

BLOCK = 64
"""Samples along each axis that are looked at together, at least."""


def near(triangles: Floats, shape: Sequence[int], distance: float) -> NDArray[np.bool_]:
    """Which samples of a grid lie within a distance, in positions, of triangles (n, 3, 3).

    Notes
    -----
    Block by block, so that memory is that of a block and its surroundings besides the answer. Triangles are cut into
    pieces, and pieces beyond reach of the grid are dropped before anything is made of them, however far they reach.

    A piece is a set of points up to a spacing apart, so that the surface may be a little nearer than they are: the
    distance that counts is √(distance² + (spacing/2)²).
    """
    found = np.zeros(shape, np.bool_)
    reach = hypot(distance, spacing(distance) / 2)
    beyond = ceil(reach + HALF_CELL)
    size = max(BLOCK, 4 * beyond)
    pieces = _pieces(triangles, size / 2, -beyond, np.array(shape) - 1 + beyond)
    for start, reaching in _by_block(pieces, shape, size, beyond):
        block = found[tuple(slice(a, a + size) for a in start)]
        _mark(block, pieces[reaching] - start, distance, reach, beyond)
    return found


def spacing(distance: float) -> float:
    """Distance of points that makes a surface smooth to a hundredth of a position, seen from a distance."""
    return SPACING * sqrt(max(1.0, distance))


def _pieces(triangles: Floats, longest: float, low: int, high: NDArray[np.int64]) -> Floats:
    """Triangles halved across their longest edge until none is longer; those outside a box are left out."""
    done: list[Floats] = []
    while len(triangles):
        reaching = (triangles.max(axis=1) >= low) & (triangles.min(axis=1) <= high)
        triangles = triangles[reaching.all(axis=1)]
        # Edge k leads from corner k to the next.
        edges = np.linalg.norm(np.roll(triangles, -1, axis=1) - triangles, axis=2)
        small = edges.max(axis=1, initial=0.0) <= longest
        done.append(triangles[small])
        triangles, first = triangles[~small], edges[~small].argmax(axis=1)
        rows = np.arange(len(triangles))
        a, b, c = (triangles[rows, (first + k) % 3] for k in range(3))
        middle = (a + b) / 2
        triangles = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    return np.concatenate(done) if done else triangles


def _by_block(
    pieces: Floats, shape: Sequence[int], size: int, beyond: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """First samples of the blocks of a grid that pieces reach, and which pieces."""
    blocks = tuple(ceil(each / size) for each in shape)
    last = np.array(blocks) - 1
    lows = np.clip((pieces.min(axis=1) - beyond) // size, 0, last).astype(np.int64)
    highs = np.clip((pieces.max(axis=1) + beyond) // size, 0, last).astype(np.int64)
    block: list[NDArray[np.int64]] = []
    which: list[NDArray[np.int64]] = []
    for offset in np.ndindex(*(highs - lows).max(axis=0, initial=0) + 1):
        reaching = np.flatnonzero((lows + offset <= highs).all(axis=1))
        block.append(np.ravel_multi_index(tuple((lows[reaching] + offset).T), blocks))
        which.append(reaching)
    of_block, piece = np.concatenate(block), np.concatenate(which)
    order = np.argsort(of_block, kind="stable")
    of_block, piece = of_block[order], piece[order]
    starts = np.flatnonzero(np.diff(of_block, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(piece)], strict=True):
        yield np.array(np.unravel_index(of_block[start], blocks)) * size, piece[start:stop]


def _mark(block: NDArray[np.bool_], pieces: Floats, distance: float, reach: float, beyond: int) -> None:
    """Set samples of a block that lie within reach of pieces.

    Notes
    -----
    A point is at most √3/2 from the middle of its cell: the distance from cells with points tells of most samples on
    which side they are, and only the others are measured exactly.
    """
    points = np.concatenate([points_in(a, b, c, spacing(distance)) for a, b, c in pieces])
    cells = np.round(points).astype(np.int64)
    beside = ((cells >= -beyond) & (cells < np.array(block.shape) + beyond)).all(axis=1)
    points, cells = points[beside], cells[beside]
    if not len(points):
        return
    start, stop = cells.min(axis=0) - beyond, cells.max(axis=0) + beyond + 1
    free = np.ones(stop - start, np.bool_)
    free[tuple((cells - start).T)] = False
    apart = np.asarray(distance_transform_edt(free))
    low, high = np.maximum(start, 0), np.minimum(stop, block.shape)
    apart = apart[tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))]
    here = block[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    here |= apart <= reach - HALF_CELL
    unsure = np.argwhere(~here & (apart < reach + HALF_CELL))
    close = cKDTree(points).query(unsure + low, distance_upper_bound=reach)[0]
    here[tuple(unsure[np.isfinite(close)].T)] = True


def points_in(a: Floats, b: Floats, c: Floats, apart: float) -> Floats:
    r"""Points in a triangle, in rows along its shortest edge that grow from the corner opposite to it.

    ::

             b          row 0: one point
            / \
           /   \        row k: points from b + k/K (a − b) to b + k/K (c − b), as many as their distance asks for
          a - - c       row K: the shortest edge
    """
    a, b, c = min(((a, b, c), (b, c, a), (c, a, b)), key=lambda each: float(np.linalg.norm(each[2] - each[0])))
    longer, shortest = max(_length(a, b), _length(b, c)), _length(a, c)
    if longer == 0:
        return a[None]
    rows, columns = (1 + ceil(length / apart) for length in (longer, shortest))
    if shortest == 0:
        columns = 0
    share, column = np.meshgrid(np.arange(rows + 1) / rows, np.arange(columns + 1), indexing="ij")
    inside = column <= np.ceil(share * columns)
    share, along = share[inside][:, None], np.minimum(column / max(1, columns), share)[inside][:, None]
    return np.asarray(b + share * (a - b) + along * (c - a))


def _length(a: Floats, b: Floats) -> float:
    return float(np.linalg.norm(b - a))
