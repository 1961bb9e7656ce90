"""An array in memory as a survey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid, Window
from geocnn.survey.survey import BoolArray, Domain, FloatArray, Survey

__all__ = ["MemorySurvey"]


class MemorySurvey(Survey):
    """Samples (C, \\*grid.shape) that were made, not read.

    Parameters
    ----------
    name
        What messages call it.
    grid, domain
        Its axes and vertical domain.
    samples
        Any kind of number.
    """

    def __init__(self, name: str, grid: Grid, domain: Domain, samples: NDArray[Any]) -> None:
        self.name, self.grid, self.domain = name, grid, domain
        self.channels = len(samples)
        self._samples = samples

    def read(self, window: Window) -> FloatArray:
        return self._samples[:, *window.slices].astype(np.float32)

    @property
    def present(self) -> BoolArray:
        return np.ones(self.grid.lateral, np.bool_)
