"""A patch: what training sees at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.augment.sampling import Sampling
from geocnn.grid import Grid, Window
from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "Patch"]

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Patch:
    """What training sees.

    Parameters
    ----------
    image
        Shape (C, \\*patch).
    label
        Shape (\\*patch), −1 where not interpreted or dead.
    source, grid, window
        Name and axes of the survey, or synthetic world, that it was drawn from, and where, before it was augmented.
    sampling
        Sizes of its positions.
    """

    image: FloatArray
    label: Labels
    source: str
    grid: Grid
    window: Window
    sampling: Sampling
