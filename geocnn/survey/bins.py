"""Bins of a volume: size, azimuth and handedness, by an affine fit to coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bins", "fit_bins"]


@dataclass(frozen=True)
class Bins:
    """Affine map from positions (i, x) of a grid to coordinates: origin + i · inline + x · crossline.

    Parameters
    ----------
    origin
        Coordinates of position (0, 0).
    inline, crossline
        Vectors from one inline to the next, and from one crossline to the next, in units of the coordinates.
    misfit
        Largest distance between a trace and its place by the fit.
    """

    origin: tuple[float, float]
    inline: tuple[float, float]
    crossline: tuple[float, float]
    misfit: float

    @property
    def size(self) -> tuple[float, float]:
        """Distance between inlines, and between crosslines."""
        return hypot(*self.inline), hypot(*self.crossline)

    @property
    def azimuth(self) -> float:
        """Direction along an inline (crosslines growing), in degrees clockwise from the Y axis (north), 0 to 360."""
        # Twice, since a tiny negative angle is 360 after the first time.
        return degrees(atan2(self.crossline[0], self.crossline[1])) % 360 % 360

    @property
    def right_handed(self) -> bool:
        """Whether inline direction, crossline direction and up make a right-handed system."""
        return self.inline[0] * self.crossline[1] - self.inline[1] * self.crossline[0] > 0

    def place(self, inline: float, crossline: float) -> tuple[float, float]:
        """Coordinates of a position, counted from 0 along each axis."""
        x, y = (
            start + inline * a + crossline * b
            for start, a, b in zip(self.origin, self.inline, self.crossline, strict=True)
        )
        return x, y

    def corners(self, inlines: int, crosslines: int) -> tuple[tuple[float, float], ...]:
        """Coordinates of the corners of a grid: first and last crossline of the first inline, then of the last."""
        last = (inlines - 1, crosslines - 1)
        return tuple(self.place(i, x) for i in (0, last[0]) for x in (0, last[1]))


def fit_bins(positions: NDArray[np.int64], coordinates: NDArray[np.float64]) -> Bins | None:
    """Least-squares bins of positions (n, 2) with coordinates (n, 2); none if the coordinates do not spread."""
    design = np.column_stack([np.ones(len(positions)), positions])
    # Coordinates are large against bins: the fit is about their mean.
    centre = coordinates.mean(axis=0)
    solution, _, rank, _ = np.linalg.lstsq(design, coordinates - centre, rcond=None)
    if rank < 3 or not np.ptp(coordinates, axis=0).any():
        return None
    misfit = np.hypot(*(design @ solution + centre - coordinates).T).max()
    (x, y), inline, crossline = solution.tolist()
    return Bins((x + float(centre[0]), y + float(centre[1])), tuple(inline), tuple(crossline), float(misfit))
