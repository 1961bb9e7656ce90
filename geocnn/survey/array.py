"""An array on disk as a survey: its axes in any order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Window
from geocnn.survey.naming import AxisNames
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["NUMBERS", "ArrayOnDisk", "is_guessed"]

NUMBERS = "biuf"
"""Kinds of NumPy types that are samples."""


class ArrayOnDisk(Survey):
    """What HDF5 data sets, .npy files and headerless cubes share.

    Attributes
    ----------
    axis_names
        Names of the array's axes in its own order.
    """

    axis_names: AxisNames

    @abstractmethod
    def block(self, window: Window, selection: tuple[slice, ...]) -> NDArray[Any]:
        """Values of a selection of the array, one slice for each of its axes; `window` is what was asked for."""

    @property
    def present(self) -> BoolArray:
        return np.ones(self.grid.lateral, np.bool_)

    def read(self, window: Window) -> FloatArray:
        # Larger numbers than float32 holds become infinite, which a scan tells.
        with np.errstate(over="ignore"):
            samples = np.ascontiguousarray(self._values(window), np.float32)
        # What was not converted may still be a view of a mapped file, and samples are the caller's own.
        return samples if samples.flags.writeable else samples.copy()

    def inexact(self, window: Window) -> int:
        return 0 if np.can_cast(self._kind, np.float32) else _rounded(self._values(window))

    @property
    @abstractmethod
    def _kind(self) -> np.dtype[Any]:
        """Type of the values."""

    def _values(self, window: Window) -> NDArray[Any]:
        """Values of a window in the canonical order, (C, \\*window.shape)."""
        order, names = self.axis_names.order, self.axis_names.names
        lateral = [axis for axis in order if axis != "channel"]
        wanted = dict(zip(lateral, window.slices, strict=True)) | {"channel": slice(None)}
        values = self.block(window, tuple(wanted[axis] for axis in names))
        ordered = np.transpose(values, [names.index(axis) for axis in order])
        return ordered if "channel" in names else ordered[None]


def _rounded(values: NDArray[Any]) -> int:
    """How many values float32 cannot hold exactly."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
        if values.dtype.kind == "f":
            return int(np.count_nonzero((single != values) & ~np.isnan(values)))
        # The largest integers become powers of two that their own type does not hold.
        beyond = single >= np.float32(2.0 ** (8 * values.dtype.itemsize - (values.dtype.kind == "i")))
        back = np.where(beyond, np.float32(0), single).astype(values.dtype)
    return int(np.count_nonzero(beyond | (back != values)))


def is_guessed(survey: Survey) -> bool:
    """Whether the order of the axes of a survey, or of one of its parts, was guessed."""
    parts: Sequence[Survey] = getattr(survey, "surveys", ())
    return any(map(is_guessed, parts)) or (isinstance(survey, ArrayOnDisk) and survey.axis_names.guessed)
