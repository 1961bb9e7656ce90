"""A survey: a gridded data set on disk, opened lazily and read in windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid, Window

__all__ = ["BoolArray", "Domain", "FloatArray", "Survey"]

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Domain:
    """Vertical domain of a survey, and how it is known (``--domain``, ``text header line C9``, ``assumed``)."""

    name: Literal["time", "depth"]
    source: str

    @property
    def unit(self) -> str:
        """``ms`` for time, ``m`` for depth."""
        return "ms" if self.name == "time" else "m"


class Survey(ABC):
    """Samples on a grid, read window by window; nothing ever holds the whole file.

    Attributes
    ----------
    name
        What the user called it: the path, with the data set for HDF5.
    grid
        Axes, slow to fast, such as (inline, crossline, sample), whatever the order in the file.
    channels
        Number of channels C.
    domain
        Time or depth, and how that is known.
    remarks
        What the user must know and did not ask: skipped bytes, missing traces, guesses.
    """

    name: str
    grid: Grid
    channels: int
    domain: Domain
    remarks: tuple[str, ...] = ()

    @abstractmethod
    def read(self, window: Window) -> FloatArray:
        """Samples of a window as float32, shape (C, \\*window.shape); missing traces are zero."""

    @property
    @abstractmethod
    def present(self) -> BoolArray:
        """Which traces the file holds, shape `grid.lateral`."""
