"""A survey to interpret: lines that count by twos, bins that are turned by 30° and are longer one way."""

from __future__ import annotations

import numpy as np

from geocnn.grid import Axis, Grid
from geocnn.survey.bins import Bins
from geocnn.survey.memory import MemorySurvey
from geocnn.survey.survey import Coordinates, Domain

GRID = Grid((Axis("inline", 100, 2, 40), Axis("crossline", 500, 1, 60), Axis("sample", 200, 4, 50, "ms")))
BINS = Bins((600_000.0, 7_000_000.0), (21.6506, 12.5), (-6.25, 10.8253), 0.0)


class InterpretedSurvey(MemorySurvey):
    """Zeros, 40 inlines × 60 crosslines × 50 samples, with coordinates unless they are left out."""

    def __init__(self, grid: Grid = GRID, coordinates: bool = True) -> None:
        super().__init__("survey", grid, Domain("time", "test"), np.zeros((1, *grid.shape), np.float32))
        self._has_coordinates = coordinates

    @property
    def coordinates(self) -> Coordinates | None:
        if not self._has_coordinates:
            return None
        i, x = np.meshgrid(*map(np.arange, self.grid.lateral), indexing="ij")
        return np.stack([BINS.origin[k] + BINS.inline[k] * i + BINS.crossline[k] * x for k in (0, 1)])
